"""Every rule refuses what Azure refuses, and lets pass what it takes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.foundation.azure_limits import (
    MAX_DEPLOYMENTS,
    MAX_ENDPOINTS,
    cores_needed,
)
from weather_assets.local_azure.azure import rules
from weather_assets.local_azure.azure.errors import ServiceError

BOTH = {"blue": True, "green": True}


def refusal(call: Callable[..., object], *arguments: object) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        call(*arguments)
    return caught.value


@pytest.mark.parametrize("name", ["rain", "a1b", "Rain-forecast-2", "a" * 32])
def test_names_that_azure_takes(name: str) -> None:
    rules.check_name("endpoint", name)


@pytest.mark.parametrize(
    "name",
    ["", "ab", "a" * 33, "1rain", "-rain", "rain-", "ra--in", "rain_fall", "regen.de", "régen"],
)
def test_other_names_are_refused(name: str) -> None:
    error = refusal(rules.check_name, "endpoint", name)
    assert (error.status, error.code) == (400, "BadRequest")
    assert repr(name) in error.message


@pytest.mark.parametrize(
    ("traffic", "mirror"),
    [
        ({}, {}),
        ({"blue": 0, "green": 0}, {}),
        ({"blue": 100}, {}),
        ({"blue": 90, "green": 10}, {}),
        ({"blue": 100}, {"green": 50}),
        ({"blue": 100}, {"green": 0, "blue": 0}),
    ],
)
def test_traffic_that_azure_takes(traffic: dict[str, Any], mirror: dict[str, Any]) -> None:
    rules.check_traffic(traffic, mirror, BOTH)


@pytest.mark.parametrize(
    ("traffic", "mirror", "said"),
    [
        ({"blue": 99}, {}, "0 or 100"),
        ({"blue": 60, "green": 60}, {}, "0 or 100"),
        ({"blue": 101}, {}, "0 to 100"),
        ({"blue": -1, "green": 101}, {}, "0 to 100"),
        ({"blue": 99.5, "green": 0.5}, {}, "whole percent"),
        ({"blue": True}, {}, "whole percent"),
        ({"red": 100}, {}, "does not have"),
        ({"blue": 100}, {"red": 10}, "does not have"),
        ({"blue": 100}, {"green": 51}, "50 percent"),
        ({"blue": 100}, {"blue": 10}, "one of the two"),
    ],
)
def test_other_traffic_is_refused(
    traffic: dict[str, Any], mirror: dict[str, Any], said: str
) -> None:
    error = refusal(rules.check_traffic, traffic, mirror, BOTH)
    assert error.status == 400
    assert said in error.message


def test_mirroring_to_two_deployments_is_refused() -> None:
    error = refusal(
        rules.check_traffic, {"blue": 100}, {"green": 10, "red": 10}, {**BOTH, "red": True}
    )
    assert "one only" in error.message


@pytest.mark.parametrize("where", ["traffic", "mirror"])
def test_a_deployment_that_never_served_gets_no_traffic(where: str) -> None:
    traffic, mirror = ({"new": 100}, {}) if where == "traffic" else ({}, {"new": 10})
    assert (
        "not come to serve" in refusal(rules.check_traffic, traffic, mirror, {"new": False}).message
    )


@given(blue=st.integers(-5, 105), green=st.integers(-5, 105), mirrored=st.integers(-5, 105))
@settings(max_examples=200, deadline=None)
def test_traffic_is_taken_exactly_where_all_rules_hold(
    blue: int, green: int, mirrored: int
) -> None:
    holds = (
        all(0 <= share <= 100 for share in (blue, green, mirrored))
        and blue + green in {0, 100}
        and (mirrored == 0 or (mirrored <= 50 and green == 0))
    )
    try:
        rules.check_traffic({"blue": blue, "green": green}, {"green": mirrored}, BOTH)
        taken = True
    except ServiceError:
        taken = False
    assert taken == holds


def test_deleting_a_deployment_with_traffic_is_refused() -> None:
    assert refusal(rules.check_delete, "blue", "Succeeded", 10, 0).status == 400
    assert refusal(rules.check_delete, "blue", "Succeeded", 0, 20).status == 400
    assert refusal(rules.check_delete, "blue", "Updating", 0, 0).status == 409
    rules.check_delete("blue", "Failed", 0, 0)


@pytest.mark.parametrize("state", sorted(rules.BUSY_STATES))
def test_changing_what_is_changing_is_refused(state: str) -> None:
    assert refusal(rules.check_settled, "endpoint", "rain", state).status == 409


@pytest.mark.parametrize("state", ["Succeeded", "Failed", "Canceled"])
def test_what_has_settled_can_be_changed(state: str) -> None:
    rules.check_settled("endpoint", "rain", state)


def test_a_name_of_another_workspace_is_refused() -> None:
    assert refusal(rules.check_unique, "rain", "first", "second").status == 409
    rules.check_unique("rain", "first", "first")
    rules.check_unique("rain", "first", None)


@pytest.mark.parametrize(
    ("kind", "most"), [("deployment", MAX_DEPLOYMENTS), ("endpoint", MAX_ENDPOINTS)]
)
def test_one_too_many_is_refused(kind: str, most: int) -> None:
    names = [f"name{number}" for number in range(most)]
    assert (
        f"{most} is the most" in refusal(rules.check_counts, kind, names, "one-more", most).message
    )
    rules.check_counts(kind, names, "NAME0", most)  # there already: an update
    rules.check_counts(kind, names[1:], "one-more", most)


@pytest.mark.parametrize("count", [0, -1, 51, 1.5, "2", None, True])
def test_other_instance_counts_are_refused(count: object) -> None:
    assert refusal(rules.check_instances, count).status == 400


def test_both_slots_of_a_rollout_count() -> None:
    one = cores_needed(4, 1)
    rules.check_quota("Standard_DS3_v2", one, one, 16, "s")
    error = refusal(rules.check_quota, "Standard_DS3_v2", one, one, 15, "s")
    assert error.details[0][0] == "OutOfQuota"
    assert "usage/limit: 8/15. Additional needed: 8" in error.details[0][1]


def test_unknown_vm_sizes_are_refused() -> None:
    assert "Standard_DS3_v2" in refusal(rules.machine, "Standard_Z1").message
    assert rules.machine("standard_ds3_V2").cores == 4


def test_defaults_of_request_settings() -> None:
    assert rules.check_request_settings(None) == (5.0, 0.5, 1)


def test_request_settings_are_read() -> None:
    given_settings = {
        "requestTimeout": "PT1M30S",
        "maxQueueWait": "PT0.25S",
        "maxConcurrentRequestsPerInstance": 4,
    }
    assert rules.check_request_settings(given_settings) == (90.0, 0.25, 4)


@pytest.mark.parametrize(
    "bad",
    [
        {"requestTimeout": "PT181S"},
        {"requestTimeout": "PT0S"},
        {"requestTimeout": "5000"},
        {"requestTimeout": "PT"},
        {"maxConcurrentRequestsPerInstance": 0},
        {"maxConcurrentRequestsPerInstance": "4"},
    ],
)
def test_other_request_settings_are_refused(bad: dict[str, Any]) -> None:
    assert refusal(rules.check_request_settings, bad).status == 400


def test_registered_versions_do_not_change() -> None:
    rules.check_immutable("model", "a", "a")
    assert refusal(rules.check_immutable, "model", "a", "b").status == 409
