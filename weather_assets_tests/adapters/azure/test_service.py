"""The endpoint service on the real SDK, against Local Azure: a rollout, faults, refusals."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from weather_assets.adapters.azure.client import AzureTimings
from weather_assets.adapters.azure.service import AzureEndpointService
from weather_assets.foundation.waiting import wait_until
from weather_assets.local_azure.azure.faults import Fault, FaultKind
from weather_assets.rollout.evidence import LiveCounts, Reply
from weather_assets.rollout.service import (
    AccessDenied,
    DeploymentFailed,
    EndpointService,
    OperationTimedOut,
    ServiceRefused,
    ServiceUnavailable,
)
from weather_assets.rollout.states import Provisioning
from weather_assets_tests.adapters.conftest import FORECAST, ROW, AzureWorld
from weather_assets_tests.local_azure.plain_client import PlainClient

NAME = "adapter-rain"
PATH = f"*/onlineEndpoints/{NAME}"
SHORT = replace(AzureTimings.local(), conflict_seconds=0.3, retries=1, backoff_seconds=0.01)

pytestmark = pytest.mark.usefixtures("unchanged_environment")


@pytest.fixture(autouse=True)
def _no_fault_is_left(azure_world: AzureWorld) -> Iterator[None]:
    yield
    azure_world.control.clear_faults()


@pytest.fixture(scope="module")
def blue(azure_world: AzureWorld) -> Iterator[AzureEndpointService]:
    """An endpoint whose deployment blue has all the traffic, and answers within a second."""
    service = azure_world.service(NAME, request_timeout_ms=1000)
    service.create_endpoint()
    service.deploy("blue", azure_world.releases["1"])
    service.set_traffic({"blue": 100}, {})
    yield service
    service.close()


def strike(world: AzureWorld, kind: FaultKind, target: str, **how: object) -> None:
    world.control.add_fault(Fault(kind, target, **how))  # pyright: ignore[reportArgumentType]


def shares(service: AzureEndpointService) -> tuple[dict[str, int], dict[str, int]]:
    seen = service.observe()
    assert seen is not None
    return dict(seen.traffic), dict(seen.mirror)


def test_a_rollout(azure_world: AzureWorld, capfd: pytest.CaptureFixture[str]) -> None:
    service, releases = azure_world.service("adapter-rollout", run_id="run-7"), azure_world.releases
    protocol: EndpointService = service
    assert protocol.name == "adapter-rollout"
    assert (service.observe(), service.scoring_uri) == (None, "")
    assert service.ask([ROW], None).status == 0
    cores = service.cores_available()
    # Counting begins with a whole second, and this endpoint has answered nobody before.
    began = datetime.now(UTC).replace(microsecond=0)
    service.create_endpoint()
    seen = service.observe()
    assert seen is not None
    assert (seen.provisioning, seen.deployments) == (Provisioning.SUCCEEDED, ())
    assert service.scoring_uri == "https://adapter-rollout.localregion.inference.ml.azure.com/score"

    service.deploy("blue", releases["1"])
    assert service.ask([ROW], None).status == 404, "no traffic yet"
    assert service.ask([ROW, ROW], "blue").probabilities == pytest.approx((FORECAST, FORECAST))
    service.set_traffic({"blue": 100}, {})
    service.create_endpoint()
    assert shares(service) == ({"blue": 100}, {}), "an endpoint that is there is left alone"

    service.deploy("green", releases["2"])
    assert service.cores_needed() == 8
    left = service.cores_available()
    assert cores is not None
    assert left == cores - 2 * 8, "what one deployment takes, twice"
    service.set_traffic({"blue": 100, "green": 0}, {"green": 20})
    assert shares(service) == ({"blue": 100}, {"green": 20})
    service.set_traffic({"blue": 90, "green": 10}, {})
    assert shares(service) == ({"blue": 90, "green": 10}, {}), "the mirror did not ride along"
    service.set_traffic({"green": 100}, {})
    service.delete_deployment("blue")
    service.delete_deployment("blue")
    seen = service.observe()
    assert seen is not None
    (green,) = seen.deployments
    assert (green.slot, green.provisioning) == ("green", Provisioning.SUCCEEDED)
    assert (green.release, green.run_id) == (releases["2"], "run-7")
    assert service.ask([ROW], None).deployment == "green"

    await_grain()
    # Blue answered one pinned request; the one that nobody answered belongs to no deployment.
    assert service.live_counts("blue", began) == LiveCounts(1, 0)
    assert service.live_counts("green", began) == LiveCounts(1, 0)
    assert service.live_counts("green", datetime.now(UTC)) is None
    logs = service.logs("green")
    assert "== storage-initializer ==" in logs
    assert "POST /score 200" in logs
    assert service.logs("blue") == ""
    assert capfd.readouterr() == ("", ""), "the SDK keeps quiet"


def test_the_same_release_registers_nothing_twice(
    blue: AzureEndpointService, azure_world: AzureWorld
) -> None:
    for kind in ("models", "environments"):
        target = f"*/{kind}/*/versions/*"
        strike(azure_world, FaultKind.HTTP_ERROR, target, status=500, method="PUT", times=None)
    blue.deploy("blue", azure_world.releases["1"])
    assert blue.ask([ROW], "blue").status == 200


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (FaultKind.IMAGE_BUILD_FAILED, "ImageBuildFailed"),
        (FaultKind.OUT_OF_QUOTA, "OutOfQuota"),
        (FaultKind.RESOURCE_NOT_READY, "ResourceNotReady"),
    ],
)
def test_a_deployment_that_fails_says_why_and_harms_nobody(
    blue: AzureEndpointService, azure_world: AzureWorld, kind: FaultKind, said: str
) -> None:
    strike(azure_world, kind, f"{NAME}/green")
    with pytest.raises(DeploymentFailed, match=said) as caught:
        blue.deploy("green", azure_world.releases["2"])
    assert caught.value.slot == "green"
    assert "== storage-initializer ==" in caught.value.log
    seen = blue.observe()
    assert seen is not None
    green = seen.deployment("green")
    assert green is not None
    assert (green.provisioning, green.serves(azure_world.releases["2"])) == ("Failed", True)
    assert blue.ask([ROW], None) == answered_by("blue")
    with pytest.raises(ServiceRefused, match="has not come to serve"):
        blue.set_traffic({"blue": 90, "green": 10}, {})
    blue.delete_deployment("green")


def answered_by(slot: str) -> object:
    class Answered:
        def __eq__(self, reply: object) -> bool:
            assert isinstance(reply, Reply)
            return (reply.status, reply.deployment, reply.fault(1)) == (200, slot, "")

        __hash__ = None  # pyright: ignore[reportAssignmentType]

    return Answered()


@pytest.mark.parametrize("kind", [FaultKind.OPERATION_FAILED, FaultKind.OPERATION_CANCELED])
def test_an_operation_that_azure_ends_is_worth_another_attempt(
    blue: AzureEndpointService, azure_world: AzureWorld, kind: FaultKind
) -> None:
    strike(azure_world, kind, f"{NAME}/green")
    with pytest.raises(ServiceUnavailable, match=r"[Rr]un again"):
        blue.deploy("green", azure_world.releases["2"])
    strike(azure_world, kind, f"{NAME}/green")
    with pytest.raises(ServiceUnavailable):
        blue.delete_deployment("green")
    blue.delete_deployment("green")


@pytest.mark.parametrize("kind", [FaultKind.OPERATION_FAILED, FaultKind.OPERATION_CANCELED])
def test_a_failed_change_of_traffic_is_repeated_and_then_reported(
    blue: AzureEndpointService, azure_world: AzureWorld, kind: FaultKind
) -> None:
    strike(azure_world, kind, NAME, times=2)
    blue.set_traffic({}, {})
    assert shares(blue) == ({}, {})
    blue.set_traffic({"blue": 100}, {})
    strike(azure_world, kind, NAME, times=None)
    with pytest.raises(ServiceUnavailable, match=f"setting the traffic of endpoint '{NAME}'"):
        blue.set_traffic({}, {})
    seen = blue.observe()
    assert seen is not None
    assert not seen.provisioning.healthy
    assert shares(blue) == ({"blue": 100}, {}), "what was in force is in force"
    assert blue.ask([ROW], None) == answered_by("blue")
    azure_world.control.clear_faults()
    blue.repair_endpoint()
    seen = blue.observe()
    assert seen is not None
    assert seen.provisioning.healthy
    assert shares(blue) == ({"blue": 100}, {})


def test_slow_operations_are_waited_for_within_limits(
    blue: AzureEndpointService, azure_world: AzureWorld
) -> None:
    strike(azure_world, FaultKind.SLOW_OPERATION, NAME, seconds=0.5)
    began = time.monotonic()
    blue.set_traffic({"blue": 100}, {})
    assert time.monotonic() - began > 0.5
    hasty = azure_world.service(NAME, timings=replace(AzureTimings.local(), endpoint_seconds=0.2))
    strike(azure_world, FaultKind.SLOW_OPERATION, NAME, seconds=0.8)
    with pytest.raises(OperationTimedOut, match=r"not after 0\.2 s"):
        hasty.set_traffic({"blue": 100}, {})
    # An operation in the way: refused with 409 until it has ended, then taken.
    blue.set_traffic({"blue": 100}, {})


@pytest.mark.parametrize(
    ("status", "retry_after", "at_least"),
    [(409, None, 0.0), (429, 1, 1.0), (500, None, 0.0), (503, None, 0.0)],
)
def test_a_call_that_is_turned_away_is_repeated(
    blue: AzureEndpointService,
    azure_world: AzureWorld,
    status: int,
    retry_after: float | None,
    at_least: float,
) -> None:
    for method in ("GET", "PUT"):
        strike(
            azure_world, FaultKind.HTTP_ERROR, PATH, method=method,
            times=1, status=status, retry_after=retry_after,
        )  # fmt: skip
    began = time.monotonic()
    blue.set_traffic({"blue": 100}, {})
    assert azure_world.control.faults() == []
    assert time.monotonic() - began >= at_least


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (401, AccessDenied, "AZURE_CLIENT_SECRET"),
        (403, AccessDenied, "AZURE_CLIENT_SECRET"),
        (409, ServiceRefused, "another operation"),
        (429, ServiceUnavailable, "HTTP 429"),
        (500, ServiceUnavailable, "HTTP 500"),
        (503, ServiceUnavailable, "HTTP 503"),
    ],
)
def test_a_call_that_is_always_turned_away_is_never_taken_for_a_missing_endpoint(
    blue: AzureEndpointService,
    azure_world: AzureWorld,
    status: int,
    error: type[Exception],
    said: str,
) -> None:
    assert blue.observe() is not None
    service = azure_world.service(NAME, timings=SHORT)
    strike(azure_world, FaultKind.HTTP_ERROR, PATH, status=status, times=None)
    for call in (service.observe, service.create_endpoint):
        with pytest.raises(error, match=f"(?i){said}"):
            call()
    assert service.scoring_uri == ""
    assert service.ask([ROW], None).status == 0
    azure_world.control.clear_faults()
    assert shares(service) == ({"blue": 100}, {})


@pytest.mark.usefixtures("blue")
def test_a_wrong_secret_is_named_as_such(azure_world: AzureWorld) -> None:
    variables = {**azure_world.local.variables, "AZURE_CLIENT_SECRET": "wrong-and-planted"}
    service = azure_world.service(NAME, local=replace(azure_world.local, variables=variables))
    for call in (service.observe, service.create_endpoint, service.cores_available):
        with pytest.raises(AccessDenied, match="AADSTS7000215") as caught:
            call()
        assert "AZURE_CLIENT_SECRET" in str(caught.value)
        assert "wrong-and-planted" not in str(caught.value)
    assert service.ask([ROW], None).status == 0


@pytest.mark.usefixtures("blue")
def test_an_unreachable_service_is_named_as_such(azure_world: AzureWorld) -> None:
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")
    variables = {**azure_world.local.variables, **nowhere}
    service = azure_world.service(
        NAME, local=replace(azure_world.local, variables=variables), timings=SHORT
    )
    for call in (service.observe, service.create_endpoint):
        with pytest.raises(ServiceUnavailable, match="check the network and the proxy"):
            call()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("AZURE_WORKSPACE", "elsewhere"),
        ("AZURE_RESOURCE_GROUP", "elsewhere"),
        ("AZURE_SUBSCRIPTION_ID", "0"),
    ],
)
def test_a_missing_workspace_is_not_a_missing_endpoint(
    azure_world: AzureWorld, field: str, value: str
) -> None:
    located = replace(azure_world.local, variables={**azure_world.local.variables, field: value})
    service = azure_world.service(NAME, local=located)
    for call in (service.observe, service.create_endpoint):
        with pytest.raises(ServiceRefused, match=r"no workspace .*check AZURE_WORKSPACE"):
            call()


def test_what_the_service_refuses_reaches_the_caller(
    blue: AzureEndpointService, azure_world: AzureWorld
) -> None:
    with pytest.raises(ServiceRefused, match="must be 0 or 100"):
        blue.set_traffic({"blue": 90}, {})
    with pytest.raises(ServiceRefused, match="does not have"):
        blue.set_traffic({"red": 100}, {})
    with pytest.raises(ServiceRefused, match="cannot be deleted"):
        blue.delete_deployment("blue")
    greedy = azure_world.service(NAME, instance_count=20)
    with pytest.raises(ServiceRefused, match=r"Not enough quota .*Additional needed: 96"):
        greedy.deploy("green", azure_world.releases["2"])
    nothing = azure_world.service("adapter-nothing")
    with pytest.raises(ServiceRefused, match="does not exist"):
        nothing.set_traffic({"blue": 100}, {})
    nothing.delete_deployment("blue")
    assert nothing.logs("blue") == ""
    assert azure_world.service(NAME, instance_type="Standard_New_v9").cores_available() is None


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        (Fault(FaultKind.SCORER_ERROR, f"{NAME}/blue", status=502), 424, "answered 502"),
        (Fault(FaultKind.SLOW_SCORER, f"{NAME}/blue", seconds=2), 408, "longer than 1000 ms"),
        (Fault(FaultKind.SCORER_CRASH, f"{NAME}/blue"), 424, "broke off"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_every_answer_is_a_reply(
    blue: AzureEndpointService, azure_world: AzureWorld, fault: Fault, status: int, said: str
) -> None:
    azure_world.control.add_fault(fault)
    reply = blue.ask([ROW], "blue")
    assert (reply.status, reply.probabilities, reply.deployment) == (status, None, "blue")
    assert said in reply.problem
    wait_until(lambda: blue.ask([ROW], None) == answered_by("blue"), 20, "blue to come back")


def test_refused_rows_and_rotated_keys(blue: AzureEndpointService, azure_world: AzureWorld) -> None:
    refused = blue.ask([{**ROW, "temp": "warm"}], None)
    assert (refused.status, refused.probabilities) == (424, None)
    assert "answered 4" in refused.problem
    assert blue.ask([ROW], "red").status == 404
    rotate_keys(azure_world)
    assert blue.ask([ROW], None) == answered_by("blue")


def test_tokens_open_an_endpoint_without_keys(azure_world: AzureWorld) -> None:
    service = azure_world.service("adapter-token", auth_mode="aad_token")
    service.create_endpoint()
    reply = service.ask([ROW], None)
    assert (reply.status, "positive weight" in reply.problem) == (404, True)


def rotate_keys(world: AzureWorld) -> None:
    client = PlainClient(world.local.state)
    for kind in ("Primary", "Secondary"):
        path = f"/onlineEndpoints/{NAME}/regenerateKeys"
        client.wait(client.arm("POST", path, {"keyType": kind}))
    client.close()


def await_grain() -> None:
    """Waits until the second of the last request is over."""
    time.sleep(1.05)
