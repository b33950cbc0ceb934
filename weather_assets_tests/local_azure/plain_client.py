"""A client of the simulator without any Azure SDK, for tests: small, and exact about the wire.

The SDK itself is used in `test_sdk`.
"""

import base64
import ssl
import uuid
from pathlib import Path
from typing import Any

import httpx

from weather_assets.foundation.waiting import wait_until
from weather_assets.local_azure import daemon
from weather_assets.local_azure.control import Control

SERVER_PIN = "azureml-inference-server-http==1.5.1"
MANAGEMENT = "https://management.azure.com"
API = {"api-version": "2023-04-01-preview"}
CONDA = f"""\
name: tiny
channels: [conda-forge]
dependencies:
  - python=3.11
  - pip
  - pip:
      - {SERVER_PIN}
"""
MODULE = "NAME = 'the module of the deployment'"
"""`rules.py` of the deployment: the simulator has a module of that name, too."""
SCORE = """\
import json, os, time

from rules import NAME

def init():
    global factor
    if os.environ.get("FAIL_IN_INIT"):
        raise RuntimeError("init fails as it was told to")
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model", "factor.txt")) as file:
        factor = float(file.read())

def run(text):
    request = json.loads(text)
    time.sleep(request.get("sleep", 0))
    if request.get("exit"):
        os._exit(3)
    if request.get("raise"):
        raise RuntimeError("run fails as it was told to")
    product = factor * request["x"]
    return {"product": product, "who": os.environ.get("WHO"), "module": NAME}
"""


