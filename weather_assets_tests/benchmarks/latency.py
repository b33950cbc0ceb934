"""From a changed 2,500-row file to the verdict: in a new process, and in one that has run before.

Belongs here: running the graph on one data root again and again with another file each time, and
where the time goes. Does not belong here: comparing it with anything (`end_to_end`).

A stage is what Dagster records between the start of a step and its end. Everything else is
orchestration: in a new process also the start of Python, imports, definitions and the end.
"""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.commands.graph_run import run_graph
from weather_assets.commands.instance import open_instance
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.processes import Program, run_together
from weather_assets_tests.benchmarks.product_run import stage_seconds
from weather_assets_tests.synthetic import write_five_column

LAST = "model_verdict"
FIRST, COLD, WARM = "first run", "new process", "running process"
MOST_ORCHESTRATION_SECONDS = 3.0
_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Passage:
    """One way of a file to its verdict.

    Attributes:
        seconds: from its beginning, in a new process that of the process, to the end of the run.
        stage_seconds: by step, in order.
    """

    seconds: float
    stage_seconds: Mapping[str, float]

    @property
    def orchestration_seconds(self) -> float:
        """What is no stage."""
        return self.seconds - sum(self.stage_seconds.values())


def measure(workplace: Workplace) -> BenchmarkResult:
    """Runs the graph in a new process, in another one, and twice more in a third."""
    root = DataRoot.at(workplace.folder / "root").create()
    passages: dict[str, Passage] = {}
    for seed, name in enumerate((FIRST, COLD), start=1):
        write_five_column(root.raw / "weather.csv", seed=seed)
        command = ["-m", "weather_assets", "run", "--until", LAST, "--data", str(root.path)]
        program = Program(name, [sys.executable, *command], workplace.folder)
        finish = run_together([program], timeout_seconds=_TIMEOUT_SECONDS, say=workplace.say)
        passages[name] = Passage(finish.seconds, newest_stages(root))
        workplace.say(f"{name}: {finish.seconds:.1f} s")
    output = workplace.folder / "warm.json"
    command = ["-m", "weather_assets_tests.benchmarks.latency", str(root.path), str(output)]
    program = Program(WARM, [sys.executable, *command], workplace.folder)
    run_together([program], timeout_seconds=_TIMEOUT_SECONDS, say=workplace.say)
    passages[WARM] = Passage(json.loads(output.read_text("utf-8")), newest_stages(root))
    return report(passages)


def newest_stages(root: DataRoot) -> dict[str, float]:
    """Returns the seconds of each step of the newest run of a data root, in their order."""
    with open_instance(root) as instance:
        (run,) = instance.get_runs(limit=1)
        return stage_seconds(instance.all_logs(run.run_id))


def report(passages: Mapping[str, Passage]) -> BenchmarkResult:
    """Returns seconds and shares of every stage, and what orchestration may take."""
    measurements: list[Measurement] = []
    for name, passage in passages.items():
        parts = {**passage.stage_seconds, "orchestration": passage.orchestration_seconds}
        measurements.append(Measurement(name, "file to verdict", passage.seconds, "s"))
        for part, seconds in parts.items():
            measurements.append(Measurement(name, part, seconds, "s"))
            share = 100 * seconds / passage.seconds
            measurements.append(Measurement(f"{name}, share", part, share, "%"))
    requirements = tuple(
        Requirement(
            f"s of orchestration, {name}",
            passages[name].orchestration_seconds,
            MOST_ORCHESTRATION_SECONDS,
            "at most",
        )
        for name in (COLD, WARM)
    )
    return BenchmarkResult(
        tuple(measurements),
        requirements,
        ("weather_checkpoint: with what the verdict needs imported while the ranks load theirs",),
    )


def _run_twice(root: DataRoot, output: Path) -> None:
    """Runs the graph twice in this process; writes the seconds of the second time."""
    seconds = 0.0
    for seed in (3, 4):
        write_five_column(root.raw / "weather.csv", seed=seed)
        began = time.monotonic()
        run_graph(root, Console(), until=LAST)
        seconds = time.monotonic() - began
    output.write_text(json.dumps(seconds), encoding="utf-8")


if __name__ == "__main__":
    _run_twice(DataRoot.at(Path(sys.argv[1])), Path(sys.argv[2]))
