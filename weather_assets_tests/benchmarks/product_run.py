"""The asset graph from raw file to verdict, as a user starts it, in a data root of its own.

Belongs here: running it and reading what it left: verdict, training result, Dagster's own stage
times. Does not belong here: judging the numbers (`end_to_end`, `skill`).
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.cli import REFUSED
from weather_assets.commands.instance import open_instance
from weather_assets_tests.benchmarks.measurements import BenchmarkError
from weather_assets_tests.benchmarks.processes import Program, run_together

_TIMEOUT_SECONDS = 600.0
_ENDS = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE)


@dataclass(frozen=True, slots=True)
class ProductRun:
    """What one run of the graph took and found.

    Attributes:
        seconds: from the start of the process to its end.
        stage_seconds: by step, in order, as Dagster recorded them; what is missing to `seconds` is
            the start of Python, imports and orchestration.
        verdict: `verdict.json`.
        training: `result.json` of the candidate.
    """

    seconds: float
    stage_seconds: Mapping[str, float]
    verdict: Mapping[str, Any]
    training: Mapping[str, Any]


def run_to_verdict(
    name: str, folder: Path, place_raw: Callable[[Path], object], say: Callable[[str], None]
) -> ProductRun:
    """Materializes everything up to `model_verdict` once, in a fresh data root.

    Args:
        name: for progress; the data root is `folder/name`.
        folder: where the data root is made.
        place_raw: writes the raw file to the path it is given.
        say: shows progress.

    Returns:
        The run; also where the verdict was not a pass, for which the command's exit code is 3.

    Raises:
        BenchmarkError: if there is no verdict, or the command failed in spite of a pass.
    """
    root = DataRoot.at(folder / name).create()
    place_raw(root.raw / "weather.csv")
    command = [sys.executable, "-m", "weather_assets", "run", "--until", "model_verdict"]
    program = Program(name, [*command, "--data", str(root.path)], root.path, {})
    finish = run_together([program], timeout_seconds=_TIMEOUT_SECONDS, say=say, may_fail=True)
    verdicts = sorted(root.registry.glob("*/verdict.json"))
    verdict = json.loads(verdicts[0].read_text(encoding="utf-8")) if verdicts else {}
    promoted = bool(verdict) and verdict["outcome"] == "pass"
    if not verdict or finish.exit_codes != (0 if promoted else REFUSED,):
        raise BenchmarkError(f"{name}: {_failure(root) or program.tail()}")
    training = json.loads((verdicts[0].parent / "result.json").read_text(encoding="utf-8"))
    return ProductRun(finish.seconds, stage_seconds(_events(root)), verdict, training)


def stage_seconds(entries: Iterable[dg.EventLogEntry]) -> dict[str, float]:
    """Returns the seconds of each step, in the order in which they ended, from a log of events."""
    started: dict[str, float] = {}
    taken: dict[str, float] = {}
    for entry in entries:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            continue
        if event.event_type is dg.DagsterEventType.STEP_START:
            started[event.step_key] = entry.timestamp
        elif event.event_type in _ENDS:
            taken[event.step_key] = entry.timestamp - started[event.step_key]
    return taken


def _failure(root: DataRoot) -> str:
    """Returns the step that failed and its first cause; empty where Dagster knows of none."""
    for entry in _events(root):
        event = entry.dagster_event
        if event is None or event.event_type is not dg.DagsterEventType.STEP_FAILURE:
            continue
        error = event.step_failure_data.error
        while error is not None and error.cause is not None:
            error = error.cause
        return (
            f"{event.step_key} failed: {error.message.strip() if error else 'no reason recorded'}"
        )
    return ""


def _events(root: DataRoot) -> Sequence[dg.EventLogEntry]:
    with open_instance(root) as instance:
        return [entry for run in instance.get_runs() for entry in instance.all_logs(run.run_id)]
