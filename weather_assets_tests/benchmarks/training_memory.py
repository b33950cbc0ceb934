"""Peak memory of two training ranks together, against the number of rows.

Belongs here: training on ever more made rows while all of its processes are watched. Does not
belong here: making the rows (`prepared_rows`), or preparing raw files.

Memory is the proportional set size of all processes of the gang and of their supervisor, sampled 5
times a second: pages that two of them share count once. Where the system does not tell it, it is
the resident set size.
"""

import json
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from weather_assets.adapters.gang import run_gang
from weather_assets.adapters.gang_settings import GangSettings
from weather_assets.adapters.rank_processes import ProcessBackend
from weather_assets.forecasting.settings import CANDIDATES, TrainingSettings
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.prepared_rows import prepared_job, write_prepared_rows

ROWS = (1_000_000, 10_000_000, 30_000_000)
MOST_BYTES = 3.0 * 2**30
"""So that Spark's Java and the run's own process have as much again within 6 GB."""
_SAMPLE_SECONDS = 0.2


class MemoryWatch:
    """Samples the memory of this process and all below it, until it is left."""

    def __init__(self) -> None:
        """Watches nothing yet."""
        self.peak_bytes = 0
        self._sampled = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        """Begins."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends."""
        self._ended.set()
        self._thread.join()

    def wait_for_sample(self) -> None:
        """Returns when memory was looked at once."""
        self._sampled.wait(timeout=10 * _SAMPLE_SECONDS)

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._ended.wait(_SAMPLE_SECONDS):
            total = 0
            for process in (own, *own.children(recursive=True)):
                with suppress(psutil.Error):
                    total += _memory_bytes(process)
            self.peak_bytes = max(self.peak_bytes, total)
            self._sampled.set()


def _memory_bytes(process: psutil.Process) -> int:
    full = process.memory_full_info()
    return int(getattr(full, "pss", full.rss))


def measure(workplace: Workplace) -> BenchmarkResult:
    """Trains the widest network on each number of rows."""
    measurements: list[Measurement] = []
    peak = 0.0
    for rows in ROWS:
        folder = workplace.folder / f"{rows}"
        write_prepared_rows(folder, rows)
        workplace.say(f"{rows:,} rows are made")
        used, result = train(folder, TrainingSettings(architectures=(CANDIDATES[1],)))
        peak = max(peak, used)
        subject = f"{rows:,} rows"
        measurements += [
            Measurement(subject, "peak memory", used / 2**30, "GiB"),
            Measurement(subject, "rows visited", result["rows_stepped"]),
            Measurement(subject, "fit", result["seconds"], "s"),
        ]
        workplace.say(f"{rows:,} rows: {used / 2**30:.2f} GiB")
    claim = "GiB at most in all ranks and their supervisor together"
    return BenchmarkResult(
        tuple(measurements),
        (Requirement(claim, peak / 2**30, MOST_BYTES / 2**30, "at most"),),
        ("validation, test and training rows are counted; two thirds of them train",),
    )


def train(data: Path, settings: TrainingSettings) -> tuple[int, dict[str, float]]:
    """Trains on two ranks.

    Args:
        data: what `write_prepared_rows` wrote; `candidate/` is made in it.
        settings: of the training.

    Returns:
        Peak bytes of all processes together, and what rank 0 reported.
    """
    job = prepared_job(data, data / "candidate", settings)
    job.write(data / "job.json")
    with MemoryWatch() as watch:
        run_gang(
            [sys.executable, "-m", "weather_assets.forecasting", str(data / "job.json")],
            environment={},
            settings=GangSettings(max_relaunches=0),
            backend=ProcessBackend(),
            on_event=lambda _: None,
        )
    result = json.loads((job.output / "result.json").read_text(encoding="utf-8"))
    return watch.peak_bytes, result
