"""One endpoint and its deployments in a workspace, as the SDK has them.

Belongs here: the clients, finding, putting, and waiting until what was put has settled. Does not
belong here: what the rollout asks for (`service`).
"""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from weather_assets.adapters.azure.client import AzureTimings, Calls, ml_client
from weather_assets.adapters.azure.deployments import Registry, provisioning
from weather_assets.adapters.azure.errors import service_error
from weather_assets.adapters.azure.management import ResourceManager
from weather_assets.adapters.azure.reach import Reach
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.azure.uploads import upload
from weather_assets.rollout.service import ServiceRefused
from weather_assets.rollout.states import Provisioning

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import TokenCredential


@dataclass(frozen=True)
class Workspace:
    """The workspace of one endpoint."""

    _settings: AzureSettings
    _timings: AzureTimings
    _reach: Reach

    @cached_property
    def calls(self) -> Calls:
        """Runs calls of the SDK."""
        return Calls(self._timings)

    @property
    def name(self) -> str:
        """The endpoint, for messages."""
        return f"endpoint {self._settings.endpoint!r}"

    def slot(self, slot: str) -> str:
        """Returns a deployment, for messages."""
        return f"deployment {slot!r} of {self.name}"

    @cached_property
    def credential(self) -> "TokenCredential":
        """Proves who asks."""
        return self._reach.credential(self._timings.limits())

    @cached_property
    def client(self) -> "MLClient":
        """The SDK's client."""
        return ml_client(self._settings, self.credential, self._timings, self._reach)

    @cached_property
    def manager(self) -> ResourceManager:
        """For what the SDK cannot be asked for."""
        return ResourceManager.of(self.credential, self._timings.limits(), self._reach.transport)

    def registry(self, workspace_id: str) -> Registry:
        """Returns what registers assets; the id is the workspace's in Azure Resource Manager."""
        options = {**self._timings.limits(), **self._reach.transport}
        return Registry(
            self.calls,
            self.client,
            self.manager,
            partial(upload, self.client, self.credential, options),
            workspace_id,
        )

    def find_endpoint(self) -> Any:
        """Returns the endpoint of the SDK; None only where the workspace has none of that name."""
        found = self.calls.find(
            f"looking for {self.name}",
            lambda: self.client.online_endpoints.get(self._settings.endpoint),
        )
        if found is None:
            # A workspace, a group or a subscription that is not there answers 404, too.
            workspace = self._settings.workspace
            place = self.calls.find(
                f"looking for workspace {workspace!r}",
                lambda: self.client.workspaces.get(workspace),
            )
            if place is None:
                raise ServiceRefused(
                    f"there is no workspace {workspace!r} in resource group "
                    f"{self._settings.resource_group!r} of subscription "
                    f"{self._settings.subscription_id}; check AZURE_WORKSPACE, "
                    "AZURE_RESOURCE_GROUP and AZURE_SUBSCRIPTION_ID"
                )
        return found

    def existing_endpoint(self) -> Any:
        """Returns the endpoint of the SDK.

        Raises:
            ServiceRefused: there is none.
        """
        found = self.find_endpoint()
        if found is None:
            raise ServiceRefused(f"{self.name} does not exist; materialize candidate_deployment")
        return found

    def find_deployment(self, slot: str) -> Any:
        """Returns a deployment of the SDK; None where there is none of that name."""
        return self.calls.find(
            f"looking for {self.slot(slot)}",
            lambda: self.client.online_deployments.get(slot, self._settings.endpoint),
        )

    def put_endpoint(self, action: str, endpoint: Any) -> None:
        """Puts the endpoint, and waits until it has settled.

        Raises:
            ServiceError: it was refused, or did not succeed.
        """
        failure = self.calls.operation(
            action,
            lambda: self.client.online_endpoints.begin_create_or_update(endpoint),
            self._timings.endpoint_seconds,
        )
        if failure is None:
            return
        states: list[Provisioning] = []

        def settled() -> bool:
            states.append(provisioning(self.existing_endpoint().provisioning_state))
            return states[-1].settled

        self.calls.until(action, self._timings.endpoint_seconds, settled)
        if states[-1] is not Provisioning.SUCCEEDED:
            raise service_error(action, failure)

    def await_settled(self, action: str, slot: str, seconds: float) -> None:
        """Waits until no operation runs on a deployment."""

        def settled() -> bool:
            found = self.find_deployment(slot)
            return found is None or provisioning(found.provisioning_state).settled

        self.calls.until(action, seconds, settled)
