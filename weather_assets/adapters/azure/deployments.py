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
from weather_assets.adapters.azure.uploads import Uploaded
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
    """Registers what a release needs; each asset is named by content, and is registered once.

    Its methods return ids, and raise ServiceError if Azure cannot be asked, or refuses.
    """

    calls: Calls
    client: "MLClient"
    manager: ResourceManager
    upload: Callable[[str, Mapping[str, Path]], Uploaded]
    """Brings files to a place in the workspace's datastore."""
    workspace_id: str

    def model(self, release: Release, package: Path) -> str:
        """Registers the package as a model."""
        version, models = release.digest[:_DIGEST_LETTERS], self.client.models

        def register() -> Any:
            paths = (path for path in package.rglob("*") if path.is_file())
            files = {path.relative_to(package).as_posix(): path for path in paths}
            place = self.upload(f"{MODEL}/{version}/package", files)
            model = azure_ml().entities.Model(
                name=MODEL,
                version=version,
                path=place.datastore_uri,
                type="custom_model",
                tags={f"{TAG}version": release.version, f"{TAG}digest": release.digest},
            )
            return models.create_or_update(model)

        what = f"model {MODEL} {version}"
        return str(self._registered(what, lambda: models.get(MODEL, version), register).id)

    def environment(self, settings: AzureSettings, package: Path) -> str:
        """Registers the package's pins on the pinned image."""
        conda, environments = package / CONDA_FILE, self.client.environments
        version = _digest(f"{settings.base_image}\n".encode() + conda.read_bytes())
        environment = azure_ml().entities.Environment(
            name=ENVIRONMENT, version=version, image=settings.base_image, conda_file=str(conda)
        )
        found = self._registered(
            f"environment {ENVIRONMENT} {version}",
            lambda: environments.get(ENVIRONMENT, version),
            lambda: environments.create_or_update(environment),
        )
        return str(found.id)

    def code(self, package: Path) -> str:
        """Registers the scoring script."""
        script = package / SCRIPT_FILE
        version = _digest(script.read_bytes())
        path = f"{self.workspace_id}/codes/{CODE}/versions/{version}"

        def register() -> Any:
            place = self.upload(f"{CODE}/{version}", {SCRIPT_FILE: script})
            return self.manager.put(path, API_VERSION, {"properties": {"codeUri": place.blob_uri}})

        query = {"api-version": API_VERSION}
        self._registered(f"code {CODE} {version}", lambda: self.manager.get(path, query), register)
        return path

    def _registered(self, what: str, find: Callable[[], Any], register: Callable[[], Any]) -> Any:
        found = self.calls.find(f"looking for {what}", find)
        return found or self.calls.run(f"registering {what}", register)


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
