"""Preparation against the plain recipe and against DuckDB, on files of growing size.

Belongs here: running all three on the same files, one after the other, and what must be reached.
Does not belong here: the programs (`preparation_programs`, `plain_recipe`).

The work is to parse, validate, set aside, divide, fit and write Parquet. The plain recipe does not
validate, divide, set aside or hash: what this project does beyond it counts against this project.

Rows with a time are prepared as well, by this project alone: they are compared with one another,
labelled an hour ahead and divided in time, which the others do not do.
"""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkError,
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.memory import Watch
from weather_assets_tests.benchmarks.processes import Program, run_together
from weather_assets_tests.large_file import Truth, write_large_file
from weather_assets_tests.large_timed_file import (
    CONTRACT,
    TimedTruth,
    timed_truth,
    write_large_timed_file,
)

PLAIN, OURS, DUCKDB, FURTHER = "plain recipe", "this graph", "DuckDB", "1 M more rows"
TIMED, LATER = "this graph with a time", "1 M later rows"
SMALLEST_ROWS = 1_000_000
LEAST_SPEEDUP, LEAST_SPEEDUP_LARGE, MOST_OF_DUCKDB = 4.0, 6.0, 4.0
LARGE_ROWS = 100_000_000
MOST_OF_FURTHER, MOST_GROWTH = 0.05, 12.0
_TIMEOUT_SECONDS = 7200.0
_PROGRAMS = "weather_assets_tests.benchmarks.preparation_programs"
_RECIPE = "weather_assets_tests.benchmarks.plain_recipe"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one program took on one file.

    Attributes:
        seconds: from process start to end.
        peak_bytes: of all its processes together.
        processor_seconds: of all its processes, as far as they were seen.
    """

    seconds: float
    peak_bytes: int
    processor_seconds: float


Costs = dict[tuple[str, int], Cost]
"""By program and rows."""


def measure(workplace: Workplace) -> BenchmarkResult:
    """Runs all programs on 1 million rows, 10 million, and so on up to `workplace.rows`."""
    costs: Costs = {}
    rows = SMALLEST_ROWS
    while rows <= workplace.rows:
        folder = workplace.folder / str(rows)
        folder.mkdir()
        workplace.say(f"writing {rows:,} rows")
        raw = folder / "weather.csv"
        truth = write_large_file(raw, rows)
        _compare_on(raw, truth, rows, workplace.say, costs)
        shutil.rmtree(folder)
        folder.mkdir()
        _prepare_timed(folder, rows, workplace.say, costs)
        shutil.rmtree(folder)
        rows *= 10
    return judge(costs)


def _compare_on(
    raw: Path, truth: Truth, rows: int, say: Callable[[str], None], costs: Costs
) -> None:
    folder = raw.parent
    duckdb = folder / "duckdb"
    duckdb.mkdir()
    arguments = [sys.executable, "-m", _PROGRAMS, "duckdb", str(raw), str(duckdb)]
    costs[DUCKDB, rows] = _timed(Program(DUCKDB, arguments, folder), say)
    check(duckdb, truth)
    shutil.rmtree(duckdb)
    root = DataRoot.at(folder / "root").create()
    raw = raw.rename(root.raw / "weather.csv")
    ours = Program(OURS, [sys.executable, "-m", _PROGRAMS, "ours", str(root.path)], folder)
    costs[OURS, rows] = _timed(ours, say)
    check(root.path, truth)
    more = write_large_file(root.raw / "more.csv", SMALLEST_ROWS, seed=1)
    costs[FURTHER, rows] = _timed(ours, say)
    found = result_of(root.path)
    if found["kept"] != truth.kept + more.kept:
        raise BenchmarkError(f"{found['kept']} rows kept of both files")
    shutil.rmtree(root.processed)
    arguments = [sys.executable, "-m", _RECIPE, "preprocess", str(raw), str(folder / "plain")]
    costs[PLAIN, rows] = _timed(Program(PLAIN, arguments, folder), say)


def _prepare_timed(folder: Path, rows: int, say: Callable[[str], None], costs: Costs) -> None:
    root = DataRoot.at(folder / "root").create()
    root.contract_file.write_text(CONTRACT, encoding="utf-8")
    write_large_timed_file(root.raw / "weather.csv", rows)
    arguments = [sys.executable, "-m", _PROGRAMS, "ours", str(root.path)]
    costs[TIMED, rows] = _timed(Program(TIMED, arguments, folder), say)
    check(root.path, timed_truth(rows))
    write_large_timed_file(root.raw / "x-later.csv", SMALLEST_ROWS, first=rows)
    costs[LATER, rows] = _timed(Program(LATER, arguments, folder), say)
    check(root.path, timed_truth(rows + SMALLEST_ROWS))


def _timed(program: Program, say: Callable[[str], None]) -> Cost:
    with Watch() as watch:
        finish = run_together([program], timeout_seconds=_TIMEOUT_SECONDS, say=say)
    say(f"{program.name}: {finish.seconds:.1f} s, peak {watch.peak_bytes / 2**30:.2f} GiB")
    return Cost(finish.seconds, watch.peak_bytes, watch.processor_seconds)


def result_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def check(folder: Path, truth: Truth | TimedTruth) -> None:
    """Holds what a program found against what is in the file."""
    found = result_of(folder)
    if found["kept"] != truth.kept or found["rejected"] != truth.rejected:
        raise BenchmarkError(
            f"{folder.name} kept {found['kept']} rows and rejected {found['rejected']}; there are "
            f"{truth.kept} and {truth.rejected}"
        )


def judge(costs: Costs) -> BenchmarkResult:
    """Returns the table of all programs and sizes, and what must be reached on the largest."""
    measurements: list[Measurement] = []
    for (program, rows), cost in costs.items():
        subject = f"{program}, {rows:,} rows"
        handled = SMALLEST_ROWS if program in {FURTHER, LATER} else rows
        measurements += [
            Measurement(subject, "time", cost.seconds, "s"),
            Measurement(subject, "throughput", handled / cost.seconds, "rows/s"),
            Measurement(subject, "peak memory", cost.peak_bytes / 2**30, "GiB"),
            Measurement(subject, "processor time", cost.processor_seconds, "s"),
        ]
    largest = max(rows for _, rows in costs)
    ours = costs[OURS, largest].seconds
    is_large = largest >= LARGE_ROWS
    requirements = [
        Requirement(
            f"times faster than the plain recipe on {largest:,} rows",
            costs[PLAIN, largest].seconds / ours,
            LEAST_SPEEDUP_LARGE if is_large else LEAST_SPEEDUP,
        ),
        Requirement(
            f"times DuckDB's time on {largest:,} rows",
            ours / costs[DUCKDB, largest].seconds,
            MOST_OF_DUCKDB,
            "at most",
        ),
    ]
    if is_large:
        for whole, further, kind in ((OURS, FURTHER, ""), (TIMED, LATER, ", with a time")):
            requirements += [
                Requirement(
                    f"times the time of a tenth of the rows{kind}",
                    costs[whole, largest].seconds / costs[whole, largest // 10].seconds,
                    MOST_GROWTH,
                    "at most",
                ),
                Requirement(
                    f"of that time for {SMALLEST_ROWS:,} further rows{kind}",
                    costs[further, largest].seconds / costs[whole, largest].seconds,
                    MOST_OF_FURTHER,
                    "at most",
                ),
            ]
    return BenchmarkResult(
        tuple(measurements),
        tuple(requirements),
        (
            "start of every process included; this graph also identifies the file by its content",
            "memory: of all processes of a program together, shared pages counted once",
        ),
    )
