"""A program that knows Azure alone: azure-ai-ml, azure-identity and requests, unmodified.

    python sdk_program.py FOLDER

It runs under the variables of a simulator's environment file, takes an endpoint through a whole
rollout, and prints one JSON object of what it saw. `test_sdk` starts it and judges that.
"""

import collections
import json
import os
import sys
from pathlib import Path
from typing import Any

import requests
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential, DefaultAzureCredential

ENDPOINT = "sdk-rain"
COUNT = 100


class Program:
    """One rollout, as the SDK's documentation does it."""

    def __init__(self, folder: Path) -> None:
        """Signs in."""
        self.folder = folder
        self.client = MLClient(
            DefaultAzureCredential(),
            os.environ["AZURE_SUBSCRIPTION_ID"],
            os.environ["AZURE_RESOURCE_GROUP"],
            os.environ["AZURE_WORKSPACE"],
        )
        self.session = requests.Session()
        self.seen: dict[str, Any] = {}

    def run(self) -> None:
        """Goes through the rollout."""
        endpoint = ManagedOnlineEndpoint(name=ENDPOINT, auth_mode="key", tags={"made": "here"})
        made = self.client.online_endpoints.begin_create_or_update(endpoint).result()
        self.seen["endpoint"] = made.provisioning_state
        keys = self.client.online_endpoints.get_keys(ENDPOINT)
        self.key = getattr(keys, "primary_key")  # noqa: B009 - a union of three kinds
        self.seen["blue"] = self.deploy("blue", "2")
        self.traffic({"blue": 100}, {})
        self.seen["blue 100"] = self.ask()
        self.seen["green"] = self.deploy("green", "3")
        self.traffic({"blue": 100}, {"green": 20})
        self.seen["mirror 20"] = self.ask()
        self.seen["invoked"] = self.client.online_endpoints.invoke(
            ENDPOINT, request_file=str(self.folder / "request.json")
        )
        self.traffic({"blue": 90, "green": 10}, {})
        self.seen["canary 10"] = self.ask()
        self.traffic({"blue": 0, "green": 100}, {})
        self.seen["green 100"] = self.ask()
        self.client.online_deployments.begin_delete("blue", ENDPOINT).result()
        self.seen["left"] = [d.name for d in self.client.online_deployments.list(ENDPOINT)]
        self.repair()
        self.seen["logs"] = self.client.online_deployments.get_logs("green", ENDPOINT, 50)
        self.seen["refused"] = self.refused()
        self.client.online_endpoints.begin_delete(ENDPOINT).result()
        try:
            self.client.online_endpoints.get(ENDPOINT)
        except ResourceNotFoundError as error:
            self.seen["deleted"] = error.status_code

    def deploy(self, name: str, factor: str, **variables: str) -> str:
        """Creates or updates a deployment; returns its state, or the error's code."""
        model = self.folder / f"v{factor}" / "model"
        model.mkdir(parents=True, exist_ok=True)
        (model / "factor.txt").write_text(factor)
        deployment = ManagedOnlineDeployment(
            name=name,
            endpoint_name=ENDPOINT,
            model=Model(name="sdk-model", version=factor, path=str(model)),
            code_configuration=CodeConfiguration(
                code=str(self.folder / "code"), scoring_script="score.py"
            ),
            environment=Environment(
                name="sdk-environment",
                version="1",
                image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
                conda_file=str(self.folder / "conda.yaml"),
            ),
            environment_variables={"WHO": name, **variables},
            instance_type="Standard_DS3_v2",
            instance_count=1,
        )
        try:
            done = self.client.online_deployments.begin_create_or_update(deployment).result()
        except HttpResponseError as error:
            return f"{error.error.code if error.error else error}"
        return str(getattr(done.provisioning_state, "value", done.provisioning_state))

    def traffic(self, live: dict[str, int], mirror: dict[str, int]) -> None:
        """Sets both, and reads both back."""
        endpoint = self.client.online_endpoints.get(ENDPOINT)
        endpoint.traffic, endpoint.mirror_traffic = live, mirror
        self.client.online_endpoints.begin_create_or_update(endpoint).result()
        found = self.client.online_endpoints.get(ENDPOINT)
        wanted = {name: share for name, share in live.items() if share}
        kept = {name: share for name, share in found.traffic.items() if share}
        if kept != wanted or found.mirror_traffic != mirror:
            raise AssertionError(f"{found.traffic} {found.mirror_traffic}, not {live} {mirror}")

    def ask(self) -> dict[str, int]:
        """Sends requests to the scoring URI; returns how many were answered by whom, with what."""
        uri = str(self.client.online_endpoints.get(ENDPOINT).scoring_uri)
        headers = {"Authorization": f"Bearer {self.key}"}
        seen: collections.Counter[str] = collections.Counter()
        for _ in range(COUNT):
            answer = self.session.post(uri, json={"x": 1}, headers=headers, timeout=30)
            product = answer.json()["product"] if answer.status_code == 200 else answer.status_code
            seen[f"{answer.headers['azureml-model-deployment']} {product:g}"] += 1
        return dict(seen)

    def repair(self) -> None:
        """A deployment that fails, and the same one mended."""
        self.seen["broken"] = self.deploy("blue", "4", FAIL_IN_INIT="1")
        broken = self.client.online_deployments.get("blue", ENDPOINT)
        self.seen["broken state"] = broken.provisioning_state
        self.seen["repaired"] = self.deploy("blue", "4")
        self.client.online_deployments.begin_delete("blue", ENDPOINT).result()

    def refused(self) -> dict[str, str]:
        """What the service refuses reaches the SDK's caller readably."""
        found: dict[str, str] = {}
        try:
            self.client.online_deployments.begin_delete("green", ENDPOINT).result()
        except HttpResponseError as error:
            found["delete with traffic"] = f"{error.status_code} {error.message}"
        wrong = ClientSecretCredential(
            os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], "wrong"
        )
        try:
            wrong.get_token("https://management.azure.com/.default")
        except Exception as error:  # noqa: BLE001 - whatever it is, the test judges its words
            found["wrong secret"] = f"{type(error).__name__} {error}"
        try:
            self.session.get("https://example.com/", timeout=30)
        except requests.exceptions.RequestException as error:
            found["other host"] = str(error)
        return found


if __name__ == "__main__":
    program = Program(Path(sys.argv[1]))
    program.run()
    sys.stdout.write("\n" + json.dumps(program.seen) + "\n")
