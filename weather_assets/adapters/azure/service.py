"""The endpoint as the rollout sees it, on Azure's own SDK.

Belongs here: the Protocol `rollout.service.EndpointService`, each method as a few calls of the SDK.
Does not belong here: which step comes next (`rollout`), retries and time limits (`client`),
or Local Azure, which this knows nothing of (`local`).
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError

from weather_assets.adapters.azure.client import (
    AzureTimings,
    azure_ml,
)
from weather_assets.adapters.azure.data_plane import ScoringClient
from weather_assets.adapters.azure.deployments import (
    API_VERSION,
    TAG,
    deployment_document,
    observed_deployment,
    provisioning,
    release_tags,
)
from weather_assets.adapters.azure.errors import (
    TRANSIENT_CODES,
    code_of,
    reason_of,
    service_error,
    status_of,
)
from weather_assets.adapters.azure.metrics import (
    AZURE_GRAIN_SECONDS,
    cores_left,
    request_counts,
)
from weather_assets.adapters.azure.reach import Reach
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.azure.workspace import Workspace
from weather_assets.rollout.evidence import LiveCounts, Reply
from weather_assets.rollout.service import (
    DeploymentFailed,
    ServiceError,
    ServiceUnavailable,
)
from weather_assets.rollout.states import Endpoint, Release

SCORING_SCOPE = "https://ml.azure.com/.default"
CONTAINERS = ("storage-initializer", "inference-server")
LOG_LINES = 200
_TRAFFIC_ATTEMPTS = 3
_SPARE_SECONDS = 5.0


class AzureEndpointService:
    """One endpoint of a workspace. Implements `rollout.service.EndpointService`."""

    def __init__(
        self,
        settings: AzureSettings,
        packages: Callable[[Release], Path],
        run_id: str,
        *,
        timings: AzureTimings | None = None,
        reach: Reach | None = None,
        metrics_grain_seconds: int = AZURE_GRAIN_SECONDS,
    ) -> None:
        """Makes no call yet.

        Args:
            settings: workspace, endpoint and machines.
            packages: where the package of a release lies.
            run_id: marks what this run makes.
            timings: how long to wait; those that fit Azure by default.
            reach: how Azure is reached; as the process's environment says by default.
            metrics_grain_seconds: interval of the service's own counts.
        """
        self._settings, self._packages, self._run_id = settings, packages, run_id
        self._reach, self._grain_seconds = reach or Reach(), metrics_grain_seconds
        self._timings = timings or AzureTimings()
        self._azure = Workspace(settings, self._timings, self._reach)
        self._calls = self._azure.calls
        self._scoring: ScoringClient | None = None
        self._uri = ""

    @property
    def name(self) -> str:
        """Name of the endpoint, whether it exists or not."""
        return self._settings.endpoint

    @property
    def scoring_uri(self) -> str:
        """Where the endpoint answers; empty while there is none, or none can be seen."""
        if not self._uri:
            with contextlib.suppress(ServiceError):
                self.observe()
        return self._uri

    def observe(self) -> Endpoint | None:
        """Returns what the service reports, or None where it says that there is no endpoint."""
        found = self._azure.find_endpoint()
        self._uri = "" if found is None else str(found.scoring_uri or "")
        if found is None:
            return None
        deployments = self._calls.run(
            f"listing the deployments of {self._azure.name}",
            lambda: list(self._azure.client.online_deployments.list(self._settings.endpoint)),
        )
        return Endpoint(
            found.name,
            provisioning(found.provisioning_state),
            _shares(found.traffic),
            _shares(found.mirror_traffic),
            tuple(observed_deployment(each) for each in deployments),
        )

    def create_endpoint(self) -> None:
        """Creates the endpoint, without traffic; one that is there is left as it is."""
        # A PUT of an endpoint that is there would take its traffic away.
        if self._azure.find_endpoint() is not None:
            return
        self._azure.put_endpoint(
            f"creating {self._azure.name}",
            azure_ml().entities.ManagedOnlineEndpoint(
                name=self._settings.endpoint,
                auth_mode=self._settings.auth_mode,
                tags={f"{TAG}run_id": self._run_id},
            ),
        )

    def repair_endpoint(self) -> None:
        """Puts a failed endpoint again, with the traffic that it has."""
        found = self._azure.existing_endpoint()
        found.traffic = _shares(found.traffic)
        found.mirror_traffic = _shares(found.mirror_traffic)
        self._azure.put_endpoint(f"repairing {self._azure.name}", found)

    def deploy(self, slot: str, release: Release) -> None:
        """Brings a release to serve in a slot, at no traffic of its own; waits until it does.

        Raises:
            DeploymentFailed: with Azure's words and the logs of both containers.
        """
        action = f"deploying model version {release.version} to {self._azure.slot(slot)}"
        package, endpoint = self._packages(release), self._azure.existing_endpoint()
        registry = self._azure.registry(endpoint.id.partition("/onlineEndpoints/")[0])
        assets = {
            "model": registry.model(release, package),
            "environment": registry.environment(self._settings, package),
            "code": registry.code(package),
        }
        tags = release_tags(release, self._run_id)
        document = deployment_document(self._settings, endpoint.location, assets, tags)
        failure = self._calls.operation(
            action,
            lambda: self._azure.manager.begin_put(
                f"{endpoint.id}/deployments/{slot}", API_VERSION, document
            ),
            self._timings.deployment_seconds,
        )
        # Where following the operation broke off, the deployment still comes up.
        timings = self._timings
        seconds = timings.visible_seconds if failure is None else timings.deployment_seconds
        self._azure.await_settled(action, slot, seconds)
        self._check_deployed(action, slot, release, failure)

    def set_traffic(self, live: Mapping[str, int], mirror: Mapping[str, int]) -> None:
        """Sets live and mirrored traffic, both, and reads both back."""
        wanted = (_shares(live), _shares(mirror))
        action = f"setting the traffic of {self._azure.name} to {wanted[0]}, mirrored {wanted[1]}"
        for attempt in range(1, _TRAFFIC_ATTEMPTS + 1):
            found = self._azure.existing_endpoint()
            found.traffic, found.mirror_traffic = dict(wanted[0]), dict(wanted[1])
            try:
                self._azure.put_endpoint(action, found)
                break
            except ServiceUnavailable:
                # An operation that Azure cancelled or failed: nothing has changed then.
                if attempt == _TRAFFIC_ATTEMPTS:
                    raise
        self._calls.until(action, self._timings.visible_seconds, lambda: self._has(wanted))

    def delete_deployment(self, slot: str) -> None:
        """Deletes a deployment; one that is not there is fine."""
        action = f"deleting {self._azure.slot(slot)}"
        if self._azure.find_deployment(slot) is None:
            return
        failure = self._calls.operation(
            action,
            lambda: self._azure.client.online_deployments.begin_delete(
                slot, self._settings.endpoint
            ),
            self._timings.endpoint_seconds,
        )
        if failure is not None and self._azure.find_deployment(slot) is not None:
            raise service_error(action, failure)
        self._calls.until(
            action,
            self._timings.visible_seconds,
            lambda: self._azure.find_deployment(slot) is None,
        )

    def ask(self, rows: Sequence[Mapping[str, object]], slot: str | None) -> Reply:
        """Asks the endpoint about raw rows; whatever it answers is the reply."""
        uri = self.scoring_uri
        if not uri:
            return Reply(0, 0.0, None, "", f"{self._azure.name} does not exist or cannot be seen")
        if self._scoring is None or self._scoring.uri != uri:
            seconds = self._settings.request_timeout_ms / 1000 + _SPARE_SECONDS
            session = self._reach.session()
            self._scoring = ScoringClient(uri, self.secret, seconds, session)
        return self._scoring.ask(rows, slot)

    def live_counts(self, slot: str, since: datetime) -> LiveCounts | None:
        """Returns requests and errors of a slot since a moment, as the service counted them."""
        endpoint = self._azure.existing_endpoint()
        return self._calls.run(
            f"reading the metrics of {self._azure.slot(slot)}",
            lambda: request_counts(
                self._azure.manager, endpoint.id, slot, since, self._grain_seconds
            ),
        )

    def logs(self, slot: str) -> str:
        """Returns the end of both containers' logs; "" where there is no such deployment."""
        parts: list[str] = []
        for container in CONTAINERS:
            text = self._calls.find(
                f"reading the logs of {self._azure.slot(slot)}",
                lambda container=container: self._azure.client.online_deployments.get_logs(
                    slot, self._settings.endpoint, LOG_LINES, container_type=container
                ),
            )
            if text is not None:
                parts.append(f"== {container} ==\n{text.strip()}")
        return "\n".join(parts)

    def cores_needed(self) -> int | None:
        """Returns the cores that one slot takes from the quota; None if not known."""
        return self._settings.cores_per_deployment

    def cores_available(self) -> int | None:
        """Returns the cores of the machines' family that are not in use; None where unknown."""
        family = self._settings.family
        if family is None:
            return None
        rows = self._calls.run(
            "reading the quota of the subscription",
            lambda: list(self._azure.client.compute.list_usage()),
        )
        return cores_left(rows, family)

    def secret(self) -> str:
        """Returns the key or token that the endpoint asks its clients for."""
        if self._settings.auth_mode == "aad_token":
            return self._calls.run(
                f"getting a token for {self._azure.name}",
                lambda: self._azure.credential.get_token(SCORING_SCOPE).token,
            )
        keys: Any = self._calls.run(
            f"reading the keys of {self._azure.name}",
            lambda: self._azure.client.online_endpoints.get_keys(self._settings.endpoint),
        )
        return str(keys.primary_key)

    def close(self) -> None:
        """Closes connections for scoring."""
        if self._scoring is not None:
            self._scoring.close()

    def _check_deployed(
        self, action: str, slot: str, release: Release, failure: AzureError | None
    ) -> None:
        found = self._azure.find_deployment(slot)
        deployed = None if found is None else observed_deployment(found)
        if deployed is not None and deployed.provisioning.healthy and deployed.serves(release):
            return
        if failure is None:
            said = f"it is {'gone' if deployed is None else deployed.provisioning.value}"
        elif status_of(failure) is not None or code_of(failure) in TRANSIENT_CODES:
            raise service_error(action, failure)
        else:
            said = reason_of(failure)
        try:
            log = self.logs(slot)
        except ServiceError as error:
            log = f"(the logs cannot be read: {error})"
        raise DeploymentFailed(f"{action}: {said}", slot=slot, log=log)

    def _has(self, wanted: tuple[dict[str, int], dict[str, int]]) -> bool:
        found = self._azure.existing_endpoint()
        return (_shares(found.traffic), _shares(found.mirror_traffic)) == wanted


def _shares(traffic: Mapping[str, Any] | None) -> dict[str, int]:
    """Returns shares without zeros, which Azure adds when reading and drops when writing."""
    return {name: int(share) for name, share in (traffic or {}).items() if share}
