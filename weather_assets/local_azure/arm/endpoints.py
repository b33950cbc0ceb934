"""Online endpoints, as Azure Resource Manager manages them.

Belongs here: the endpoint's shape on the wire, its keys, and its operations. Does not belong here:
the rules themselves (`rules`), or scoring (`dataplane`).
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any

from weather_assets.foundation.azure_limits import MAX_ENDPOINTS
from weather_assets.local_azure.arm.operations import Operation, Operations
from weather_assets.local_azure.arm.workspace import system_data, workspace_id
from weather_assets.local_azure.azure import rules
from weather_assets.local_azure.azure.errors import bad_request, not_found
from weather_assets.local_azure.azure.hosts import Hosts
from weather_assets.local_azure.azure.resources import Endpoint, Resources, now, part
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.identity.authority import TOKEN_SECONDS, Authority
from weather_assets.local_azure.serving.provisioning import Provisioning

AUTH_MODES = {"key": "Key", "amltoken": "AMLToken", "aadtoken": "AADToken"}


@dataclass(frozen=True)
class OnlineEndpoints:
    """The online endpoints of the region."""

    _settings: Settings
    _resources: Resources
    _operations: Operations
    _provisioning: Provisioning
    _authority: Authority

    def __post_init__(self) -> None:
        """Registers the operations on endpoints."""
        self._operations.register("endpoint-put", self._nothing, self._settle_put)
        self._operations.register("endpoint-delete", self._delete_all, self._settle_delete)

    def get(self, workspace: str, name: str) -> Endpoint:
        """Returns an endpoint.

        Raises:
            ServiceError: 404, if the workspace has none of that name.
        """
        endpoint = self._resources.endpoint(name)
        if endpoint is None or endpoint.workspace != workspace:
            raise not_found(f"Online endpoint {name!r} was not found in {workspace!r}.")
        return endpoint

    def all_of(self, workspace: str) -> list[Endpoint]:
        """Returns the endpoints of a workspace."""
        return [item for item in self._resources.endpoints() if item.workspace == workspace]

    def put(
        self, workspace: str, name: str, body: dict[str, Any]
    ) -> tuple[int, Endpoint, Operation]:
        """Creates or updates an endpoint; returns the HTTP status, the endpoint, the operation."""
        rules.check_name("endpoint", name)
        old = self._resources.endpoint(name)
        rules.check_unique(name, workspace, None if old is None else old.workspace)
        existing = [endpoint.name.lower() for endpoint in self._resources.endpoints()]
        rules.check_counts("endpoint", existing, name, MAX_ENDPOINTS)
        properties = part(body, "properties")
        traffic, mirror = part(properties, "traffic"), part(properties, "mirrorTraffic")
        deployments = {d.name: d.serving is not None for d in self._resources.deployments(name)}
        rules.check_traffic(traffic, mirror, deployments)
        mode = AUTH_MODES.get(str(properties.get("authMode") or "Key").lower())
        if mode is None:
            raise bad_request(
                f"authMode is {properties.get('authMode')!r}; give one of "
                f"{', '.join(AUTH_MODES.values())}."
            )
        if old is not None:
            rules.check_settled("endpoint", name, old.state)
        stored = {**body, "properties": {**properties, "authMode": mode}}
        endpoint = old or Endpoint(name, workspace, stored)
        endpoint.body, endpoint.modified = stored, now()
        endpoint.state = "Creating" if old is None else "Updating"
        self._resources.save(endpoint)
        operation = self._operations.start("endpoint-put", endpoint.key)
        return (201 if old is None else 200), endpoint, operation

    def delete(self, workspace: str, name: str) -> Operation | None:
        """Deletes an endpoint with all its deployments; None where there is none."""
        endpoint = self._resources.endpoint(name)
        if endpoint is None or endpoint.workspace != workspace:
            return None
        rules.check_settled("endpoint", name, endpoint.state)
        for deployment in self._resources.deployments(name):
            rules.check_settled("deployment", deployment.name, deployment.state)
        endpoint.state = "Deleting"
        self._resources.save(endpoint)
        return self._operations.start("endpoint-delete", endpoint.key)

    def keys(self, endpoint: Endpoint) -> dict[str, str]:
        """Returns both keys."""
        _check_mode(endpoint, "key")
        return {"primaryKey": endpoint.primary_key, "secondaryKey": endpoint.secondary_key}

    def regenerate(self, endpoint: Endpoint, body: dict[str, Any]) -> Operation:
        """Replaces one key by the given value, or a new one."""
        value = body.get("keyValue") or secrets.token_urlsafe(24)
        if str(body.get("keyType", "Primary")).lower() == "secondary":
            endpoint.secondary_key = value
        else:
            endpoint.primary_key = value
        self._resources.save(endpoint)
        return self._operations.start("endpoint-put", endpoint.key)

    def token(self, endpoint: Endpoint) -> dict[str, Any]:
        """Returns a token for scoring, for auth mode AMLToken."""
        _check_mode(endpoint, "amltoken")
        expiry = int(time.time()) + TOKEN_SECONDS
        return {
            "accessToken": self._authority.issue(f"endpoint:{endpoint.key}"),
            "expiryTimeUtc": expiry,
            "refreshAfterTimeUtc": expiry - TOKEN_SECONDS // 2,
            "tokenType": "Bearer",
        }

    def document(self, endpoint: Endpoint) -> dict[str, Any]:
        """Returns the endpoint as Azure Resource Manager shows it."""
        body, properties = endpoint.body, endpoint.body["properties"]
        address = f"https://{endpoint.key}{Hosts.of(self._settings).scoring_suffix}"
        return {
            "id": f"{workspace_id(self._settings, endpoint.workspace)}"
            f"/onlineEndpoints/{endpoint.name}",
            "name": endpoint.name,
            "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
            "location": self._settings.region,
            "kind": "Managed",
            "tags": body.get("tags") or {},
            "identity": {
                "type": part(body, "identity").get("type", "SystemAssigned"),
                "principalId": self._settings.client_id,
                "tenantId": self._settings.tenant_id,
            },
            "systemData": system_data(endpoint.created, endpoint.modified),
            "properties": {
                "description": properties.get("description"),
                "authMode": properties["authMode"],
                "properties": properties.get("properties") or {},  # without it the SDK crashes
                "publicNetworkAccess": properties.get("publicNetworkAccess") or "Enabled",
                "provisioningState": endpoint.state,
                "scoringUri": f"{address}/score",
                "swaggerUri": f"{address}/swagger.json",
                # While it is Updating this is what was asked for; requests follow it from the
                # operation's end.
                "traffic": _shares(properties.get("traffic")),
                "mirrorTraffic": _shares(properties.get("mirrorTraffic")),
            },
        }

    async def _nothing(self, target: str) -> None:
        """An endpoint alone has nothing to bring up."""

    def _settle_put(self, target: str, status: str) -> None:
        endpoint = self._resources.endpoint(target)
        if endpoint is None:
            return
        endpoint.state, properties = status, endpoint.body["properties"]
        if status == "Succeeded":
            endpoint.traffic = _shares(properties.get("traffic"))
            endpoint.mirror = _shares(properties.get("mirrorTraffic"))
        else:  # requests go where they went before, and readers see that
            properties["traffic"], properties["mirrorTraffic"] = endpoint.traffic, endpoint.mirror
        self._resources.save(endpoint)

    async def _delete_all(self, target: str) -> None:
        for deployment in list(self._resources.deployments(target)):
            await self._provisioning.remove(deployment)
            self._resources.remove(deployment)

    def _settle_delete(self, target: str, status: str) -> None:
        self._resources.settle_delete(self._resources.endpoint(target), status)


def _check_mode(endpoint: Endpoint, mode: str) -> None:
    if endpoint.auth_mode != mode:
        raise bad_request(f"Endpoint {endpoint.name!r} has auth mode {endpoint.auth_mode}.")


def _shares(traffic: dict[str, int] | None) -> dict[str, int]:
    return {name: percent for name, percent in (traffic or {}).items() if percent}
