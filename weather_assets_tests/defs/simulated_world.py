"""A world in which raw files come and go, sensors look, and runs make what they are asked for.

Belongs here: the files, the queue of runs, what each step makes of what there is, and what is
remembered of it to be held against the product. Does not belong here: events (`simulated_runs`), or
what happens when (`test_reconciliation`).

Sensor, conditions, pools, dependencies and checks are the product's. What is simulated are the
steps: what they make is a text that says what it was made of.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.events import DagsterEventType as Event

from weather_assets.adapters.files.raw_snapshot import (
    RawDataError,
    RawSnapshot,
    take_snapshot,
    verify_snapshot,
)
from weather_assets.definitions import build_defs
from weather_assets.defs import raw_sensor
from weather_assets.defs.automation import ROLLOUT, follows_its_inputs, tried
from weather_assets.defs.raw_sensor import complete_files, raw_weather_sensor
from weather_assets.defs.resources import DataRootResource
from weather_assets_tests.defs.simulated_runs import Log, Run

EPOCH = 2_000_000_000.0
STAGES = ("candidate_deployment", "shadow_traffic", "canary_traffic", "live_deployment")
FINAL = ("permanent", "cancelled", "nothing")
Condition = Callable[[], dg.AutomationCondition[Any]]


@dataclass(frozen=True)
class Shape:
    """What the product says of an asset."""

    inputs: tuple[str, ...]
    pool: str
    checks: tuple[str, ...]


@cache
def product() -> Mapping[str, Shape]:
    """Returns the product's graph: dependencies, pools and blocking checks of every asset."""
    graph = build_defs().resolve_asset_graph()
    found: dict[str, Shape] = {}
    for key in graph.toposorted_asset_keys:
        node = graph.get(key)
        checks = sorted(each.name for each in node.check_keys if graph.get(each).blocking)
        inputs = sorted(parent.to_user_string() for parent in node.parent_keys)
        (pool,) = node.pools or {""}
        found[key.to_user_string()] = Shape(tuple(inputs), pool, tuple(checks))
    return found


@cache
def definitions(
    codes: tuple[tuple[str, str], ...], condition: Condition
) -> tuple[dg.Definitions, dg.JobDefinition]:
    """Returns the product's graph with bodies that are never run, under some code versions."""
    code = dict(codes)
    assets: list[dg.AssetsDefinition] = []
    for key, shape in product().items():
        version = code.get(key, "1")

        @dg.multi_asset(
            name=key,
            specs=[
                dg.AssetSpec(
                    key,
                    deps=list(shape.inputs),
                    code_version=version,
                    automation_condition=condition() if shape.inputs else None,
                    skippable=True,
                )
            ],
            check_specs=[
                dg.AssetCheckSpec(name, asset=key, blocking=True) for name in shape.checks
            ],
            can_subset=True,
            **tried(version, shape.pool),
        )
        def never_run() -> Iterator[dg.MaterializeResult]:
            yield from ()

        assets.append(never_run)
    made = dg.Definitions(assets=assets)
    return made, made.resolve_implicit_global_asset_job_def()


@dataclass
class Known:
    """What the world remembers of an asset, to be held against what the product decides."""

    version: str
    code: str
    consumed: Mapping[str, str | None]
    passed: bool


