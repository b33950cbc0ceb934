"""Raw files to one version of the processed data: the whole of `processing` in order.

Belongs here: the order of the stages, what is written, and the check that no row was lost. Does
not belong here: where versions live and how one becomes the current one (an adapter's work), or
whether the result is good enough to train on (the asset checks).
"""

import json
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from weather_assets.contract.cells import fold_header
from weather_assets.contract.columns import ContractError
from weather_assets.contract.schema import OWN_COLUMNS, Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.processing.comparing.kept_results import KeptResults
from weather_assets.processing.files.layouts import Layout, warnings_of
from weather_assets.processing.parts.accounting import ProcessingReport, RowsUnaccountedFor
from weather_assets.processing.parts.file_entries import entries_of
from weather_assets.processing.parts.fitting import fit
from weather_assets.processing.parts.gathering import Folders, gather, gather_timed
from weather_assets.processing.parts.parts import is_row_by_row
from weather_assets.processing.parts.summaries import Summary
from weather_assets.processing.parts.tasks import SMALL_BYTES
from weather_assets.processing.parts.timed_rows import finish_timed

WEATHER, REJECTED = "weather.parquet", "rejected.parquet"
STATISTICS, CONTRACT, SUMMARY = "statistics.json", "contract.json", "summary.json"

PASSING = ".results"
"""Folder for results that are not kept; it is there only while a version is made."""


def process(
    spark: Callable[[], SparkSession],
    layouts: Sequence[Layout],
    contract: Contract,
    output_dir: Path,
    results: KeptResults | None = None,
    small_bytes: int = SMALL_BYTES,
) -> ProcessingReport:
    """Validates, labels and divides raw rows, fits the training statistics, and writes all of it.

    The rows that are kept, their splits and the statistics depend on the set of raw rows alone:
    not on their order, on how they are spread over files, on Spark's partitions, or on which files
    were read before.

    Args:
        spark: gives the session; called only if there is something for it to do.
        layouts: what to read, and where its columns are; files of different names.
        contract: what the columns mean.
        output_dir: where to write; does not exist yet or is empty. Gets `weather.parquet/`,
            `rejected.parquet/`, `statistics.json` and `contract.json` as described in DESIGN.md,
            and `summary.json`.
        results: where what is made of files, and of stretches of time, is kept for other versions;
            what is there is used. None keeps nothing.
        small_bytes: up to so much new text, and as many rows as that may be, it takes no Spark.

    Returns:
        Counts, shares, warnings and timings.

    Raises:
        RawFileError: if a file is damaged or has changed.
        ContractError: if a column of the contract is called like one that is added here, or
            nobody knows the time zone of its timestamps.
        FileExistsError: if `output_dir` holds something.
        RowsUnaccountedFor: if rows were lost or doubled on the way.
    """
    _check_names(contract)
    folders = _made(output_dir)
    if results is None:
        numbers = {layout.file.name: str(number) for number, layout in enumerate(layouts)}
        results = KeptResults(numbers, lambda name: output_dir / PASSING / name)
    seconds: dict[str, float] = {}
    with _timed(seconds, "read_validate"):
        entries = entries_of(spark, layouts, contract, results.entry, small_bytes)
    with _timed(seconds, "divide_write"):
        if is_row_by_row(contract):
            summary, samples = gather(entries.values(), contract, folders)
        else:
            parts = finish_timed(spark, entries, contract, results, small_bytes)
            summary, samples = gather_timed(parts, contract, folders)
    with _timed(seconds, "fit"):
        statistics = fit(
            summary.sums, samples, contract, summary.training_rows, summary.training_positive
        )
    shutil.rmtree(output_dir / PASSING, ignore_errors=True)
    _describe(output_dir, statistics, summary, contract)
    rows_in = sum(entry.rows for entry in entries.values())
    _check_accounts(rows_in, summary, folders)
    return _report(layouts, contract, rows_in, summary, seconds)


def _made(output_dir: Path) -> Folders:
    """Makes the folders that rows go to."""
    output_dir.mkdir(parents=True, exist_ok=True)
    if any(output_dir.iterdir()):
        raise FileExistsError(
            f"{output_dir} is not empty; a version is written into a folder of its own"
        )
    folders = Folders(output_dir / WEATHER, output_dir / REJECTED)
    folders.weather.mkdir()
    folders.rejected.mkdir()
    return folders


def _describe(
    output_dir: Path, statistics: TrainingStatistics, summary: Summary, contract: Contract
) -> None:
    """Writes what lies beside the rows."""
    (output_dir / STATISTICS).write_text(statistics.to_json(), encoding="utf-8")
    (output_dir / SUMMARY).write_text(summary.to_json(), encoding="utf-8")
    description = json.dumps(contract.to_dict(), indent=1, sort_keys=True) + "\n"
    (output_dir / CONTRACT).write_text(description, encoding="utf-8")


def _report(
    layouts: Sequence[Layout],
    contract: Contract,
    rows_in: int,
    summary: Summary,
    seconds: dict[str, float],
) -> ProcessingReport:
    counts = summary.counts(contract)
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


def _check_names(contract: Contract) -> None:
    taken = sorted(name for name in contract.header if fold_header(name) in OWN_COLUMNS)
    if taken:
        raise ContractError(
            f"contract {contract.name!r}: columns {taken} are called like columns that "
            f"{WEATHER} adds ({', '.join(OWN_COLUMNS)}); rename them in the file and the contract"
        )


def _check_accounts(rows_in: int, summary: Summary, folders: Folders) -> None:
    """Holds the rows read against the rows counted and against those in the files."""
    written_kept, written_rejected = _rows_in(folders.weather), _rows_in(folders.rejected)
    rejected = sum(summary.rejected.values())
    if not (
        rows_in == summary.kept + rejected
        and summary.kept == written_kept
        and rejected == written_rejected
    ):
        raise RowsUnaccountedFor(
            f"{rows_in} rows were read; counted {summary.kept} kept and {rejected} rejected; "
            f"written {written_kept} and {written_rejected}. "
            "Nothing was published; run again, and report this if it stays"
        )


def _rows_in(folder: Path) -> int:
    """Returns the number of rows in a folder of Parquet parts, from their footers."""
    return sum(pq.read_metadata(part).num_rows for part in sorted(folder.glob("*.parquet")))


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Generator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)
