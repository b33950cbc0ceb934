"""Whatever happens in whatever order, the newest data ends in what serves, and nothing runs twice.

A state machine drives the product's sensor and conditions over files that come and go, runs that
end in every way, restarts and clocks that jump; after each sequence the world is left in peace, and
has to come to rest where every asset is up to date or has a reason not to be.

`make property-test` walks 10,000 steps and more; `make test` a few.
"""

import os
import tempfile
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from weather_assets.adapters.files.raw_snapshot import RawDataError, RawSnapshot, take_snapshot
from weather_assets.defs.automation import follows_its_inputs
from weather_assets_tests.defs.simulated_world import STAGES, Condition, World, product

EXAMPLES = int(os.environ.get("WEATHER_ASSETS_TEST_EXAMPLES", "2"))
STEPS = 50
MOST_ROUNDS = 60
"""Rounds of ticks, an hour and more each, after which the world has to be at rest."""
NAMES = ("a.csv", "b.csv", "c.csv")
LINES = ("good 1\n", "good 2\n", "good 3\n", "refused\n", "bad\n", "falls\n")
SENSORS = ("continuous_training_sensor", "rollout_sensor")
names, lines = st.sampled_from(NAMES), st.sampled_from(LINES)
desired = st.sampled_from([key for key in product() if product()[key].inputs])


