"""Deployments of online endpoints, as Azure Resource Manager manages them.

Belongs here: the deployment's shape on the wire, what a PUT is checked for, and its operations.
Does not belong here: the rules themselves (`rules`), or how it comes to serve (`provisioning`).
"""

from dataclasses import dataclass, replace
from typing import Any

from weather_assets.foundation.azure_limits import MAX_DEPLOYMENTS
from weather_assets.foundation.log_files import tail_of
from weather_assets.local_azure.arm.operations import Operation, Operations
from weather_assets.local_azure.arm.workspace import system_data, workspace_id
from weather_assets.local_azure.azure import rules
from weather_assets.local_azure.azure.errors import ProvisioningError, bad_request, not_found
from weather_assets.local_azure.azure.resources import Deployment, Endpoint, Resources, now, part
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.serving.metrics import Metrics
from weather_assets.local_azure.serving.provisioning import (
    INITIALIZER_LOG,
    SERVER_LOG,
    Provisioning,
    same_but_scale,
)
from weather_assets.local_azure.storage.assets import Assets

_LOGS = {"InferenceServer": SERVER_LOG, "StorageInitializer": INITIALIZER_LOG}
_DEFAULT_TAIL = 1000
_DEFAULT_PROBE = {
    "failureThreshold": 30,
    "successThreshold": 1,
    "timeout": "PT2S",
    "period": "PT10S",
    "initialDelay": "PT10S",
}


