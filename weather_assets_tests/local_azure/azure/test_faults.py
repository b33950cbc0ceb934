"""Every fault that can be injected strikes as it says, as often as it says, and no one else."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from weather_assets.foundation.waiting import wait_until
from weather_assets.local_azure.azure.errors import LocalAzureError
from weather_assets.local_azure.azure.faults import Fault, FaultKind
from weather_assets_tests.local_azure.plain_client import PlainClient

ENDPOINT = "faulty"
PATH = f"/onlineEndpoints/{ENDPOINT}"


@pytest.fixture(scope="module")
def key(azure: PlainClient) -> Iterator[str]:
    """The key of an endpoint with one deployment that serves."""
    azure.wait(azure.put_endpoint(ENDPOINT))
    assert azure.wait(azure.put_deployment(ENDPOINT, "blue"), 300)["status"] == "Succeeded"
    azure.wait(azure.put_endpoint(ENDPOINT, traffic={"blue": 100}))
    yield azure.key(ENDPOINT)
    assert azure.wait(azure.arm("DELETE", PATH))["status"] == "Succeeded"


def state(azure: PlainClient, path: str = PATH) -> str:
    return azure.arm("GET", path).json()["properties"]["provisioningState"]


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.IMAGE_BUILD_FAILED, "ImageBuildFailed"),
        (FaultKind.OUT_OF_QUOTA, "OutOfQuota"),
        (FaultKind.RESOURCE_NOT_READY, "ResourceNotReady"),
    ],
)
def test_a_deployment_fails_and_is_repaired_by_the_next_put(
    azure: PlainClient, key: str, kind: FaultKind, code: str
) -> None:
    azure.control.add_fault(Fault(kind, f"{ENDPOINT}/blue"))
    failed = azure.wait(azure.put_deployment(ENDPOINT, "blue", description=code))
    assert (failed["status"], failed["error"]["code"]) == ("Failed", code)
    assert state(azure, f"{PATH}/deployments/blue") == "Failed"
    assert azure.score(ENDPOINT, key, {"x": 1}).status_code == 200, "what served serves on"
    assert azure.control.faults() == []


@pytest.mark.usefixtures("key")
def test_a_failed_deployment_can_be_repaired_or_deleted(azure: PlainClient) -> None:
    azure.control.add_fault(Fault(FaultKind.IMAGE_BUILD_FAILED, f"{ENDPOINT}/green"))
    assert azure.wait(azure.put_deployment(ENDPOINT, "green"))["status"] == "Failed"
    refused = azure.put_endpoint(ENDPOINT, traffic={"blue": 90, "green": 10})
    assert refused.status_code == 400, "it has never served"
    assert azure.wait(azure.put_deployment(ENDPOINT, "green"))["status"] == "Succeeded"
    path = f"{PATH}/deployments/green"
    azure.control.add_fault(Fault(FaultKind.OPERATION_FAILED, f"{ENDPOINT}/green"))
    assert azure.wait(azure.arm("DELETE", path))["error"]["code"] == "InternalServerError"
    assert state(azure, path) == "Failed"
    assert azure.wait(azure.arm("DELETE", path))["status"] == "Succeeded"
    assert azure.arm("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (FaultKind.OPERATION_CANCELED, "Canceled", "OperationCanceled"),
        (FaultKind.OPERATION_FAILED, "Failed", "InternalServerError"),
    ],
)
def test_a_failed_traffic_change_changes_no_traffic(
    azure: PlainClient, key: str, kind: FaultKind, status: str, code: str
) -> None:
    azure.control.add_fault(Fault(kind, ENDPOINT))
    document = azure.wait(azure.put_endpoint(ENDPOINT, traffic={}))
    assert (document["status"], document["error"]["code"]) == (status, code)
    assert state(azure) == status
    assert azure.arm("GET", PATH).json()["properties"]["traffic"] == {"blue": 100}
    assert azure.score(ENDPOINT, key, {"x": 1}).status_code == 200
    again = azure.wait(azure.put_endpoint(ENDPOINT, traffic={"blue": 100}))
    assert again["status"] == "Succeeded"


def test_a_slow_operation_is_seen_as_updating(azure: PlainClient, key: str) -> None:
    azure.control.add_fault(Fault(FaultKind.SLOW_OPERATION, ENDPOINT, seconds=0.8))
    started = time.monotonic()
    update = azure.put_endpoint(ENDPOINT, traffic={})
    assert state(azure) == "Updating"
    assert azure.score(ENDPOINT, key, {"x": 1}).status_code == 200, "not in force yet"
    azure.wait(update)
    assert time.monotonic() - started > 0.8
    assert azure.score(ENDPOINT, key, {"x": 1}).status_code == 404
    azure.wait(azure.put_endpoint(ENDPOINT, traffic={"blue": 100}))


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "Conflict"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
    ],
)
def test_calls_can_be_refused(azure: PlainClient, status: int, code: str) -> None:
    fault = Fault(
        FaultKind.HTTP_ERROR, f"*{PATH}", times=2, status=status, retry_after=7, method="GET"
    )
    azure.control.add_fault(fault)
    assert azure.arm("GET", "/onlineEndpoints").status_code == 200, "another path"
    assert azure.arm("POST", f"{PATH}/listKeys").status_code == 200, "another path"
    for _ in range(2):
        answer = azure.arm("GET", PATH)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert answer.headers["Retry-After"] == "7"
    assert azure.arm("GET", PATH).status_code == 200


def test_a_crashed_scorer_comes_back(azure: PlainClient, key: str) -> None:
    azure.control.add_fault(Fault(FaultKind.SCORER_CRASH, f"{ENDPOINT}/blue"))
    assert azure.score(ENDPOINT, key, {"x": 1}).status_code == 424

    def answers() -> bool:
        return azure.score(ENDPOINT, key, {"x": 1}).status_code == 200

    wait_until(answers, 30, "the deployment to come back")
    deployments = azure.control.status()["endpoints"][ENDPOINT]["deployments"]
    assert deployments["blue"]["instances"][0]["restarts"] == 1


def test_a_slow_scorer(azure: PlainClient, key: str) -> None:
    azure.control.add_fault(Fault(FaultKind.SLOW_SCORER, f"{ENDPOINT}/*", seconds=0.5))
    started = time.monotonic()
    assert azure.score(ENDPOINT, key, {"x": 1}).status_code == 200
    assert time.monotonic() - started > 0.5


def test_a_scorer_that_answers_errors_half_the_time(azure: PlainClient, key: str) -> None:
    kind = FaultKind.SCORER_ERROR
    azure.control.add_fault(Fault(kind, ENDPOINT + "/blue", times=None, status=502, percent=50))
    statuses = [azure.score(ENDPOINT, key, {"x": 1}).status_code for _ in range(60)]
    # Binomial with p = 0.5: five standard deviations.
    assert abs(statuses.count(424) - 30) < 5 * (60 * 0.25) ** 0.5
    assert statuses.count(200) == 60 - statuses.count(424)
    assert azure.control.clear_faults() == 1
    assert azure.score(ENDPOINT, key, {"x": 1}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": FaultKind.SLOW_SCORER}, "seconds"),
        ({"kind": FaultKind.HTTP_ERROR}, "status"),
        ({"kind": FaultKind.SCORER_ERROR, "status": 200}, "status"),
        ({"kind": FaultKind.SCORER_CRASH, "times": 0}, "0 times"),
        ({"kind": FaultKind.SCORER_CRASH, "percent": 0}, "percent"),
    ],
)
def test_faults_that_could_not_strike_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(LocalAzureError, match=said):
        Fault(**fields)


def test_unknown_faults_are_refused() -> None:
    with pytest.raises(LocalAzureError, match="scorer-crash"):
        Fault.from_dict({"kind": "earthquake"})
    with pytest.raises(LocalAzureError, match="magnitude"):
        Fault.from_dict({"kind": "scorer-crash", "magnitude": 9})


@pytest.mark.parametrize(
    ("pattern", "target", "concerned"),
    [
        ("*", "rain/blue", True),
        ("rain/*", "rain/blue", True),
        ("RAIN/blue", "rain/blue", True),
        ("rain", "rain/blue", False),
        ("rain/*", "snow/blue", False),
        ("r.in/*", "rain/blue", False),
    ],
)
def test_targets(pattern: str, target: str, concerned: bool) -> None:
    assert Fault(FaultKind.SCORER_CRASH, pattern).concerns(target) is concerned
