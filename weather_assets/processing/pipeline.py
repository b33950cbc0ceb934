"""Raw files to one version of the processed data: the whole of `processing` in order.

Belongs here: the order of the stages, what is written, and the check that no row was lost. Does
not belong here: where versions live and how one becomes the current one (an adapter's work), or
whether the result is good enough to train on (the asset checks).

Spark jobs: one reads, validates and labels, and finds where the splits begin; the others start
from its cached result and run side by side, because on small data the fixed cost of a job is what
takes the time.
"""

import json
import re
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql.functions import expr

from weather_assets.contract.schema import Contract, ContractError, fold_header
from weather_assets.processing import sql
from weather_assets.processing.accounting import (
    Counts,
    ProcessingReport,
    RowsUnaccountedFor,
    count_rows,
)
from weather_assets.processing.features import with_features
from weather_assets.processing.fitting import fit
from weather_assets.processing.outcomes import with_labels
from weather_assets.processing.raw_files import (
    Layout,
    RawFile,
    RawFileError,
    layouts_of,
    warnings_of,
)
from weather_assets.processing.reading import read_cells, total_bytes
from weather_assets.processing.splitting import Boundaries, find_boundaries, with_split
from weather_assets.processing.validation import validate, value_column

WEATHER, REJECTED = "weather.parquet", "rejected.parquet"
STATISTICS, CONTRACT = "statistics.json", "contract.json"

SINGLE_FILE_ROWS = 1_000_000
"""Up to this many raw rows each Parquet folder holds one part, sorted: writing in parallel would
gain less than a second, and every later reader opens one file."""

INTERPRETED_BYTES = 512 * 2**10
"""Up to this much text, Spark interprets its queries: generating and compiling code for them costs
1 to 2 s in a new session, and earns it back from some 10,000 rows on."""

_GENERATE_NOTHING = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}

_OWN_COLUMNS = ("label_encoded", "split", "persistence", "row_hash")


def process(
    spark: SparkSession, raw_files: Sequence[RawFile], contract: Contract, output_dir: Path
) -> ProcessingReport:
    """Validates, labels and divides raw rows, fits the training statistics, and writes all of it.

    The rows that are kept, their splits and the statistics depend on the set of raw rows alone:
    not on their order, on how they are spread over files, or on Spark's partitions.

    Args:
        spark: the session; it writes instants as `TIMESTAMP_MICROS`, as
            `adapters.spark_io.spark_configuration` makes it. No other setting changes the result.
        raw_files: what to read; every file has the contract's columns, in any order.
        contract: what the columns mean.
        output_dir: where to write; does not exist yet or is empty. Gets `weather.parquet/`,
            `rejected.parquet/`, `statistics.json` and `contract.json` as described in DESIGN.md.

    Returns:
        Counts, shares, warnings and timings.

    Raises:
        RawFileError: if a file is missing, empty, damaged or has another header.
        ContractError: if a column of the contract is called like one that is added here, or its
            timestamp format cannot be read.
        FileExistsError: if `output_dir` holds something.
        RowsUnaccountedFor: if rows were lost or doubled on the way.
    """
    _check_names(contract)
    output_dir.mkdir(parents=True, exist_ok=True)
    if any(output_dir.iterdir()):
        raise FileExistsError(
            f"{output_dir} is not empty; a version is written into a folder of its own"
        )
    seconds: dict[str, float] = {}
    with _timed(seconds, "headers"):
        layouts = layouts_of(raw_files, contract)
    with _fitting_code_generation(spark, total_bytes(layouts)):
        rows_in, counts = _compute(spark, layouts, contract, output_dir, seconds)
    _check_accounts(rows_in, counts, output_dir)
    return ProcessingReport(
        contract=contract.name,
        contract_fingerprint=contract.fingerprint,
        files=tuple(layout.file.name for layout in layouts),
        rows_in=rows_in,
        counts=counts,
        missing_share={
            name: missing / max(1, counts.kept)
            for name, missing in counts.missing_by_column.items()
        },
        warnings=warnings_of(layouts),
        seconds=seconds,
    )


def _compute(
    spark: SparkSession,
    layouts: Sequence[Layout],
    contract: Contract,
    output_dir: Path,
    seconds: dict[str, float],
) -> tuple[int, Counts]:
    """Runs all Spark jobs; returns the rows read, and what became of them."""
    rows_read = Observation()
    with _timed(seconds, "plan"):
        cells = read_cells(spark, layouts).observe(rows_read, expr("count(1) AS rows"))
        labelled = with_labels(validate(cells, contract), contract).persist()
    try:
        with _timed(seconds, "read_validate_label"), _readable_errors():
            boundaries = find_boundaries(labelled, contract)
        rows_in: int = rows_read.get["rows"]
        with _timed(seconds, "write_count_fit"):
            counts = _finish(labelled, contract, boundaries, output_dir, rows_in)
    finally:
        labelled.unpersist()
    return rows_in, counts


