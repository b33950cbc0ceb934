"""What is found before the first step, by the same rules as the service has."""

from dataclasses import replace

import pytest

from weather_assets.local_azure.azure import rules
from weather_assets.local_azure.azure.errors import ServiceError
from weather_assets.rollout.plan import Desired
from weather_assets.rollout.preflight import (
    Circumstances,
    check_name,
    preflight,
)
from weather_assets.rollout.settings import RolloutSettings
from weather_assets.rollout.states import Deployment, Endpoint, Provisioning, Stage
from weather_assets_tests.rollout.memory_service import release

HERE = Circumstances("weather-assets", 400, cores_needed=8, cores_available=16)
SETTINGS = RolloutSettings()
GOOD = Provisioning.SUCCEEDED
SERVING = Endpoint(
    "weather-assets", GOOD, {"blue": 100}, {}, (Deployment("blue", GOOD, release(1)),)
)


def problems(
    observed: Endpoint | None = SERVING,
    told: Circumstances = HERE,
    stage: Stage = Stage.DEPLOYED,
    *,
    immediate: bool = False,
) -> str:
    return " ".join(preflight(observed, Desired(release(2), stage, immediate), SETTINGS, told))


def test_nothing_stands_against_an_ordinary_rollout() -> None:
    assert not problems()
    assert not problems(None)


@pytest.mark.parametrize(
    ("observed", "available", "missing"),
    [(None, 16, 0), (None, 15, 16), (SERVING, 8, 0), (SERVING, 7, 8)],
)
def test_the_quota_must_hold_both_slots(
    observed: Endpoint | None, available: int, missing: int
) -> None:
    found = problems(observed, replace(HERE, cores_available=available))
    assert bool(found) == bool(missing)
    assert not missing or f"{missing} more cores are needed" in found


def test_what_is_there_already_and_what_is_not_known_needs_no_quota() -> None:
    none = replace(HERE, cores_available=0)
    green = Deployment("green", GOOD, release(2))
    assert not problems(replace(SERVING, deployments=(*SERVING.deployments, green)), none)
    older = Deployment("green", GOOD, release(3))
    assert not problems(replace(SERVING, deployments=(*SERVING.deployments, older)), none)
    assert not problems(told=replace(HERE, cores_available=None))
    assert not problems(None, replace(HERE, cores_available=8), immediate=True)
    assert not problems(told=none, stage=Stage.SHADOW)


def test_traffic_that_breaks_the_rules_is_named() -> None:
    assert "sum to 0 or 100" in problems(replace(SERVING, traffic={"blue": 60}))
    assert "at most 50" in problems(replace(SERVING, mirror={"green": 60}))
    assert "live and mirror" in problems(replace(SERVING, mirror={"blue": 10}))


def test_going_back_needs_nothing() -> None:
    assert not problems(told=replace(HERE, probe_rows=1, endpoint="!"), stage=Stage.WITHDRAWN)


@pytest.mark.parametrize(
    "name", ["weather", "a1", "ab-c", "a--b", "a-", "1ab", "a" * 32, "a" * 33, "w_a", "", "a\n"]
)
def test_names_are_judged_as_the_service_judges_them(name: str) -> None:
    try:
        rules.check_name("endpoint", name)
    except ServiceError:
        assert check_name("endpoint", name)
        assert "Set ENDPOINT_NAME" in problems(told=replace(HERE, endpoint=name))
    else:
        assert not check_name("endpoint", name)