@dataclass
class World:
    """Files, runs, clock, and the sensors over them."""

    root: Path
    instance: dg.DagsterInstance
    condition: Condition = follows_its_inputs
    clock: float = EPOCH
    codes: dict[str, str] = field(default_factory=dict[str, str])
    runs: list[Run] = field(default_factory=list[Run])
    made: dict[str, Known] = field(default_factory=dict[str, Known])
    tries: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    trained: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    champion: str | None = None
    published: str | None = None
    serving: str | None = None
    cursors: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        """Makes the folder of raw files."""
        self.resource = DataRootResource(path=str(self.root))
        self.place = self.resource.get()
        self.place.raw.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def _clock(self) -> Generator[None]:
        original = raw_sensor.time
        raw_sensor.time = lambda: self.clock
        try:
            yield
        finally:
            raw_sensor.time = original

    @property
    def log(self) -> Log:
        """What writes events at this moment."""
        return Log(self.instance, self.clock)

    def _defs(self) -> tuple[dg.Definitions, dg.JobDefinition]:
        return definitions(tuple(sorted(self.codes.items())), self.condition)

    def look(self) -> None:
        """Lets the sensor look at `raw/`, and launches what it asks for."""
        self.clock += 5
        with (
            self._clock(),
            dg.build_sensor_context(
                instance=self.instance, resources={"data_root": self.resource}
            ) as context,
        ):
            answer = raw_weather_sensor(context)
        if isinstance(answer, dg.RunRequest):
            self._launch(["raw_weather"], "raw_weather_sensor", answer.tags)

    def tick(self, sensor: str) -> bool:
        """Lets an automation sensor evaluate the conditions, and launches what it asks for."""
        self.clock += 5
        selection = ROLLOUT if sensor == "rollout_sensor" else dg.AssetSelection.all() - ROLLOUT
        result = dg.evaluate_automation_conditions(
            self._defs()[0],
            instance=self.instance,
            asset_selection=selection,
            evaluation_time=datetime.fromtimestamp(self.clock, UTC),
            cursor=self.cursors.get(sensor),
        )
        self.cursors[sensor] = result.cursor
        asked = [key for key in product() if result.get_num_requested(dg.AssetKey(key))]
        if asked:
            self._launch(asked, sensor, {})
        return bool(asked)

    def _launch(self, keys: list[str], by: str, tags: Mapping[str, str]) -> None:
        planned = {key for run in self.runs for key in run.keys}
        assert not planned & set(keys), f"{by} asks for {keys}, of which a run makes some already"
        run_id = self.log.launched(self._defs()[1], keys, by, tags)
        pools = {product()[key].pool for key in keys}
        self.runs.append(Run(run_id, keys, pools, by, tags))

    def ask_by_hand(self, key: str) -> None:
        """Materializes one asset as a person does, unless a run is to make it already."""
        if not any(key in run.keys for run in self.runs):
            self.tries[key] = []
            self._launch([key], "", {})

    def change_code(self, key: str) -> None:
        """Deploys other code of one asset."""
        self.codes[key] = str(int(self.codes.get(key, "1")) + 1)
        self.tries[key] = []

    def start(self) -> None:
        """Takes from the queue what the pools let through, oldest first."""
        held = set[str]().union(*(run.pools for run in self.runs if run.is_started))
        for run in self.runs:
            if not run.is_started and not run.pools & held:
                run.is_started = True
                self.log.write(run, Event.PIPELINE_START)
                held |= run.pools

    @property
    def started(self) -> list[Run]:
        """The runs that have left the queue."""
        return [run for run in self.runs if run.is_started]

    def advance(self, run: Run, outcome: str = "") -> None:
        """Begins the next step of a run, or ends the step under way.

        Args:
            run: the run.
            outcome: how the step ends: "" for what comes of what there is, else `transient` or
                `permanent`.
        """
        self.clock += 1
        if not run.keys:
            self._end(run, Event.PIPELINE_SUCCESS)
        elif run.skipped & set(product()[run.keys[0]].inputs):
            key = run.keys.pop(0)
            run.skipped.add(key)
            self.log.write(run, Event.STEP_SKIPPED, key)
        elif run.consumed is None:
            self._begin(run, run.keys[0])
        elif outcome or None in run.consumed.values():  # a hand may ask for what cannot be made yet
            self._fail(run, run.keys[0], outcome or "permanent")
        else:
            self._finish(run, run.keys[0])

    def _begin(self, run: Run, key: str) -> None:
        self.log.write(run, Event.STEP_START, key)
        inputs = product()[key].inputs
        run.consumed = {
            each: there.version if (there := self.made.get(each)) else None for each in inputs
        }
        busy = [each for each in self.runs if each is not run and each.consumed is not None]
        pools = {product()[each.keys[0]].pool for each in busy}
        assert product()[key].pool not in pools, f"two steps at once write {product()[key].pool}"

    def _finish(self, run: Run, key: str) -> None:
        try:
            version, passed = self._make(run, key)
        except RawDataError as error:
            self._fail(run, key, "transient" if getattr(error, "may_heal", False) else "permanent")
            return
        if version is None:
            self._note(key, "nothing")
            run.skipped.add(key)
            self.log.write(run, Event.STEP_SUCCESS, key)
        else:
            checks = dict.fromkeys(product()[key].checks, passed)
            self.log.made(run, key, version, self.codes.get(key, "1"), checks)
            self._remember(run, key, version, passed=passed)
            if not passed:
                self.log.write(run, Event.STEP_FAILURE, key)
                self._end(run, Event.PIPELINE_FAILURE, "permanent")
                return
            self.log.write(run, Event.STEP_SUCCESS, key)
        run.keys.pop(0)
        run.consumed = None

    def _remember(self, run: Run, key: str, version: str, *, passed: bool) -> None:
        code = self.codes.get(key, "1")
        self.made[key] = Known(version, code, dict(run.consumed or {}), passed)
        self.tries[key] = []
        for each, shape in product().items():
            if key in shape.inputs:
                # What was tried with the older input says nothing of this one.
                self.tries[each] = []

    def _make(self, run: Run, key: str) -> tuple[str | None, bool]:
        """Returns what a step makes of what there is, and whether its checks pass."""
        consumed = run.consumed or {}
        source = next(iter(consumed.values()), None) or ""
        if key == "raw_weather":
            return self._record()
        if key in ("processed_weather", "rejected_weather"):
            return self._process(source), True
        if key == "weather_checkpoint":
            identity = (source, self.codes.get(key, "1"))
            if identity not in self.trained:
                self.trained.append(identity)
            return f"{self.codes.get(key, '1')} trained on {source}", True
        if key in ("live_skill", "model_verdict"):
            return f"{key} on {consumed}", True
        if key == "champion_model":
            self.champion = self.champion if "refused" in source else source
            return None if "refused" in source else source, True
        return self._serve(key, source)

    def _process(self, source: str) -> str:
        snapshot = RawSnapshot.load(self.place.snapshot_file)
        verify_snapshot(self.place.raw, snapshot, self.place.hashes_file)
        texts = [(self.place.raw / each.name).read_text() for each in snapshot.files]
        if any("bad" in text for text in texts):
            raise RawDataError("a bad file")
        kind = "refused" if any("refused" in text for text in texts) else "good"
        falling = "falls " if any("falls" in text for text in texts) else ""
        return f"{falling}{kind} rows of {source}"

    def _record(self) -> tuple[str, bool]:
        with self._clock():
            files = complete_files(self.place, raw_sensor.SETTLE_SECONDS)
        place = self.place
        snapshot = take_snapshot(place.raw, place.contract_file, place.hashes_file, files)
        snapshot.save(place.snapshot_file)
        return snapshot.version, True

    def _serve(self, key: str, source: str) -> tuple[str | None, bool]:
        if key == "scoring_package":
            self.published = f"package {self.codes.get(key, '1')} of {self.champion}"
            return self.published, True
        if key != STAGES[0] and source != self.published:
            return None, True  # superseded
        falls = key == "canary_traffic" and "falls" in source
        if key == STAGES[-1]:
            self.serving = self.published
        return f"{self.published}{' withdrawn' if falls else ''}", not falls

    def _fail(self, run: Run, key: str, ending: str) -> None:
        self._note(key, ending)
        self.log.write(run, Event.STEP_FAILURE, key)
        self._end(run, Event.PIPELINE_FAILURE, ending)

    def kill(self, run: Run, *, tagged: bool) -> None:
        """Ends a run as a machine that fails does; somebody finds out later, and may say so."""
        self.clock += 1
        for key in run.keys if run.consumed is None else run.keys[:1]:
            self._note(key, "killed")
        self._end(run, Event.PIPELINE_FAILURE, "killed" if tagged else "")

    def cancel(self, run: Run) -> None:
        """Ends a run as a person does."""
        self.clock += 1
        for key in run.keys:
            self._note(key, "cancelled")
        self._end(run, Event.PIPELINE_CANCELED)

    def _note(self, key: str, ending: str) -> None:
        self.tries.setdefault(key, []).append(ending)

    def _end(self, run: Run, kind: Event, ending: str = "") -> None:
        self.log.ended(run, kind, ending)
        self.runs.remove(run)

    # What is expected.

    def news(self, key: str) -> bool:
        """Tells whether an asset was not made of the newest versions and code."""
        known = self.made.get(key)
        return (
            known is None
            or known.code != self.codes.get(key, "1")
            or any(
                there.version != known.consumed.get(each)
                for each in product()[key].inputs
                if (there := self.made.get(each)) is not None
            )
        )

    def excused(self, key: str) -> bool:
        """Tells whether an asset may stay as it is, though it is not up to date."""
        inputs = product()[key].inputs
        tries = self.tries.get(key, [])
        given_up = tries and tries[-1] in FINAL
        worn_out = tries.count("transient") + tries.count("killed") >= 8
        held = any(each not in self.made or not self.made[each].passed for each in inputs)
        apart = any(
            self.news(each) and set(product()[each].inputs) & set(inputs) for each in inputs
        )
        return bool(given_up or worn_out or held or apart)
