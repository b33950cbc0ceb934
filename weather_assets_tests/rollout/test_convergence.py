"""From any state an endpoint can be in, in few steps, never taking healthy traffic down."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weather_assets.rollout.convergence import Convergence, Reached, RolloutRefused
from weather_assets.rollout.plan import Desired, next_step
from weather_assets.rollout.service import DeploymentFailed, OperationTimedOut, Superseded
from weather_assets.rollout.states import SLOTS, Endpoint, Provisioning, Release, Stage
from weather_assets.rollout.steps import Change, Done, Refuse, SetTraffic
from weather_assets_tests.rollout.memory_service import Clock, MemoryService, Scorer, release
from weather_assets_tests.rollout.rollouts import FAST

OLD, NEW, NEWER = release(1), release(2), release(3)
MOST_CHANGES = 6
"""Repair, traffic, delete, deploy, traffic, and one to spare."""


@dataclass(frozen=True)
class Found:
    """One slot as a rollout may find it."""

    slot: str
    release: Release | None
    state: Provisioning
    serving: bool


@st.composite
def worlds(draw: st.DrawFn) -> MemoryService:
    """Returns an endpoint in any state that the service's rules allow."""
    service = MemoryService(Clock(), {NEW.identity: Scorer(starts=draw(st.booleans()))})
    service.cores = 1000
    if not draw(st.integers(0, 20)):
        return service
    service.exists = True
    serving: list[str] = []
    for slot in (*SLOTS, "red"):
        if draw(st.booleans()) and (slot != "red" or draw(st.booleans())):
            state = draw(st.sampled_from(Provisioning))
            came_to_serve = state is not Provisioning.CREATING and draw(st.integers(0, 3)) > 0
            came_to_serve |= state is Provisioning.SUCCEEDED
            if state is Provisioning.FAILED:
                came_to_serve = draw(st.booleans())
            which = draw(st.sampled_from([OLD, NEW, NEWER, NEW, OLD, None]))
            service.place(slot, which, state, serving=came_to_serve)
            if came_to_serve and state is not Provisioning.DELETING:
                serving.append(slot)
    live: dict[str, int] = {}
    if serving and draw(st.integers(0, 4)):
        shares = draw(st.sampled_from([(100,), (90, 10), (50, 50), (1, 99)]))
        chosen = draw(st.permutations(serving))
        live = (
            {chosen[0]: 100}
            if len(chosen) < len(shares)
            else dict(zip(chosen, shares, strict=False))
        )
    quiet = [slot for slot in serving if slot not in live]
    mirror = {quiet[0]: draw(st.sampled_from([5, 20, 50]))} if quiet and draw(st.booleans()) else {}
    service.give(live, mirror)
    service.busy_endpoint(draw(st.sampled_from(Provisioning)))
    return service


STAGES = st.sampled_from(Stage)
PREVIOUS = st.sampled_from([None, OLD.identity, NEWER.identity])


def check_step(desired: Desired, step: Change, observed: Endpoint | None) -> None:
    """No share of what is not well is raised, but in a rollback to the slot that serves."""
    if not isinstance(step, SetTraffic) or observed is None:
        return
    for slot, share in step.live.items():
        deployment, before = observed.deployment(slot), observed.live_share(slot)
        assert deployment is not None
        back = desired.stage is Stage.WITHDRAWN and before > 0
        assert share <= before or deployment.provisioning.healthy or back, (observed, step)


def reach(service: MemoryService, desired: Desired) -> Reached | Refuse:
    loop = Convergence(service, FAST, service.clock.sleep, check_step)
    try:
        return loop.reach(desired)
    except RolloutRefused as refused:
        return Refuse(str(refused))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), STAGES, st.booleans(), PREVIOUS)
def test_every_stage_converges_from_any_state(
    service: MemoryService, stage: Stage, immediate: bool, previous: str | None
) -> None:
    desired = Desired(NEW, stage, immediate, previous)
    strangers = {
        name: slot
        for name, slot in service.slots.items()
        if slot.release is None and slot.state is not Provisioning.DELETING
    }
    service.was_full = service.healthy_share == 100
    try:
        result = reach(service, desired)
    except DeploymentFailed:
        assert not service.scorers[NEW.identity].starts
        assert stage is Stage.DEPLOYED
        return
    assert service.changes <= MOST_CHANGES, service.calls
    observed = service.observe()
    step = next_step(observed, desired, FAST)
    assert isinstance(step, Refuse if isinstance(result, Refuse) else Done)
    for name, slot in strangers.items():
        assert service.slots.get(name) is slot
    check_reached(service, desired, result)
    changes = service.changes
    assert reach(service, desired) == result
    assert service.changes == changes, "what is so already needs nothing"


def check_reached(service: MemoryService, desired: Desired, result: Reached | Refuse) -> None:
    if isinstance(result, Refuse):
        return
    mine = [
        name
        for name, slot in service.slots.items()
        if name in SLOTS and slot.release and slot.release.identity == NEW.identity
    ]
    if desired.stage is Stage.WITHDRAWN:
        assert not mine
        return
    live = sum(service.live.get(name, 0) for name in mine)
    assert all(
        service.slots[name].state is Provisioning.SUCCEEDED
        for name in mine
        if service.live.get(name, 0)
    )
    if desired.stage in {Stage.LIVE, Stage.SETTLED}:
        assert live == 100
    elif live != 100:
        share = {Stage.CANARY: 10}.get(desired.stage, 0) if service.live else 0
        assert live == share
        mirrored = sum(service.mirror.get(name, 0) for name in mine)
        assert mirrored == (20 if desired.stage is Stage.SHADOW and service.live else 0)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), PREVIOUS)
