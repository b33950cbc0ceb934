"""One rollout at a time: a newer candidate takes over, and the older run touches nothing more."""

from collections.abc import Callable
from functools import partial

import pytest

from weather_assets.rollout.convergence import RolloutRefused
from weather_assets.rollout.service import NewerRelease, Superseded
from weather_assets.rollout.states import Stage
from weather_assets_tests.rollout.memory_service import release
from weather_assets_tests.rollout.rollouts import ROLLOUT, Place, place

OLD, NEW, NEWER = release(1), release(2), release(3)


def after_asks(here: Place, count: int, act: Callable[[], object]) -> None:
    """Does something once so many requests were sent."""
    asked: list[str] = []

    def watch(name: str) -> None:
        if name == "ask":
            asked.append(name)
            if len(asked) == count:
                act()

    here.service.before_call = watch


@pytest.mark.parametrize("reached", range(1, 4), ids=["deployed", "shadow", "canary"])
def test_a_newer_candidate_takes_the_older_ones_slot(reached: int) -> None:
    here = place()
    here.roll_out(NEW, ROLLOUT[:reached])
    reports = here.roll_out(NEWER)
    assert all(report.passed for report in reports)
    assert here.service.live == {"green": 100}
    changes = here.service.changes
    for stage in (Stage.SHADOW, Stage.CANARY, Stage.LIVE):
        with pytest.raises(RolloutRefused, match="another candidate took its place"):
            here.advance(NEW, stage)
    assert here.service.changes == changes


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.CANARY, Stage.LIVE])
def test_an_older_run_stops_in_the_middle_of_its_watch(stage: Stage) -> None:
    here = place()
    for each in ROLLOUT[: ROLLOUT.index(stage)]:
        here.advance(NEW, each)
    newer = Place(here.service, here.journal)

    def supersede() -> None:
        here.service.before_call = lambda _name: None
        assert newer.advance(NEWER, Stage.DEPLOYED).passed

    after_asks(here, 10, supersede)
    with pytest.raises(Superseded):
        here.advance(NEW, stage)
    serves, other = ("green", "blue") if stage is Stage.LIVE else ("blue", "green")
    assert here.service.live == {serves: 100}
    assert here.service.slots[other].release == NEWER
    # The newest call is the newer one's, but for looking.
    last = [call for call in here.service.calls if call.split()[0] in {"deploy", "set_traffic"}][-1]
    assert last == f"deploy {other}"


def test_a_rerun_of_the_live_stage_leaves_a_newer_candidate_alone() -> None:
    here = place()
    here.roll_out(NEW)
    here.roll_out(NEWER, (Stage.DEPLOYED, Stage.SHADOW))
    changes = here.service.changes
    assert here.advance(NEW, Stage.LIVE).passed
    assert here.service.changes == changes
    assert here.service.mirror == {"blue": 20}
    assert all(report.passed for report in here.roll_out(NEWER, (Stage.CANARY, Stage.LIVE)))


def test_a_champion_that_comes_back_as_a_candidate_is_a_candidate() -> None:
    here = place()
    here.roll_out(NEW)
    here.roll_out(OLD, (Stage.DEPLOYED, Stage.SHADOW))
    assert here.advance(NEW, Stage.LIVE).passed
    assert here.service.mirror == {"blue": 20}
    assert not here.advance(NEW, Stage.WITHDRAWN).rolled_back
    assert here.service.live == {"green": 100}


@pytest.mark.parametrize("stage", [Stage.SHADOW, Stage.CANARY, Stage.LIVE])
def test_a_stage_ends_where_a_newer_package_waits_and_that_one_goes_on(stage: Stage) -> None:
    here = place()
    here.roll_out(NEW, ROLLOUT[: ROLLOUT.index(stage)])
    after_asks(here, 10, partial(setattr, here, "newer", "the package of 3 waits"))
    with pytest.raises(NewerRelease, match="the package of 3 waits"):
        here.advance(NEW, stage)
    here.newer, here.service.before_call = "", lambda _name: None
    assert all(report.passed for report in here.roll_out(NEWER))
    assert len(here.service.live) == 1
    assert [slot.release for slot in here.service.slots.values()] == [NEWER]


def test_traffic_changed_by_hand_stops_the_stage_and_stays() -> None:
    here = place()
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW))
    after_asks(here, 10, lambda: here.service.give({"blue": 50, "green": 50}))
    with pytest.raises(Superseded, match="from blue 90 %, green 10 % to blue 50 %, green 50 %"):
        here.advance(NEW, Stage.CANARY)
    assert here.service.live == {"blue": 50, "green": 50}
    here.service.before_call = lambda _name: None
    assert here.advance(NEW, Stage.CANARY).passed


def test_a_candidate_removed_by_hand_stops_the_stage() -> None:
    here = place()
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW))

    def remove() -> None:
        here.service.give({"blue": 100})
        here.service.slots.pop("green")

    after_asks(here, 10, remove)
    with pytest.raises(Superseded, match="Slot green is gone"):
        here.advance(NEW, Stage.CANARY)


def test_going_back_never_gives_traffic_to_a_candidate_that_was_not_judged() -> None:
    here = place()
    here.roll_out(NEW)
    here.advance(NEWER, Stage.DEPLOYED)
    report = here.advance(NEW, Stage.WITHDRAWN)
    assert not report.rolled_back
    assert here.service.live == {"green": 100}


def test_a_deployment_of_others_is_never_touched() -> None:
    here = place(champion=False)
    here.service.cores = 32
    here.service.place("blue", None)
    here.service.give({"blue": 100})
    with pytest.raises(RolloutRefused, match="none of weather_assets"):
        here.advance(NEW, Stage.DEPLOYED)
    here.service.was_full = False
    here.service.give({})
    assert all(report.passed for report in here.roll_out(NEW))
    assert here.service.live == {"green": 100}
    with pytest.raises(RolloutRefused, match="no free slot"):
        here.advance(NEWER, Stage.DEPLOYED)
    assert here.service.slots["blue"].release is None
