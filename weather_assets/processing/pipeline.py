"""Raw files to one version of the processed data: the whole of `processing` in order.

Belongs here: the order of the stages, what is written, and the check that no row was lost. Does
not belong here: where versions live and how one becomes the current one (an adapter's work), or
whether the result is good enough to train on (the asset checks).
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from weather_assets.contract.schema import Contract, ContractError, fold_header
from weather_assets.processing.comparing.kept_results import KeptResults
from weather_assets.processing.comparing.splitting import TRAIN
from weather_assets.processing.files.raw_file import RawFile, layouts_of, warnings_of
from weather_assets.processing.parts.accounting import ProcessingReport, RowsUnaccountedFor
from weather_assets.processing.parts.file_entries import FileEntry, entries_of
from weather_assets.processing.parts.fitting import fit, sample_share, sampled_rows
from weather_assets.processing.parts.parts import (
    OWN_COLUMNS,
    is_row_by_row,
    weather_schema,
    write_rejected,
)
from weather_assets.processing.parts.summaries import Summary, summary_of, total
from weather_assets.processing.parts.tasks import SMALL_BYTES
from weather_assets.processing.parts.timed_rows import DividedPart, finish_timed

WEATHER, REJECTED = "weather.parquet", "rejected.parquet"
STATISTICS, CONTRACT, SUMMARY = "statistics.json", "contract.json", "summary.json"

PASSING = ".results"
"""Folder for results that are not kept; it is there only while a version is made."""


def process(
    spark: Callable[[], SparkSession],
    raw_files: Sequence[RawFile],
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
        raw_files: what to read; every file has the contract's columns, in any order.
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
    if results is None:
        numbers = {layout.file.name: str(number) for number, layout in enumerate(layouts)}
        results = KeptResults(numbers, lambda name: output_dir / PASSING / name)
    with _timed(seconds, "read_validate"):
        folders = {layout.file.name: results.entry(layout.file.name) for layout in layouts}
        made = entries_of(spark, layouts, contract, folders, small_bytes)
        found = {layout.file.name: entry for layout, entry in zip(layouts, made, strict=True)}
    with _timed(seconds, "divide_write"):
        if is_row_by_row(contract):
            summary, samples = _gather(found, contract, output_dir)
        else:
            parts = finish_timed(spark, found, contract, results, small_bytes)
            summary, samples = _gather_timed(parts, contract, output_dir)
    with _timed(seconds, "fit"):
        statistics = fit(
            summary.sums, samples, contract, summary.training_rows, summary.training_positive
        )
    shutil.rmtree(output_dir / PASSING, ignore_errors=True)
    (output_dir / STATISTICS).write_text(statistics.to_json(), encoding="utf-8")
    (output_dir / SUMMARY).write_text(summary.to_json(), encoding="utf-8")
    description = json.dumps(contract.to_dict(), indent=1, sort_keys=True) + "\n"
    (output_dir / CONTRACT).write_text(description, encoding="utf-8")
    rows_in = sum(entry.rows for entry in found.values())
    _check_accounts(rows_in, summary, output_dir)
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


@dataclass(frozen=True, slots=True)
class _Sampled:
    """Where rows for quantiles come from: a sample, or the part that it was drawn from."""

    sample: Path
    share: float
    weather: Path

    def table(self, contract: Contract, share: float) -> pa.Table:
        """Returns at least a share of the training rows."""
        if share <= self.share:
            return pq.read_table(self.sample)
        training = pq.read_table(self.weather, filters=[("split", "=", TRAIN)])
        return sampled_rows(training, contract, share)


_Gathered = tuple[Summary, Iterator[pa.Table]]
"""The summary of all rows, and samples for quantiles."""


def _gather(entries: Mapping[str, FileEntry], contract: Contract, output_dir: Path) -> _Gathered:
    """Fills both Parquet folders with the parts of files whose rows stand alone."""
    weather, rejected = _folders(output_dir)
    summary = total(entry.summary for entry in entries.values())
    sampled: list[_Sampled] = []
    for entry in entries.values():
        for part, paths in zip(entry.parts, entry.paths(), strict=True):
            name = f"{entry.folder.name}-{part}.parquet"
            _link(paths.weather, weather / name)
            _link(paths.rejected, rejected / name)
            sampled.append(_Sampled(paths.sample, entry.share, weather / name))
    return summary, _samples(summary, sampled, contract, output_dir)


def _gather_timed(parts: Sequence[DividedPart], contract: Contract, output_dir: Path) -> _Gathered:
    """Fills both Parquet folders with parts whose rows were compared."""
    weather, rejected = _folders(output_dir)
    # Of no row at all, where no part has any.
    nothing = summary_of(TRAIN, weather_schema(contract).empty_table(), contract)
    summary = total([nothing, *(part.summary for part in parts)])
    sampled: list[_Sampled] = []
    for number, part in enumerate(parts):
        name = f"{number:05}.parquet"
        if part.paths.weather.exists():
            _link(part.paths.weather, weather / name)
            sampled.append(_Sampled(part.paths.sample, part.share, weather / name))
        if part.paths.rejected.exists():
            _link(part.paths.rejected, rejected / name)
    return summary, _samples(summary, sampled, contract, output_dir)


def _folders(output_dir: Path) -> tuple[Path, Path]:
    weather, rejected = output_dir / WEATHER, output_dir / REJECTED
    weather.mkdir()
    rejected.mkdir()
    return weather, rejected


def _samples(
    summary: Summary, sampled: Sequence[_Sampled], contract: Contract, output_dir: Path
) -> Iterator[pa.Table]:
    """Completes folders without a row, and returns samples of the training rows."""
    for name, write in ((WEATHER, _write_no_weather), (REJECTED, _write_nothing_rejected)):
        if not any((output_dir / name).iterdir()):
            write(output_dir / name / "none.parquet", contract)
    share = sample_share(summary.training_rows)
    return (each.table(contract, share) for each in sampled)


def _link(made: Path, place: Path) -> None:
    """Makes a part of an entry a part of the version, which takes no room of its own."""
    try:
        os.link(made, place)
    except OSError:  # a file system without hard links
        shutil.copyfile(made, place)


def _write_no_weather(path: Path, contract: Contract) -> None:
    pq.write_table(weather_schema(contract).empty_table(), path, store_schema=False)


def _write_nothing_rejected(path: Path, contract: Contract) -> None:
    del contract  # all have the same columns
    write_rejected([], path)


def _check_names(contract: Contract) -> None:
    taken = sorted(name for name in contract.header if fold_header(name) in OWN_COLUMNS)
    if taken:
        raise ContractError(
            f"contract {contract.name!r}: columns {taken} are called like columns that "
            f"{WEATHER} adds ({', '.join(OWN_COLUMNS)}); rename them in the file and the contract"
        )


def _check_accounts(rows_in: int, summary: Summary, output_dir: Path) -> None:
    """Holds the rows read against the rows counted and against those in the files."""
    written_kept, written_rejected = (_rows_in(output_dir / name) for name in (WEATHER, REJECTED))
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
