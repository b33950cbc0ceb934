"""What the simulator answers is what the SDK's own generated models declare."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from weather_assets.local_azure.azure.faults import Fault, FaultKind
from weather_assets_tests.local_azure.plain_client import MANAGEMENT, PlainClient

VALIDATOR = Path(__file__).with_name("sdk_contract.py")
ENDPOINT = "contract"


def validate(pairs: list[tuple[str, Any]]) -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, "-P", str(VALIDATOR)],
        input=json.dumps(pairs),
        env={key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def answers(azure: PlainClient) -> list[tuple[str, Any]]:
    """One answer of every kind, with the model that the SDK reads it as."""
    path = f"/onlineEndpoints/{ENDPOINT}"
    created = azure.put_endpoint(ENDPOINT, description="d", properties={"a": "b"})
    azure.wait(created)
    # It fails on purpose: the shape of a deployment does not depend on its processes.
    azure.control.add_fault(Fault(FaultKind.OUT_OF_QUOTA, f"{ENDPOINT}/blue"))
    put = azure.put_deployment(ENDPOINT, "blue", environmentVariables={"A": "b"})
    azure.wait(put)
    logs = azure.arm("POST", f"{path}/deployments/blue/getLogs", {}).json()
    upload = azure.arm("POST", "/codes/c/versions/1/startPendingUpload", {}).json()
    other = "/onlineEndpoints/contract-token"
    azure.wait(azure.put_endpoint("contract-token", authMode="AMLToken"))
    secrets = azure.arm("POST", "/datastores/workspaceblobstore/listSecrets").json()
    assets = azure.assets()

    subscription = f"{MANAGEMENT}{azure.workspace.partition('/resourceGroups')[0]}"
    provider = "Microsoft.MachineLearningServices"
    usages = azure.arm(
        "GET", f"{subscription}/providers/{provider}/locations/localregion/usages"
    ).json()

    def get(where: str) -> Any:
        return azure.arm("GET", where.removeprefix(azure.workspace)).json()

    found = [
        ("Workspace", get("")),
        ("Datastore", get("/datastores/workspaceblobstore")),
        ("DatastoreSecrets", secrets),
        ("ModelVersion", get(assets["model"])),
        ("EnvironmentVersion", get(assets["environment"])),
        ("CodeVersion", get(assets["code"])),
        ("ModelContainer", get("/models/tiny")),
        ("PendingUploadResponseDto", upload),
        ("OnlineEndpoint", created.json()),
        ("OnlineEndpoint", get(path)),
        ("OnlineEndpoint", get("/onlineEndpoints")["value"][0]),
        ("OnlineDeployment", put.json()),
        ("OnlineDeployment", get(f"{path}/deployments/blue")),
        ("OnlineDeployment", get(f"{path}/deployments")["value"][0]),
        ("EndpointAuthKeys", azure.arm("POST", f"{path}/listKeys").json()),
        ("EndpointAuthToken", azure.arm("POST", f"{other}/token").json()),
        ("DeploymentLogs", logs),
        ("Usage", usages["value"][0]),
        ("ErrorResponse", get("/onlineEndpoints/nothing")),
    ]
    for name in (path, other):
        azure.wait(azure.arm("DELETE", name))
    return found


Pairs = list[tuple[str, Any]]


def spoiled(good: Any, *path: str, value: Any = ...) -> Any:
    """Returns a copy with one value changed, or left out."""
    bad = copy.deepcopy(good)
    place = bad
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return bad


@pytest.fixture(scope="module")
def judged(answers: Pairs) -> tuple[list[list[str]], list[tuple[Any, list[str]]]]:
    """Problems of the good answers; spoiled answers with their problems."""
    endpoint = next(a for name, a in answers if name == "OnlineEndpoint")
    deployment = next(a for name, a in answers if name == "OnlineDeployment")
    bad: Pairs = [
        ("OnlineEndpoint", spoiled(endpoint, "location")),
        ("OnlineEndpoint", spoiled(endpoint, "surprise", value=1)),
        ("OnlineEndpoint", spoiled(endpoint, "properties", "authMode", value="None")),
        ("OnlineEndpoint", spoiled(endpoint, "properties", "traffic", value={"blue": "all"})),
        ("OnlineEndpoint", spoiled(endpoint, "properties", "provisioningState", value="Fine")),
        ("OnlineEndpoint", spoiled(endpoint, "systemData", "createdAt", value="yesterday")),
        ("OnlineDeployment", spoiled(deployment, "sku", "capacity", value="1")),
        (
            "OnlineDeployment",
            spoiled(deployment, "properties", "scaleSettings", "scaleType", value=1),
        ),
        ("OnlineDeployment", spoiled(deployment, "properties", "endpointComputeType")),
        ("OnlineDeployment", []),
    ]
    found = validate([*answers, *bad])
    spoiled_problems = found[len(answers) :]
    return found[: len(answers)], [
        (document, problems) for (_, document), problems in zip(bad, spoiled_problems, strict=True)
    ]


def test_every_answer_fits_the_generated_models(judged: tuple[list[list[str]], Any]) -> None:
    assert [problem for problems in judged[0] for problem in problems] == []


def test_the_validation_can_fail(judged: tuple[Any, list[tuple[Any, list[str]]]]) -> None:
    """The negative control: each spoiled copy of a good answer is found out."""
    assert len(judged[1]) == 10
    for document, problems in judged[1]:
        assert problems, document
