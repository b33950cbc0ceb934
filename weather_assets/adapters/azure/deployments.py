"""What a release is on Azure: registered model, environment and code, and the deployment of them.

Belongs here: names, versions and tags of a release's resources. Does not belong here: the calls
that create them and the waiting (`service`).

Model and environment are named by content, so that deploying a release again registers neither, and
an unchanged environment never costs a second image build. The code, one small file, is uploaded
each time: the SDK gives it a name of its own.
"""

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weather_assets.adapters.azure.client import Calls, azure_ml
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.rollout.service import ServiceRefused
from weather_assets.rollout.states import Deployment, Provisioning, Release
from weather_assets.scoring.package import CONDA_FILE, SCRIPT_FILE

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Environment, ManagedOnlineDeployment, Model

MODEL = "weather-assets"
ENVIRONMENT = "weather-assets-scoring"
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


def model_entity(release: Release, package: Path) -> "Model":
    """Returns the model to register: the package, under its digest."""
    return azure_ml().entities.Model(
        name=MODEL,
        version=release.digest[:_DIGEST_LETTERS],
        path=str(package),
        type="custom_model",
        tags={f"{TAG}version": release.version, f"{TAG}digest": release.digest},
    )


def environment_entity(settings: AzureSettings, package: Path) -> "Environment":
    """Returns the environment to register: the package's pins on the pinned image."""
    conda = package / CONDA_FILE
    identity = f"{settings.base_image}\n".encode() + conda.read_bytes()
    return azure_ml().entities.Environment(
        name=ENVIRONMENT,
        version=hashlib.sha256(identity).hexdigest()[:_DIGEST_LETTERS],
        image=settings.base_image,
        conda_file=str(conda),
    )


def registered_assets(
    calls: Calls, client: "MLClient", settings: AzureSettings, release: Release, package: Path
) -> tuple[str, str]:
    """Returns the ids of model and environment, registered where they are not yet.

    Raises:
        ServiceError: if Azure cannot be asked, or refuses.
    """
    ids: list[str] = []
    kinds: tuple[tuple[str, Any, Any], ...] = (
        ("model", client.models, model_entity(release, package)),
        ("environment", client.environments, environment_entity(settings, package)),
    )
    for what, operations, entity in kinds:
        named = f"{what} {entity.name} {entity.version}"
        found = calls.find(
            f"looking for {named}", partial(operations.get, entity.name, entity.version)
        )
        if found is None:
            found = calls.run(f"registering {named}", partial(operations.create_or_update, entity))
        ids.append(str(found.id))
    return ids[0], ids[1]


def deployment_entity(
    settings: AzureSettings, slot: str, assets: tuple[str, str, Path], tags: Mapping[str, str]
) -> "ManagedOnlineDeployment":
    """Returns the deployment to create or update.

    Args:
        settings: machines and limits.
        slot: its name.
        assets: ids of the registered model and environment, and the folder of the code.
        tags: from `release_tags`.
    """
    entities, (model, environment, code) = azure_ml().entities, assets
    return entities.ManagedOnlineDeployment(
        name=slot,
        endpoint_name=settings.endpoint,
        model=model,
        environment=environment,
        code_configuration=entities.CodeConfiguration(code=str(code), scoring_script=SCRIPT_FILE),
        instance_type=settings.instance_type,
        instance_count=settings.instance_count,
        request_settings=entities.OnlineRequestSettings(
            request_timeout_ms=settings.request_timeout_ms,
            max_concurrent_requests_per_instance=settings.max_concurrent_requests,
        ),
        tags=dict(tags),
    )


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
