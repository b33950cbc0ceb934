"""Two ranks of this project against a bare DDP loop over tensors in memory, in one run.

Belongs here: running both on the same rows with the same networks, batch, optimiser and threads,
and the ratio. Does not belong here: either of the two (`weather_assets.forecasting`, `bare_ddp`).

Both are timed from their first step to their last one, without starting processes, reading and
encoding resident rows, or validating. What ours does besides in that time: visiting rows in an
order that does not depend on the number of ranks, reading and encoding streamed ones, learning
rate, loss, heartbeats, Lightning.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from weather_assets.adapters.loopback import free_loopback_port
from weather_assets.forecasting.settings import CANDIDATES, TrainingJob, TrainingSettings
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.prepared_rows import prepared_job, write_prepared_rows
from weather_assets_tests.benchmarks.processes import Program, run_together

RANKS = 2
ROWS = 1_000_000
STEPS = 60
TURNS = 3
LEAST_RATIO = 0.9
_TIMEOUT_SECONDS = 600.0
_OURS = "weather_assets.forecasting"
_BARE = "weather_assets_tests.benchmarks.bare_ddp"


def measure(workplace: Workplace) -> BenchmarkResult:
    """Trains every default network with both, in turn."""
    data = workplace.folder / "processed"
    write_prepared_rows(data, ROWS)
    ours: dict[str, list[float]] = {}
    bare: dict[str, list[float]] = {}
    for architecture in CANDIDATES:
        settings = TrainingSettings(
            architectures=(architecture,), maximum_steps=STEPS, patience=STEPS
        )
        for turn in range(TURNS):
            folder = workplace.folder / f"{architecture.name}-{turn}"
            folder.mkdir()
            job = prepared_job(data, folder / "candidate", settings)
            own, other = run_both(job, folder, workplace.say)
            ours.setdefault(architecture.name, []).append(own)
            bare.setdefault(architecture.name, []).append(other)
            workplace.say(f"{architecture.name}: {own:,.0f} and {other:,.0f} samples/s")
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


def compare(ours: dict[str, list[float]], bare: dict[str, list[float]]) -> BenchmarkResult:
    """Returns both rates of every network, and the ratio over all of them.

    Args:
        ours: samples per second by network, one per turn.
        bare: likewise.
    """
    measurements: list[Measurement] = []
    seconds_ours = seconds_bare = 0.0
    for name, rates in ours.items():
        own, other = median(rates), median(bare[name])
        seconds_ours += 1.0 / own
        seconds_bare += 1.0 / other
        measurements += [
            Measurement(name, "this project", own, "samples/s"),
            Measurement(name, "bare DDP loop", other, "samples/s"),
            Measurement(name, "ratio", own / other),
        ]
    return BenchmarkResult(
        tuple(measurements),
        (
            Requirement(
                "of the samples per second of a bare DDP loop, all networks together",
                seconds_bare / seconds_ours,
                LEAST_RATIO,
            ),
        ),
        (f"{RANKS} ranks, {ROWS:,} rows of all splits, {STEPS} steps, medians of {TURNS} turns",),
    )
