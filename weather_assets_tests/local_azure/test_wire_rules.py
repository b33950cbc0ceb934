"""The rules on the wire: a request that breaks one is refused, and changes nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from weather_assets.local_azure.azure.faults import Fault, FaultKind
from weather_assets_tests.local_azure.plain_client import PlainClient

ENDPOINT = "ruled"


@pytest.fixture(scope="module")
def ruled(azure: PlainClient) -> Iterator[str]:
    """An endpoint without deployments."""
    assert azure.wait(azure.put_endpoint(ENDPOINT))["status"] == "Succeeded"
    yield ENDPOINT
    azure.wait(azure.arm("DELETE", f"/onlineEndpoints/{ENDPOINT}"))


@pytest.mark.parametrize("name", ["ab", "1rain", "a--b", "a" * 33])
def test_bad_endpoint_names(azure: PlainClient, name: str) -> None:
    assert azure.put_endpoint(name).status_code == 400
    assert azure.arm("GET", f"/onlineEndpoints/{name}").status_code == 404


def test_bad_deployment_names(azure: PlainClient, ruled: str) -> None:
    assert azure.put_deployment(ruled, "9blue").status_code == 400


def test_an_endpoint_name_is_unique_in_the_region(azure: PlainClient, ruled: str) -> None:
    second = azure.workspace.replace("workspaces/first", "workspaces/second")
    body = {"location": "localregion", "properties": {"authMode": "Key"}}
    answer = azure.arm("PUT", f"https://management.azure.com{second}/onlineEndpoints/{ruled}", body)
    assert answer.status_code == 409
    assert "unique per region" in answer.json()["error"]["message"]


def test_traffic_to_an_unknown_deployment(azure: PlainClient, ruled: str) -> None:
    answer = azure.put_endpoint(ruled, traffic={"blue": 100})
    assert answer.status_code == 400
    assert azure.arm("GET", f"/onlineEndpoints/{ruled}").json()["properties"]["traffic"] == {}


def test_an_unknown_auth_mode(azure: PlainClient, ruled: str) -> None:
    assert azure.put_endpoint(ruled, authMode="None").status_code == 400


def test_nothing_is_created_below_an_endpoint_that_is_updating(
    azure: PlainClient, ruled: str
) -> None:
    azure.control.add_fault(Fault(FaultKind.SLOW_OPERATION, ruled, seconds=1.0))
    update = azure.put_endpoint(ruled)
    refused = azure.put_deployment(ruled, "blue")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "Conflict")
    assert azure.put_endpoint(ruled).status_code == 409
    assert azure.arm("DELETE", f"/onlineEndpoints/{ruled}").status_code == 409
    assert azure.wait(update)["status"] == "Succeeded"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"capacity": 51}, "1 to 50"),
        ({"capacity": 50, "instanceType": "Standard_DS5_v2"}, "The request is invalid"),
        ({"instanceType": "Standard_Nothing"}, "not available"),
        ({"requestSettings": {"requestTimeout": "PT181S"}}, "180"),
        ({"scaleSettings": {"scaleType": "TargetUtilization"}}, "Default only"),
        ({"endpointComputeType": "Kubernetes"}, "Managed"),
        ({"codeConfiguration": None}, "scoring script"),
        ({"environmentId": None}, "environment"),
        (
            {"model": "azureml:/subscriptions/s/workspaces/first/models/no/versions/1"},
            "not registered",
        ),
        ({"model": "somewhere"}, "not the id"),
    ],
)
def test_deployments_that_are_refused(
    azure: PlainClient, ruled: str, changes: dict[str, Any], said: str
) -> None:
    answer = azure.put_deployment(ruled, "blue", **changes)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]
    assert azure.arm("GET", f"/onlineEndpoints/{ruled}/deployments/blue").status_code == 404


def test_a_quota_refusal_names_usage_and_need(azure: PlainClient, ruled: str) -> None:
    answer = azure.put_deployment(ruled, "blue", capacity=50, instanceType="Standard_DS5_v2")
    (detail,) = answer.json()["error"]["details"]
    assert detail["code"] == "OutOfQuota"
    assert "Additional needed: 960" in detail["message"]


def test_deleting_what_is_not_there_is_done_at_once(azure: PlainClient, ruled: str) -> None:
    assert azure.arm("DELETE", "/onlineEndpoints/never-there").status_code == 204
    assert azure.arm("DELETE", f"/onlineEndpoints/{ruled}/deployments/never").status_code == 204


def test_keys_can_be_regenerated(azure: PlainClient, ruled: str) -> None:
    path = f"/onlineEndpoints/{ruled}"
    before = azure.arm("POST", f"{path}/listKeys").json()
    azure.wait(azure.arm("POST", f"{path}/regenerateKeys", {"keyType": "Primary"}))
    after = azure.arm("POST", f"{path}/listKeys").json()
    assert before["primaryKey"] != after["primaryKey"]
    assert before["secondaryKey"] == after["secondaryKey"]
    refused = azure.score(ruled, before["primaryKey"], {})
    assert refused.status_code == 401


@pytest.mark.parametrize(
    ("mode", "scope"), [("AADToken", "https://ml.azure.com/.default"), ("AMLToken", None)]
)
def test_token_modes(azure: PlainClient, mode: str, scope: str | None) -> None:
    name = f"with-{mode.lower()}"
    azure.wait(azure.put_endpoint(name, authMode=mode))
    path = f"/onlineEndpoints/{name}"
    assert azure.arm("POST", f"{path}/listKeys").status_code == 400
    if scope is None:
        token = azure.arm("POST", f"{path}/token").json()["accessToken"]
    else:
        token = azure.sign_in(scope).json()["access_token"]
        assert azure.arm("POST", f"{path}/token").status_code == 400
    # 404: accepted, and there is no deployment that could answer.
    assert azure.score(name, token, {}).status_code == 404
    assert azure.score(name, azure.token, {}).status_code == 401
    azure.wait(azure.arm("DELETE", path))
