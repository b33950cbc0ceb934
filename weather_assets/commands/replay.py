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
from weather_assets.adapters.settings.concerns import LIVE_SKILL, TRAINING
from weather_assets.commands.graph_run import GraphInterruptedError, GraphRunError, run_graph
from weather_assets.defs.code_versions import training_code
from weather_assets.foundation.atomic_files import write_text
from weather_assets.foundation.scratch import scratch
from weather_assets.monitoring.replayed import Lives, Step, Summary
from weather_assets.monitoring.scores import skill
from weather_assets.workflows.replay import (
    Answer,
    Archive,
    Policy,
    ReplayError,
    Retrained,
    parse_period,
    parse_time,
    relive,
)

_UNTIL, _WATCHED, _RECORDED = "champion_model", "live_skill", "processed_weather"


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """What is lived through, and how.

    Attributes:
        begin: when the clock starts; None for the middle of the rows.
        end: when it ends; None for the last row.
        step: from tick to tick.
        policies: as `Policy.parse` takes them; one that is given twice counts once.
        seeds: of training; each policy is lived through with each. Where there is none, the one of
            the settings.
    """

    begin: str | None
    end: str | None
    step: str
    policies: tuple[str, ...]
    seeds: tuple[int, ...]


def compare_policies(
    root: DataRoot,
    console: Console,
    order: ReplayOrder,
    *,
    json_path: Path | None,
    html_path: Path | None,
) -> None:
    """Lives through the rows of a data root under each policy, and says what each was worth.

    Args:
        root: holds the archive in `raw/`; its models and its endpoint are left alone. Each life
            becomes a run in its MLflow.
        console: where progress and the table go.
        order: what is lived through.
        json_path: gets every step of every policy and seed.
        html_path: gets a page with table and picture.

    Raises:
        click.ClickException: if the archive cannot be lived through as asked.
    """
    try:
        chosen = [Policy.parse(text) for text in dict.fromkeys(order.policies)]
        period, times = parse_period(order.step), (order.begin, order.end)
        first, last = (None if text is None else parse_time(text) for text in times)
        run_graph(root, _silence(), until=_RECORDED)
        archive = Archive.read(ProcessedVersions(root.processed).current())
        clock = archive.clock(first, last, period)
    except ReplayError as error:
        raise click.UsageError(str(error)) from None
    facts = {
        "contract": archive.contract.name,
        "clock": f"{clock[0]:%Y-%m-%d} to {clock[-1]:%Y-%m-%d}",
        "step": order.step,
        "rows": f"{len(archive.times):,}",
        "training code": training_code(),
    }
    lived: dict[str, dict[int, list[Step]]] = {policy.name: {} for policy in chosen}
    for seed in dict.fromkeys(order.seeds or (TRAINING.read().seed,)):
        for policy in chosen:
            steps = lived[policy.name][seed] = []
            with scratch() as folder:
                graph = _Graph(_root_like(root, folder), policy, seed)
                for each in relive(archive, policy, clock, graph):
                    steps.append(each)
                    console.print(_line(policy, seed, each), markup=False)
            _log(root, policy, seed, facts, steps)
    console.print(_table(lived))
    if json_path is not None:
        done = {
            name: {seed: [asdict(each) for each in steps] for seed, steps in lives.items()}
            for name, lives in lived.items()
        }
        write_text(json_path, json.dumps(done, indent=1, default=str) + "\n")
    if html_path is not None:
        from weather_assets.monitoring.replay_report import write_page

        write_text(html_path, write_page(lived, facts))
    void = [policy for policy, lives in lived.items() if Summary.of(policy, lives).is_void]
    if void:
        raise GraphRunError(
            f"{', '.join(void)}: every retraining failed, for the reasons above, so that there is "
            "no skill to tell"
        )


def _root_like(root: DataRoot, folder: Path) -> DataRoot:
    """Returns a new data root in a folder, with the contract of another one."""
    there = DataRoot.at(folder / "root").create()
    if root.contract_file.is_file():
        there.contract_file.write_bytes(root.contract_file.read_bytes())
    return there


def _log(
    root: DataRoot, policy: Policy, seed: int, facts: Mapping[str, str], steps: Sequence[Step]
) -> None:
    """Makes a life an MLflow run of the data root."""
    from weather_assets.adapters.tracking.model_registry import ModelRegistry

    found = Summary.of(policy.name, {seed: steps})
    ModelRegistry(root.tracking_uri).add_replay(
        f"{policy.name}, seed {seed}",
        parameters={"policy": policy.name, "seed": seed, **facts},
        metrics={"skill": found.skill, "retrainings": found.retrainings, "worse": found.worse},
        history=[
            ("skill_served", place, score)
            for place, each in enumerate(steps)
            if (score := skill([each])) is not None
        ],
    )


@dataclass(frozen=True, slots=True)
class _Graph:
    """The real graph, in a data root of a simulated time.

    Attributes:
        root: the data root.
        policy: that is lived through.
        seed: of training.
    """

    root: DataRoot
    policy: Policy
    seed: int

    def is_due(self, known: pa.Table) -> bool:
        """Runs the graph up to live skill; a failure says nothing, and is told."""
        from weather_assets.workflows.live_skill import recorded_live_skill

        made = self._run(known, until=_WATCHED)
        return bool(made) and recorded_live_skill(self.root, LIVE_SKILL.read()).wants_training

    def retrain(self, known: pa.Table) -> Retrained:
        """Runs the graph up to the champion."""
        began = time.monotonic()
        outcome = self._run(known, until=_UNTIL) or "failed"
        return Retrained(outcome, time.monotonic() - began, _answer(self.root, self.policy))

    def _run(self, known: pa.Table, *, until: str) -> str:
        """Returns what came of a candidate; nothing where the graph failed."""
        pq.write_table(known, self.root.raw / "weather.parquet")
        try:
            passed = run_graph(self.root, _silence(), until=until, seed=self.seed)
        except GraphInterruptedError:
            raise
        except GraphRunError as error:
            click.echo(f"{self.policy.name}: {error}", err=True)
            return ""
        return "promoted" if passed else "refused"


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


def _line(policy: Policy, seed: int, step: Step) -> str:
    done = f", {step.outcome} in {step.seconds:.0f} s" if step.outcome else ""
    model = f"version {step.version}" if step.version else "nothing"
    life = f"{policy.name}, seed {seed}"
    return f"{step.time:%Y-%m-%d}  {life}{done}: {model} answers {step.rows} rows"


def _table(lived: Mapping[str, Lives]) -> Table:
    table = Table(title="Brier skill of what served, against the event's frequency at the start")
    for name in ("policy", "skill", "seeds", "trained", "outcomes", "worse", "seconds"):
        justify = "left" if name == "policy" else "right"
        table.add_column(name, justify=justify, no_wrap=True)
    for policy, lives in lived.items():
        found = Summary.of(policy, lives)
        table.add_row(
            policy,
            "none" if found.is_void else f"{found.skill:+.3f}",
            f"{found.lowest:+.3f}\n{found.highest:+.3f}" if len(lives) > 1 else "1",
            f"{found.retrainings:g}",
            "/".join(f"{count:g}" for count in found.outcomes.values()),
            f"{found.worse * found.replaced:g}/{found.replaced:g}",
            f"{found.seconds:.0f}",
        )
    table.caption = (
        "seeds: lowest and highest skill; outcomes: promoted/refused/failed; "
        "worse: promotions that did worse up to the next tick than what they replaced"
    )
    return table
