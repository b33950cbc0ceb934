"""What a release is on Azure: registered model, environment and code, and the deployment of them.

Belongs here: names, versions and tags of a release's resources. Does not belong here: the calls
that create them and the waiting (`service`).

Model, environment and code are named by content, so that deploying a release again uploads and
registers nothing, and an unchanged environment never costs a second image build.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weather_assets.adapters.azure.client import Calls, azure_ml
from weather_assets.adapters.azure.management import ResourceManager
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.azure.uploads import Uploaded, files_below
from weather_assets.rollout.service import ServiceRefused
from weather_assets.rollout.states import Deployment, Provisioning, Release
from weather_assets.scoring.package import CONDA_FILE, SCRIPT_FILE

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

MODEL = "weather-assets"
ENVIRONMENT = "weather-assets-scoring"
CODE = "weather-assets-code"
API_VERSION = "2023-04-01"
TAG = "weather_assets."
"""Begins the names of our tags, on every resource that we make."""
_DIGEST_LETTERS = 24


def release_tags(release: Release, run_id: str) -> dict[str, str]:
    """Returns the tags by which a deployment is known again."""
    return {
        f"{TAG}version": release.version,
        f"{TAG}digest": release.digest,
        f"{TAG}configuration": release.configuration,
        f"{TAG}run_id": run_id,
    }


@dataclass(frozen=True, slots=True)
class Registry:
    """Registers what a release needs; each asset is named by content, and is registered once."""

    calls: Calls
    client: "MLClient"
    manager: ResourceManager
    upload: Callable[[Mapping[str, Path], str], Uploaded]
    """Brings files to a place in the workspace's datastore."""
    workspace_id: str

    def model(self, release: Release, package: Path) -> str:
        """Returns the id of the package as a model, under its digest.

        Raises:
            ServiceError: if Azure cannot be asked, or refuses.
        """
        version = release.digest[:_DIGEST_LETTERS]
        what, models = f"model {MODEL} {version}", self.client.models
        found = self.calls.find(f"looking for {what}", lambda: models.get(MODEL, version))
        if found is None:
            place = f"{MODEL}/{version}/package"
            uploaded = self._uploaded(what, files_below(package), place)
            model = azure_ml().entities.Model(
                name=MODEL,
                version=version,
                path=uploaded.datastore_uri,
                type="custom_model",
                tags={f"{TAG}version": release.version, f"{TAG}digest": release.digest},
            )
            found = self.calls.run(f"registering {what}", lambda: models.create_or_update(model))
        return str(found.id)

    def environment(self, settings: AzureSettings, package: Path) -> str:
        """Returns the id of the package's pins on the pinned image.

        Raises:
            ServiceError: as `model`.
        """
        conda = package / CONDA_FILE
        version = _digest(f"{settings.base_image}\n".encode() + conda.read_bytes())
        what, environments = f"environment {ENVIRONMENT} {version}", self.client.environments
        found = self.calls.find(
            f"looking for {what}", lambda: environments.get(ENVIRONMENT, version)
        )
        if found is None:
            environment = azure_ml().entities.Environment(
                name=ENVIRONMENT,
                version=version,
                image=settings.base_image,
                conda_file=str(conda),
            )
            found = self.calls.run(
                f"registering {what}", lambda: environments.create_or_update(environment)
            )
        return str(found.id)

    def code(self, package: Path) -> str:
        """Returns the id of the scoring script.

        Raises:
            ServiceError: as `model`.
        """
        script = package / SCRIPT_FILE
        version = _digest(script.read_bytes())
        what = f"code {CODE} {version}"
        path = f"{self.workspace_id}/codes/{CODE}/versions/{version}"
        query = {"api-version": API_VERSION}
        found = self.calls.find(f"looking for {what}", lambda: self.manager.get(path, query))
        if found is None:
            uploaded = self._uploaded(what, {SCRIPT_FILE: script}, f"{CODE}/{version}")
            document = {"properties": {"codeUri": uploaded.blob_uri}}
            self.calls.run(
                f"registering {what}", lambda: self.manager.put(path, API_VERSION, document)
            )
        return path

    def _uploaded(self, what: str, files: Mapping[str, Path], place: str) -> Uploaded:
        return self.calls.run(f"uploading {what}", lambda: self.upload(files, place))


def deployment_document(
    settings: AzureSettings, location: str, assets: Mapping[str, str], tags: Mapping[str, str]
) -> dict[str, Any]:
    """Returns a deployment as Azure Resource Manager takes it (Online Deployments, 2023-04-01).

    Args:
        settings: machines and limits.
        location: region of the endpoint.
        assets: ids of the registered `model`, `environment` and `code`.
        tags: from `release_tags`.
    """
    return {
        "location": location,
        "tags": dict(tags),
        "sku": {"name": "Default", "capacity": settings.instance_count},
        "properties": {
            "endpointComputeType": "Managed",
            "instanceType": settings.instance_type,
            "model": assets["model"],
            "environmentId": assets["environment"],
            "codeConfiguration": {"codeId": assets["code"], "scoringScript": SCRIPT_FILE},
            "requestSettings": {
                "requestTimeout": f"PT{settings.request_timeout_ms / 1000:g}S",
                "maxConcurrentRequestsPerInstance": settings.max_concurrent_requests,
            },
        },
    }


def observed_deployment(found: Any) -> Deployment:
    """Returns a deployment of the SDK as the rollout sees it."""
    tags: Mapping[str, str] = found.tags or {}
    facts = [tags.get(f"{TAG}{name}") for name in ("version", "digest", "configuration")]
    release = Release(*(str(fact) for fact in facts)) if all(facts) else None
    state = provisioning(found.provisioning_state)
    return Deployment(found.name, state, release, tags.get(f"{TAG}run_id", ""))


def provisioning(value: Any) -> Provisioning:
    """Returns a provisioning state of the SDK: an enumeration's member or its text.

    Raises:
        ServiceRefused: if Azure reports a state that the rollout does not know.
    """
    text = str(getattr(value, "value", value))
    known = {state.value: state for state in Provisioning}
    if text not in known:
        raise ServiceRefused(
            f"Azure reports the provisioning state {text!r}; known are {', '.join(known)}. Look at "
            "the endpoint in Azure ML studio, and run again when it has settled"
        )
    return known[text]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LETTERS]