def prepared_columns(divided: DataFrame, contract: Contract) -> DataFrame:
    """Returns valid rows with the columns of `weather.parquet`, unsorted.

    Args:
        divided: what `splitting.with_split` returns.
        contract: names and types of the columns.
    """
    values = [
        f"{_as_written(name, index, contract)} AS {sql.identifier(name)}"
        for index, name in enumerate(contract.header)
    ]
    persistence = [] if contract.label.lead is None else ["CAST(event AS DOUBLE) AS persistence"]
    own = ["label AS label_encoded", "split", *persistence, "row_hash"]
    rows = with_features(divided.where("fault IS NULL").selectExpr(*values, *own), contract)
    features = () if contract.timestamp is None else contract.timestamp.features
    last = [name for name in _OWN_COLUMNS if name in rows.columns]
    return rows.select(*(sql.identifier(name) for name in (*contract.header, *features, *last)))


def _as_written(name: str, index: int, contract: Contract) -> str:
    value = value_column(index)
    is_time = contract.timestamp is not None and contract.timestamp.column == name
    return f"timestamp_micros({value})" if is_time else value


def _finish(
    labelled: DataFrame,
    contract: Contract,
    boundaries: Boundaries,
    output_dir: Path,
    rows_in: int,
) -> Counts:
    """Counts, fits and writes from the cached rows, side by side."""
    divided = with_split(labelled, contract, boundaries)
    prepared = prepared_columns(divided, contract)
    rejected = divided.where("fault IS NOT NULL").selectExpr(
        "file", "line", "fault.column AS column", "fault.reason AS reason", "raw"
    )
    order = ["row_hash"]
    if contract.timestamp is not None:
        order.insert(0, sql.identifier(contract.timestamp.column))
    column_of = {name: value_column(index) for index, name in enumerate(contract.header)}
    is_small = rows_in <= SINGLE_FILE_ROWS

    def write(rows: DataFrame, order: Sequence[str], name: str) -> None:
        parts = rows.coalesce(1) if is_small else rows
        parts.sortWithinPartitions(*order).write.parquet(str((output_dir / name).absolute()))

    with ThreadPoolExecutor(max_workers=4) as pool:
        counting = pool.submit(count_rows, divided, column_of)
        fitting = pool.submit(fit, prepared, contract, boundaries.expected_training_rows)
        writing = [
            pool.submit(write, prepared, order, WEATHER),
            pool.submit(write, rejected, ["file", "line"], REJECTED),
        ]
        for written in writing:
            written.result()
        statistics = fitting.result()
        counts = counting.result()
    (output_dir / STATISTICS).write_text(statistics.to_json(), encoding="utf-8")
    description = json.dumps(contract.to_dict(), indent=1, sort_keys=True) + "\n"
    (output_dir / CONTRACT).write_text(description, encoding="utf-8")
    return counts


def _check_names(contract: Contract) -> None:
    taken = sorted(name for name in contract.header if fold_header(name) in _OWN_COLUMNS)
    if taken:
        raise ContractError(
            f"contract {contract.name!r}: columns {taken} are called like columns that "
            f"{WEATHER} adds ({', '.join(_OWN_COLUMNS)}); rename them in the file and the contract"
        )


def _check_accounts(rows_in: int, counts: Counts, output_dir: Path) -> None:
    """Holds the rows read against the rows counted and against those in the files."""
    written_kept, written_rejected = (_rows_in(output_dir / name) for name in (WEATHER, REJECTED))
    in_splits = sum(counts.rows_by_split.values())
    if not (
        rows_in == counts.kept + counts.rejected
        and counts.kept == written_kept == in_splits
        and counts.rejected == written_rejected
    ):
        raise RowsUnaccountedFor(
            f"{rows_in} rows were read; counted {counts.kept} kept ({in_splits} in splits) and "
            f"{counts.rejected} rejected; written {written_kept} and {written_rejected}. "
            "Nothing was published; run again, and report this if it stays"
        )


def _rows_in(folder: Path) -> int:
    """Returns the number of rows in a folder of Parquet parts, from their footers."""
    return sum(pq.read_metadata(part).num_rows for part in sorted(folder.glob("*.parquet")))


@contextmanager
def _fitting_code_generation(spark: SparkSession, raw_bytes: int) -> Generator[None]:
    """Has Spark interpret the queries of little text, and puts its settings back afterwards."""
    chosen = _GENERATE_NOTHING if raw_bytes <= INTERPRETED_BYTES else {}
    before = {key: spark.conf.get(key, None) for key in chosen}
    for key, value in chosen.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, value)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Generator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)


@contextmanager
def _readable_errors() -> Generator[None]:
    """Turns a Spark task's report of a bad raw file back into the error that the task raised."""
    try:
        yield
    except PythonException as error:
        raised = re.search(rf"{RawFileError.__name__}: (.*)", str(error))
        if raised is None:
            raise
        raise RawFileError(raised[1]) from None
