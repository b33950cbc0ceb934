"""`weather-assets replay`: what each way of retraining would have been worth, on rows of the past.

Belongs here: data roots of simulated times, running the graph in them, the table and the files.
Does not belong here: the clock and the skill (`workflows.replay`).
"""

import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions
from weather_assets.adapters.settings.concerns import LIVE_SKILL
from weather_assets.commands.graph_run import GraphInterruptedError, GraphRunError, run_graph
from weather_assets.foundation.scratch import scratch
from weather_assets.workflows.replay import (
    Answer,
    Archive,
    Policy,
    ReplayError,
    Retrained,
    Step,
    parse_period,
    parse_time,
    relive,
    skill,
)

_UNTIL, _WATCHED, _RECORDED = "champion_model", "live_skill", "processed_weather"


def compare_policies(
    root: DataRoot,
    console: Console,
    *,
    begin: str | None,
    end: str | None,
    step: str,
    policies: Sequence[str],
    json_path: Path | None,
) -> None:
    """Lives through the rows of a data root under each policy, and says what each was worth.

    Args:
        root: holds the archive in `raw/`; its models and its endpoint are left alone.
        console: where progress and the table go.
        begin: when the clock starts; None for the middle of the rows.
        end: when it ends; None for the last row.
        step: from tick to tick.
        policies: as `Policy.parse` takes them; one that is given twice counts once.
        json_path: gets every step of every policy.

    Raises:
        click.ClickException: if the archive cannot be lived through as asked.
    """
    try:
        chosen = [Policy.parse(text) for text in dict.fromkeys(policies)]
        period = parse_period(step)
        first, last = (None if text is None else parse_time(text) for text in (begin, end))
        run_graph(root, _silence(), until=_RECORDED)
        archive = Archive.read(ProcessedVersions(root.processed).current())
        clock = archive.clock(first, last, period)
    except ReplayError as error:
        raise click.UsageError(str(error)) from None
    lived: dict[str, list[Step]] = {}
    with scratch() as folder:
        for policy in chosen:
            there = DataRoot.at(folder / policy.name).create()
            if root.contract_file.is_file():
                there.contract_file.write_bytes(root.contract_file.read_bytes())
            lived[policy.name] = []
            for each in relive(archive, policy, clock, _Graph(there, policy)):
                lived[policy.name].append(each)
                console.print(_line(policy, each), markup=False)
    console.print(_table(lived))
    if json_path is not None:
        steps = {name: [asdict(each) for each in steps] for name, steps in lived.items()}
        json_path.write_text(json.dumps(steps, indent=1, default=str) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Graph:
    """The real graph, in a data root of a simulated time.

    Attributes:
        root: the data root.
        policy: that is lived through.
    """

    root: DataRoot
    policy: Policy

    def is_due(self, known: pa.Table) -> bool:
        """Runs the graph up to live skill; a failure says nothing, and is told."""
        from weather_assets.adapters.tracking.model_registry import ModelRegistry
        from weather_assets.workflows.live_skill import watch_champion

        if not self._run(known, until=_WATCHED):
            return False
        registry = ModelRegistry(self.root.tracking_uri)
        return watch_champion(self.root, registry, LIVE_SKILL.read()).wants_training

    def retrain(self, known: pa.Table) -> Retrained:
        """Runs the graph up to the champion."""
        began = time.monotonic()
        outcome = self._run(known, until=_UNTIL) or "failed"
        return Retrained(outcome, time.monotonic() - began, _answer(self.root, self.policy))

    def _run(self, known: pa.Table, *, until: str) -> str:
        """Returns what came of a candidate; nothing where the graph failed."""
        pq.write_table(known, self.root.raw / "weather.parquet")
        try:
            return "promoted" if run_graph(self.root, _silence(), until=until) else "refused"
        except GraphInterruptedError:
            raise
        except GraphRunError as error:
            click.echo(f"{self.policy.name}: {error}", err=True)
            return ""


def _answer(root: DataRoot, policy: Policy) -> Answer | None:
    from weather_assets.forecasting.network import load_network
    from weather_assets.workflows.candidates import served_folder_of
    from weather_assets.workflows.champions import NoChampionError, find_champion

    if policy.is_gated:
        try:
            champion = find_champion(root)
        except NoChampionError:
            return None
        return Answer(champion.version, champion.probabilities)
    versions = sorted(int(path.name) for path in root.registry.iterdir() if path.name.isdigit())
    if not versions:
        return None
    folder = root.registry / str(versions[-1])
    return Answer(str(versions[-1]), load_network(served_folder_of(folder)).probabilities)


def _silence() -> Console:
    return Console(file=io.StringIO())


def _line(policy: Policy, step: Step) -> str:
    done = f", {step.outcome} in {step.seconds:.0f} s" if step.outcome else ""
    model = f"version {step.version}" if step.version else "nothing"
    return f"{step.time:%Y-%m-%d}  {policy.name}{done}: {model} answers {step.rows} rows"


def _table(lived: Mapping[str, Sequence[Step]]) -> Table:
    table = Table(title="Brier skill of what served, against the event's frequency at the start")
    for name in ("policy", "skill", "retrainings", "promoted", "refused", "failed", "seconds"):
        table.add_column(name, justify="left" if name == "policy" else "right")
    for name, steps in lived.items():
        outcomes = [step.outcome for step in steps if step.outcome]
        counts = [str(outcomes.count(each)) for each in ("promoted", "refused", "failed")]
        seconds = f"{sum(step.seconds for step in steps):.0f}"
        table.add_row(name, f"{skill(steps):+.3f}", str(len(outcomes)), *counts, seconds)
    return table