def test_a_candidate_is_deployed_wherever_nothing_of_others_is_in_the_way(
    service: MemoryService, previous: str | None
) -> None:
    service.scorers.clear()
    service.was_full = service.healthy_share == 100
    result = reach(service, Desired(NEW, Stage.DEPLOYED, previous=previous))
    if isinstance(result, Refuse):
        strangers = [slot for slot in service.slots.values() if slot.release is None]
        failed = [
            name
            for name, share in service.live.items()
            if share and service.slots[name].state is not Provisioning.SUCCEEDED
        ]
        assert strangers or failed or service.live.get("red") or service.mirror.get("red")


def candidate_that_is(state: Provisioning) -> MemoryService:
    """Returns an endpoint where blue serves and green, the candidate, never did."""
    service = MemoryService(Clock())
    service.place("blue", OLD)
    service.place("green", NEW, state, serving=False)
    service.give({"blue": 100})
    return service


def changes(service: MemoryService) -> list[str]:
    return [call for call in service.calls if call != "observe"]


def test_traffic_goes_back_while_the_candidate_is_still_busy() -> None:
    service = MemoryService(Clock())
    service.place("blue", OLD, Provisioning.SCALING)
    service.place("green", NEW, Provisioning.UPDATING)
    service.give({"blue": 90, "green": 10})
    result = reach(service, Desired(NEW, Stage.WITHDRAWN))
    assert isinstance(result, Reached)
    assert changes(service) == [
        "set_traffic {'blue': 100} {}",
        "delete green",
    ]


def test_a_run_whose_candidate_is_gone_does_not_even_repair() -> None:
    service = MemoryService(Clock())
    service.place("blue", OLD)
    service.give({"blue": 100})
    service.state = Provisioning.FAILED
    for stage in (Stage.SHADOW, Stage.CANARY, Stage.LIVE, Stage.SETTLED):
        assert isinstance(reach(service, Desired(NEW, stage)), Refuse)
    assert service.changes == 0


def test_what_failed_is_repaired_beside_the_slot_that_serves() -> None:
    service = candidate_that_is(Provisioning.FAILED)
    service.state = Provisioning.FAILED
    assert isinstance(reach(service, Desired(NEW, Stage.DEPLOYED)), Reached)
    assert changes(service) == ["repair_endpoint", "delete green", "deploy green"]


def test_what_failed_with_all_traffic_is_repaired_in_place() -> None:
    service = MemoryService(Clock())
    service.place("blue", NEW, Provisioning.FAILED)
    service.give({"blue": 100})
    assert isinstance(reach(service, Desired(NEW, Stage.DEPLOYED)), Reached)
    assert changes(service) == ["deploy blue"]


def test_only_the_release_that_traffic_was_taken_from_gets_it_back_or_goes() -> None:
    for stage in (Stage.WITHDRAWN, Stage.SETTLED):
        service = MemoryService(Clock())
        service.place("blue", NEWER)
        service.place("green", NEW)
        service.give({"green": 100})
        reach(service, Desired(NEW, stage, previous=OLD.identity))
        assert service.changes == 0
        assert service.live == {"green": 100}
        result = reach(service, Desired(NEW, stage, previous=NEWER.identity))
        assert isinstance(result, Reached)
        assert set(service.slots) == {"blue" if stage is Stage.WITHDRAWN else "green"}


def test_a_leaked_deployment_is_swept_and_a_strangers_is_not() -> None:
    service = MemoryService(Clock())
    service.place("blue", NEW)
    service.place("run-41", OLD)
    service.place("theirs", None)
    service.give({"blue": 100})
    assert isinstance(reach(service, Desired(NEW, Stage.SETTLED)), Reached)
    assert set(service.slots) == {"blue", "theirs"}


def test_a_release_that_comes_meanwhile_stops_the_loop() -> None:
    service = candidate_that_is(Provisioning.CREATING)
    seen: list[str] = []

    def somebody(name: str) -> None:
        seen.append(name)
        if len(seen) == 3:
            service.slots.pop("green")
            service.place("green", NEWER)

    service.before_call = somebody
    with pytest.raises(Superseded, match="Slot green has release 3"):
        reach(service, Desired(NEW, Stage.DEPLOYED))
    assert service.changes == 0


def test_a_candidate_that_somebody_removes_is_not_deployed_again() -> None:
    service = candidate_that_is(Provisioning.CREATING)
    service.before_call = lambda _name: (
        service.slots.pop("green", None) and None if len(service.calls) > 2 else None
    )
    with pytest.raises(Superseded, match="Slot green is gone"):
        reach(service, Desired(NEW, Stage.DEPLOYED))
    assert service.changes == 0


def test_somebodys_operation_that_never_ends_is_given_up() -> None:
    service = MemoryService(Clock())
    service.busy_endpoint(Provisioning.UPDATING)
    service.until = None
    with pytest.raises(OperationTimedOut, match="endpoint weather is Updating still"):
        reach(service, Desired(NEW, Stage.DEPLOYED))