@dataclass(frozen=True)
class OnlineDeployments:
    """The deployments of all online endpoints."""

    _settings: Settings
    _resources: Resources
    _operations: Operations
    _provisioning: Provisioning
    _assets: Assets
    _metrics: Metrics

    def __post_init__(self) -> None:
        """Registers the operations on deployments."""
        self._operations.register("deployment-put", self._deploy, self._settle_put)
        self._operations.register("deployment-delete", self._delete, self._settle_delete)

    def get(self, endpoint: Endpoint, name: str) -> Deployment:
        """Returns a deployment.

        Raises:
            ServiceError: 404, if the endpoint has none of that name.
        """
        deployment = self._resources.deployment(endpoint.name, name)
        if deployment is None:
            raise not_found(f"Deployment {name!r} was not found in endpoint {endpoint.name!r}.")
        return deployment

    def all_of(self, endpoint: Endpoint) -> list[Deployment]:
        """Returns the deployments of an endpoint."""
        return list(self._resources.deployments(endpoint.name))

    def put(
        self, endpoint: Endpoint, name: str, body: dict[str, Any]
    ) -> tuple[int, Deployment, Operation]:
        """Creates or updates a deployment; returns the HTTP status, it, and the operation."""
        rules.check_name("deployment", name)
        rules.check_settled("endpoint", endpoint.name, endpoint.state)
        siblings = [d.name.lower() for d in self._resources.deployments(endpoint.name)]
        rules.check_counts("deployment", siblings, name, MAX_DEPLOYMENTS)
        old = self._resources.deployment(endpoint.name, name)
        if old is not None:
            rules.check_settled("deployment", name, old.state)
        body = self._checked(body)
        self._check_quota(endpoint, name, body)
        deployment = old or Deployment(name, endpoint.name, endpoint.workspace, body)
        deployment.state = _next_state(old, body)
        deployment.body, deployment.modified = body, now()
        deployment.generation += 1
        self._resources.save(deployment)
        operation = self._operations.start("deployment-put", deployment.key)
        return (201 if old is None else 200), deployment, operation

    def delete(self, endpoint: Endpoint, name: str) -> Operation | None:
        """Deletes a deployment; None where there is none."""
        deployment = self._resources.deployment(endpoint.name, name)
        if deployment is None:
            return None
        rules.check_settled("endpoint", endpoint.name, endpoint.state)
        live, mirrored = _share(endpoint.traffic, name), _share(endpoint.mirror, name)
        rules.check_delete(deployment.name, deployment.state, live, mirrored)
        deployment.state = "Deleting"
        self._resources.save(deployment)
        return self._operations.start("deployment-delete", deployment.key)

    def logs(self, deployment: Deployment, body: dict[str, Any]) -> dict[str, Any]:
        """Returns the end of a container's log."""
        container = body.get("containerType") or "InferenceServer"
        if container not in _LOGS:
            raise bad_request(f"containerType is {container!r}; give one of {', '.join(_LOGS)}.")
        asked = body.get("tail")
        lines = _DEFAULT_TAIL if asked is None else int(asked)
        return {"content": tail_of(self._provisioning.log(deployment, _LOGS[container]), lines)}

    def document(self, deployment: Deployment) -> dict[str, Any]:
        """Returns the deployment as Azure Resource Manager shows it."""
        body, endpoint = deployment.body, deployment.endpoint
        properties = dict(body["properties"])
        given = properties.get("requestSettings")
        timeout, queue, concurrency = rules.check_request_settings(given)
        return {
            "id": f"{workspace_id(self._settings, deployment.workspace)}"
            f"/onlineEndpoints/{endpoint}/deployments/{deployment.name}",
            "name": deployment.name,
            "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments",
            "location": self._settings.region,
            "kind": "Managed",
            "tags": body.get("tags") or {},
            "sku": {"name": "Default", "tier": "Standard", "capacity": deployment.instances},
            "systemData": system_data(deployment.created, deployment.modified),
            "properties": {
                **{key: value for key, value in properties.items() if value is not None},
                "endpointComputeType": "Managed",
                "provisioningState": deployment.state,
                "properties": properties.get("properties") or {},
                "scaleSettings": {"scaleType": "Default"},
                "appInsightsEnabled": bool(properties.get("appInsightsEnabled")),
                "egressPublicNetworkAccess": properties.get("egressPublicNetworkAccess")
                or "Enabled",
                "environmentVariables": properties.get("environmentVariables") or {},
                "livenessProbe": properties.get("livenessProbe") or _DEFAULT_PROBE,
                "readinessProbe": properties.get("readinessProbe") or _DEFAULT_PROBE,
                "requestSettings": {
                    "requestTimeout": f"PT{timeout:g}S",
                    "maxQueueWait": f"PT{queue:g}S",
                    "maxConcurrentRequestsPerInstance": concurrency,
                },
            },
        }

    def _checked(self, body: dict[str, Any]) -> dict[str, Any]:
        """Returns the body that is kept; refuses what could never serve."""
        properties = part(body, "properties")
        kind = properties.get("endpointComputeType", "Managed")
        if kind != "Managed":
            raise bad_request(f"Local Azure serves Managed, not {kind!r}.")
        scale = part(properties, "scaleSettings").get("scaleType", "Default")
        if scale != "Default":
            raise bad_request(f"scaleType is {scale!r}; managed endpoints take Default only.")
        rules.machine(properties.get("instanceType"))
        rules.check_request_settings(properties.get("requestSettings"))
        capacity = rules.check_instances(part(body, "sku").get("capacity", 1))
        code = part(properties, "codeConfiguration")
        if not code.get("codeId") or not code.get("scoringScript"):
            raise bad_request(
                "The deployment has no code configuration with a scoring script; Local Azure does "
                "not generate one for MLflow models."
            )
        if not properties.get("environmentId"):
            raise bad_request("The deployment names no environment.")
        self._assets.find("codes", code["codeId"])
        self._assets.find("environments", properties["environmentId"])
        if properties.get("model"):
            self._assets.find("models", properties["model"])
        sku = {"name": "Default", "tier": "Standard", "capacity": capacity}
        return {**body, "properties": properties, "sku": sku}

    def _check_quota(self, endpoint: Endpoint, name: str, body: dict[str, Any]) -> None:
        wanted = Deployment(name, endpoint.name, endpoint.workspace, body)
        family, needed = wanted.quota
        others = [d for d in self._resources.deployments() if d.key != wanted.key]
        used = sum(cores for own, cores in (d.quota for d in others) if own == family)
        rules.check_quota(
            body["properties"]["instanceType"],
            needed,
            used,
            self._settings.quota_cores,
            self._settings.subscription_id,
        )

    async def _deploy(self, target: str) -> None:
        deployment = self._resources.deployment(*target.split("/"))
        if deployment is None:
            raise ProvisioningError("ResourceNotFound", f"Deployment {target} is gone.")
        await self._provisioning.deploy(deployment)

    def _settle_put(self, target: str, status: str) -> None:
        deployment = self._resources.deployment(*target.split("/"))
        if deployment is None:
            return
        deployment.state = status
        if status == "Succeeded":
            generation, kept = deployment.generation, deployment.serving
            if kept is not None and same_but_scale(kept, deployment):
                generation = kept["generation"]  # its instances stay in their folder
            deployment.serving = {"body": deployment.body, "generation": generation}
        self._resources.save(deployment)

    async def _delete(self, target: str) -> None:
        deployment = self._resources.deployment(*target.split("/"))
        if deployment is not None:
            await self._provisioning.remove(deployment)

    def _settle_delete(self, target: str, status: str) -> None:
        self._resources.settle_delete(self._resources.deployment(*target.split("/")), status)
        if status == "Succeeded":
            self._metrics.forget(target)


def _share(shares: dict[str, int], name: str) -> int:
    return {key.lower(): share for key, share in shares.items()}.get(name.lower(), 0)


def _next_state(old: Deployment | None, body: dict[str, Any]) -> str:
    if old is None:
        return "Creating"
    if old.serving is None:
        return "Updating"
    wanted = replace(old, body=body)
    return "Scaling" if same_but_scale(old.serving, wanted) else "Updating"
