"""Time and peak memory of all processes from a raw file to the verdict, against its rows.

Belongs here: running the command on ever larger files while all of its processes are watched. Does
not belong here: comparing preparation or training with other programs (`preparation`,
`training_throughput`).

Memory is that of the run's process, Spark's Java and Python, both ranks and their supervisor.
"""

import shutil
import sys

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets_tests.benchmarks.latency import newest_stages
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.memory import Watch
from weather_assets_tests.benchmarks.processes import Program, run_together
from weather_assets_tests.large_file import write_large_file

SMALLEST_ROWS = 1_000_000
MOST_BYTES = 6e9
LAST = "model_verdict"
_TIMEOUT_SECONDS = 3600.0


def measure(workplace: Workplace) -> BenchmarkResult:
    """Runs the graph on 1 million rows, 10 million, and so on up to `workplace.rows`."""
    measurements: list[Measurement] = []
    peak, rows = 0, SMALLEST_ROWS
    while rows <= workplace.rows:
        root = DataRoot.at(workplace.folder / str(rows)).create()
        workplace.say(f"writing {rows:,} rows")
        write_large_file(root.raw / "weather.csv", rows)
        command = ["-m", "weather_assets", "run", "--until", LAST, "--data", str(root.path)]
        program = Program(f"{rows:,} rows", [sys.executable, *command], root.path)
        with Watch() as watch:
            finish = run_together([program], timeout_seconds=_TIMEOUT_SECONDS, say=workplace.say)
        peak = max(peak, watch.peak_bytes)
        workplace.say(f"{program.name}: {finish.seconds:.0f} s, {watch.peak_bytes / 2**30:.2f} GiB")
        measurements += [
            Measurement(program.name, "raw file to verdict", finish.seconds, "s"),
            Measurement(program.name, "peak memory", watch.peak_bytes / 2**30, "GiB"),
            *(
                Measurement(program.name, stage, seconds, "s")
                for stage, seconds in newest_stages(root).items()
            ),
        ]
        shutil.rmtree(root.path)
        rows *= 10
    claim = "GB at most in all processes together"
    return BenchmarkResult(
        tuple(measurements),
        (Requirement(claim, peak / 1e9, MOST_BYTES / 1e9, "at most"),),
        ("memory: of all processes together, shared pages counted once",),
    )