class PlainClient:
    """Talks to one simulator through its proxy, over TLS, with its tokens."""

    def __init__(self, state: Path) -> None:
        """Reads the environment file of a simulator that runs."""
        self.state = state
        self.variables = daemon.read_environment(state)
        self.control: Control = daemon.control(state)
        context = ssl.create_default_context(cafile=self.variables["REQUESTS_CA_BUNDLE"])
        self.http = httpx.Client(
            proxy=self.variables["HTTPS_PROXY"], verify=context, trust_env=False, timeout=60
        )
        self.workspace = (
            f"/subscriptions/{self.variables['AZURE_SUBSCRIPTION_ID']}/resourceGroups/"
            f"{self.variables['AZURE_RESOURCE_GROUP']}/providers/"
            f"Microsoft.MachineLearningServices/workspaces/{self.variables['AZURE_WORKSPACE']}"
        )
        self.token = self.sign_in("https://management.azure.com/.default").json()["access_token"]
        self._assets: dict[str, str] | None = None

    def sign_in(self, scope: str, **changes: str) -> httpx.Response:
        """Asks for a token, with some form fields changed."""
        tenant = changes.pop("tenant", self.variables["AZURE_TENANT_ID"])
        form = {
            "grant_type": "client_credentials",
            "client_id": self.variables["AZURE_CLIENT_ID"],
            "client_secret": self.variables["AZURE_CLIENT_SECRET"],
            "scope": scope,
            **changes,
        }
        url = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
        return self.http.post(url, data=form)

    def arm(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Calls Azure Resource Manager, on a path below the workspace."""
        headers = {"Authorization": f"Bearer {options.pop('token', self.token)}"}
        params = options.pop("params", API)
        address = path if path.startswith("https://") else f"{MANAGEMENT}{self.workspace}{path}"
        if "?" in address:
            params = None
        return self.http.request(method, address, json=body, headers=headers, params=params)

    def wait(self, response: httpx.Response, seconds: float = 60) -> dict[str, Any]:
        """Follows a long-running operation; returns its last status document."""
        assert response.status_code in {200, 201, 202, 204}, response.text
        if "Azure-AsyncOperation" in response.headers:
            address = response.headers["Azure-AsyncOperation"]
            return wait_until(lambda: self._status(address), seconds, f"operation {address}")
        if "Location" in response.headers:
            address = response.headers["Location"]
            return wait_until(lambda: self._result(address), seconds, f"operation {address}")
        return {"status": "Succeeded"}

    def _status(self, address: str) -> dict[str, Any] | None:
        document = self.arm("GET", address).json()
        return document if document["status"] in {"Succeeded", "Failed", "Canceled"} else None

    def _result(self, address: str) -> dict[str, Any] | None:
        found = self.arm("GET", address)
        if found.status_code == 202:
            return None
        done = found.status_code == 204
        return {"status": "Succeeded"} if done else {"status": "Failed", **found.json()}

    def put_endpoint(self, name: str, **properties: Any) -> httpx.Response:
        """PUTs an endpoint."""
        body = {
            "location": "localregion",
            "identity": {"type": "SystemAssigned"},
            "properties": {"authMode": "Key", **properties},
        }
        return self.arm("PUT", f"/onlineEndpoints/{name}", body)

    def deployment_body(self, *, capacity: int = 1, **changes: Any) -> dict[str, Any]:
        """Returns a deployment as a client would PUT it, with some properties changed."""
        assets = self.assets()
        return {
            "location": "localregion",
            "sku": {"name": "Default", "capacity": capacity},
            "properties": {
                "endpointComputeType": "Managed",
                "instanceType": "Standard_DS3_v2",
                "model": assets["model"],
                "environmentId": assets["environment"],
                "codeConfiguration": {"codeId": assets["code"], "scoringScript": "score.py"},
                **changes,
            },
        }

    def put_deployment(self, endpoint: str, name: str, **changes: Any) -> httpx.Response:
        """PUTs a deployment."""
        path = f"/onlineEndpoints/{endpoint}/deployments/{name}"
        return self.arm("PUT", path, self.deployment_body(**changes))

    def key(self, endpoint: str) -> str:
        """Returns an endpoint's primary key."""
        return self.arm("POST", f"/onlineEndpoints/{endpoint}/listKeys").json()["primaryKey"]

    def score(self, endpoint: str, key: str, body: Any, **headers: str) -> httpx.Response:
        """Asks an endpoint at its scoring URI."""
        url = f"https://{endpoint}.localregion.inference.ml.azure.com/score"
        sent = {
            "Authorization": f"Bearer {key}",
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        return self.http.post(url, json=body, headers=sent)

    def put_blob(self, address: str, content: bytes) -> httpx.Response:
        """Uploads a blob to an address with a signature."""
        digest = base64.b64encode(uuid.uuid4().bytes).decode()
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-blob-content-md5": digest}
        return self.http.put(address, content=content, headers=headers)

    def upload_code(self, files: dict[str, str]) -> str:
        """Uploads and registers a code version; returns its id."""
        name = str(uuid.uuid4())
        path = f"/codes/{name}/versions/1"
        pending = self.arm("POST", f"{path}/startPendingUpload", {}).json()
        reference = pending["blobReferenceForConsumption"]
        address, _, signature = reference["credential"]["sasUri"].partition("?")
        for file, text in files.items():
            assert (
                self.put_blob(f"{address}/src/{file}?{signature}", text.encode()).status_code == 201
            )
        body = {"properties": {"codeUri": f"{reference['blobUri']}/src"}}
        assert self.arm("PUT", path, body).status_code == 201
        return f"{self.workspace}{path}"

    def assets(self) -> dict[str, str]:
        """Registers the tiny model, its code and its environment once; returns their ids."""
        if self._assets is None:
            secret = self.arm("POST", "/datastores/workspaceblobstore/listSecrets").json()
            store = self.arm("GET", "/datastores/workspaceblobstore").json()["properties"]
            root = f"https://{store['accountName']}.blob.core.windows.net/{store['containerName']}"
            folder = f"LocalUpload/{uuid.uuid4().hex}/model"
            address = f"{root}/{folder}/factor.txt?{secret['sasToken']}"
            assert self.put_blob(address, b"2").status_code == 201
            uri = f"azureml:/{self.workspace}/datastores/workspaceblobstore/paths/{folder}"
            model = {"properties": {"modelUri": uri}}
            assert self.arm("PUT", "/models/tiny/versions/1", model).status_code == 201
            environment = {"properties": {"condaFile": CONDA, "image": "mcr.microsoft.com/x:1"}}
            made = self.arm("PUT", "/environments/tiny/versions/1", environment)
            assert made.status_code == 201
            self._assets = {
                "model": f"{self.workspace}/models/tiny/versions/1",
                "environment": f"{self.workspace}/environments/tiny/versions/1",
                "code": self.upload_code({"score.py": SCORE, "rules.py": MODULE}),
            }
        return self._assets

    def close(self) -> None:
        """Closes connections."""
        self.http.close()
