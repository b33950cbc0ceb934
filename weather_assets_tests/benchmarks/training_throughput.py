"""Two ranks of this project against a bare DDP loop over tensors in memory, in one run.

Belongs here: running both on the same rows with the same networks, batch, optimiser and threads,
and the ratio. Does not belong here: either of the two (`weather_assets.forecasting`, `bare_ddp`).

Both are timed from their first step to their last one, without starting processes, reading and
encoding resident rows, or validating. What ours does besides in that time: visiting rows in an
order that does not depend on the number of ranks, reading and encoding streamed ones, learning
rate, loss, heartbeats, Lightning.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from weather_assets.forecasting.settings import CANDIDATES, TrainingJob, TrainingSettings
from weather_assets.foundation.loopback import free_loopback_port
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.prepared_rows import prepared_job, write_prepared_rows
from weather_assets_tests.benchmarks.processes import Program, run_together

RANKS = 2
TURNS = {1_000_000: 3, 10_000_000: 1}
"""How often each is run on so many rows. Of the larger number not all fit into a rank's memory, and
the bare loop takes 6 GB."""
STEPS = 60
LEAST_RATIO = 0.9
Rates = dict[tuple[int, str], list[float]]
"""Samples per second by number of rows and network, one per turn."""
_TIMEOUT_SECONDS = 600.0
_OURS = "weather_assets.forecasting"
_BARE = "weather_assets_tests.benchmarks.bare_ddp"


def measure(workplace: Workplace) -> BenchmarkResult:
    """Trains every default network with both, in turn, on each number of rows."""
    ours: Rates = {}
    bare: Rates = {}
    for rows, turns in TURNS.items():
        data = workplace.folder / f"processed-{rows}"
        write_prepared_rows(data, rows)
        for architecture in CANDIDATES:
            settings = TrainingSettings(
                architectures=(architecture,), maximum_steps=STEPS, patience=STEPS
            )
            for turn in range(turns):
                folder = workplace.folder / f"{rows}-{architecture.name}-{turn}"
                job = prepared_job(data, folder / "candidate", settings)
                folder.mkdir()
                own, other = run_both(job, folder, workplace.say)
                ours.setdefault((rows, architecture.name), []).append(own)
                bare.setdefault((rows, architecture.name), []).append(other)
                workplace.say(f"{architecture.name}: {own:,.0f} and {other:,.0f} samples/s")
                shutil.rmtree(folder)
        shutil.rmtree(data)
    return compare(ours, bare)


def run_both(
    job: TrainingJob, folder: Path, say: Callable[[str], None], *, timeout_seconds: float = 0.0
) -> tuple[float, float]:
    """Returns the samples per second of this project's ranks and of the bare loop's."""
    limit = timeout_seconds or _TIMEOUT_SECONDS
    job_file, bare_file = folder / "job.json", folder / "bare.json"
    job.write(job_file)
    _run_ranks("ours", [_OURS, str(job_file)], folder, say, limit)
    _run_ranks("bare", [_BARE, str(job_file), str(bare_file)], folder, say, limit)
    result = json.loads((job.output / "result.json").read_text(encoding="utf-8"))
    bare = json.loads(bare_file.read_text(encoding="utf-8"))
    return result["samples_per_second_without_validation"], bare["samples_per_second"]


def _run_ranks(
    name: str, module: list[str], folder: Path, say: Callable[[str], None], limit: float
) -> None:
    place = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_loopback_port()),
        "WORLD_SIZE": str(RANKS),
    }
    ranks = [
        Program(
            f"{name} rank {rank}",
            [sys.executable, "-m", *module],
            folder,
            {**place, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(RANKS)
    ]
    run_together(ranks, timeout_seconds=limit, say=say)


def compare(ours: Rates, bare: Rates) -> BenchmarkResult:
    """Returns both rates of every network, and the ratio over all of them.

    Args:
        ours: of this project.
        bare: of the bare loop.
    """
    measurements: list[Measurement] = []
    seconds: dict[int, tuple[float, float]] = {}
    for (rows, name), rates in ours.items():
        own, other = median(rates), median(bare[rows, name])
        so_far = seconds.get(rows, (0.0, 0.0))
        seconds[rows] = so_far[0] + 1.0 / own, so_far[1] + 1.0 / other
        subject = f"{name}, {rows:,} rows"
        measurements += [
            Measurement(subject, "this project", own, "samples/s"),
            Measurement(subject, "bare DDP loop", other, "samples/s"),
            Measurement(subject, "ratio", own / other),
        ]
    return BenchmarkResult(
        tuple(measurements),
        tuple(
            Requirement(
                f"of the samples per second of a bare DDP loop, {rows:,} rows, all networks",
                of_bare / of_ours,
                LEAST_RATIO,
            )
            for rows, (of_ours, of_bare) in seconds.items()
        ),
        (f"{RANKS} ranks, rows of all splits, {STEPS} steps, medians of some turns",),
    )