class Machine(RuleBasedStateMachine):
    """The world, and everything that may happen in it."""

    condition: Condition = staticmethod(follows_its_inputs)

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._instance = dg.DagsterInstance.ephemeral()
        self.world = World(Path(self._folder.name), self._instance, self.condition)
        self.raw = self.world.place.raw

    @initialize(line=lines)
    def first_file(self, line: str) -> None:
        (self.raw / "a.csv").write_text(line)

    # Files.

    @rule(name=names, line=lines)
    def file_comes_or_changes_or_comes_back(self, name: str, line: str) -> None:
        (self.raw / name).write_text(line)

    @rule(name=names, line=lines)
    def file_grows(self, name: str, line: str) -> None:
        with (self.raw / name).open("a") as file:
            file.write(line)

    @rule(name=names)
    def file_vanishes(self, name: str) -> None:
        (self.raw / name).unlink(missing_ok=True)

    @rule(name=names, other=names)
    def file_is_renamed(self, name: str, other: str) -> None:
        if (self.raw / name).is_file():
            (self.raw / name).rename(self.raw / other)

    @rule(name=names, moment=st.sampled_from([0.0, 1e9, 4e9]))
    def file_is_touched(self, name: str, moment: float) -> None:
        if (self.raw / name).is_file():
            os.utime(self.raw / name, (moment, moment))

    @rule(text=st.sampled_from(["", "# one\n", "# two\n"]))
    def contract_changes(self, text: str) -> None:
        self.world.place.contract_file.write_text(text)

    # Sensors, code and clock.

    @rule()
    def sensor_looks_at_files(self) -> None:
        self.world.look()

    @rule(sensor=st.sampled_from(SENSORS))
    def sensor_ticks(self, sensor: str) -> None:
        self.world.tick(sensor)

    @rule(key=desired)
    def code_or_configuration_changes(self, key: str) -> None:
        self.world.change_code(key)

    @rule()
    def daemon_restarts(self) -> None:
        self.world.cursors.clear()

    @rule(seconds=st.sampled_from([61.0, 7200.0, -86400.0]))
    def clock_moves(self, seconds: float) -> None:
        self.world.clock += seconds

    @rule(key=desired)
    def person_materializes(self, key: str) -> None:
        self.world.ask_by_hand(key)

    # Runs.

    @rule(choice=st.integers(0, 3), steps=st.integers(1, 12))
    def run_goes_on(self, choice: int, steps: int) -> None:
        self.world.start()
        for _ in range(steps):
            started = self.world.started
            if started:
                self.world.advance(started[choice % len(started)])

    @precondition(lambda self: self.world.runs)
    @rule(choice=st.integers(0, 3), ending=st.sampled_from(["transient", "transient", "permanent"]))
    def step_fails(self, choice: int, ending: str) -> None:
        self.world.start()
        run = self.world.started[choice % len(self.world.started)]
        while run.keys and run.consumed is None:
            self.world.advance(run)
        if run.keys:
            self.world.advance(run, ending)

    @precondition(lambda self: self.world.runs)
    @rule(choice=st.integers(0, 3), tagged=st.booleans())
    def run_is_killed(self, choice: int, tagged: bool) -> None:
        self.world.kill(self.world.runs[choice % len(self.world.runs)], tagged=tagged)

    @precondition(lambda self: self.world.runs)
    @rule(choice=st.integers(0, 3))
    def run_is_cancelled(self, choice: int) -> None:
        self.world.cancel(self.world.runs[choice % len(self.world.runs)])

    # What happens most of the time; without it hardly a sequence would get as far as a rollout.

    @rule(steps=st.integers(0, 25))
    def time_passes(self, steps: int) -> None:
        self.world.look()
        for sensor in SENSORS:
            self.world.tick(sensor)
        self.run_goes_on(0, steps)

    @rule(steps=st.integers(0, 25))
    def more_time_passes(self, steps: int) -> None:
        self.time_passes(steps)
        self.time_passes(25 - steps)

    # The end.

    def teardown(self) -> None:
        """Leaves the world in peace, and looks at what it has come to."""
        try:
            self.come_to_rest()
            self.check()
        finally:
            self._instance.dispose()
            self._folder.cleanup()

    def come_to_rest(self) -> None:
        """Ticks and lets runs end, until nothing happens any more."""
        quiet = 0
        for _ in range(MOST_ROUNDS):
            self.world.look()
            asked = [self.world.tick(sensor) for sensor in SENSORS]
            quiet = 0 if any(asked) or self.world.runs else quiet + 1
            if quiet == 3:
                return
            self.world.start()
            while self.world.started:
                self.world.advance(self.world.started[0])
                self.world.start()
            self.world.clock += 3700
        raise AssertionError(f"not at rest after {MOST_ROUNDS} rounds: {self.world.runs}")

    def check(self) -> None:
        """Holds what is against what has to be."""
        world = self.world
        place = world.place
        try:
            present = take_snapshot(place.raw, place.contract_file)
        except RawDataError:
            return  # there is nothing to record
        if not world.excused("raw_weather"):
            assert RawSnapshot.load(place.snapshot_file) == present
            assert world.made["raw_weather"].version == present.version
        late = [key for key in product() if product()[key].inputs and world.news(key)]
        assert [key for key in late if not world.excused(key)] == []
        path = ("scoring_package", *STAGES)
        if all(key in world.made and world.made[key].passed and key not in late for key in path):
            assert world.serving == world.published
            assert world.champion is not None
            assert world.champion in (world.published or "")
        assert len(world.trained) == len(set(world.trained))


def walk(machine: type[Machine], examples: int) -> None:
    """Walks some sequences of steps, the same ones every time."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            derandomize=True,
            deadline=None,
            report_multiple_bugs=False,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            phases=[Phase.generate],  # shrinking takes minutes: with it while looking for a cause
        ),
    )


def test_everything_comes_to_rest_where_it_should() -> None:
    walk(Machine, EXAMPLES)


@pytest.mark.parametrize(
    "stock",
    [
        dg.AutomationCondition.eager,
        lambda: dg.AutomationCondition.any_deps_updated() & ~dg.AutomationCondition.in_progress(),
    ],
    ids=["eager", "any_deps_updated"],
)
def test_stock_conditions_do_not(stock: Condition) -> None:
    class Stock(Machine):
        condition = staticmethod(stock)

    with pytest.raises(AssertionError):
        walk(Stock, 30)
