"""Local Azure in place of Azure, where no subscription is named.

Belongs here: leading the endpoint's service to it. Does not belong here: starting it (`simulator`),
or anything the SDK does then (`service`): it is the same code as for Azure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from weather_assets.adapters.azure import simulator
from weather_assets.adapters.azure.client import AzureTimings
from weather_assets.adapters.azure.reach import Reach
from weather_assets.adapters.azure.service import AzureEndpointService
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.files.data_root import DataRoot

if TYPE_CHECKING:
    from weather_assets.rollout.states import Release

_POLLING_SECONDS = 0.1
_GRAIN_SECONDS = 1
"""Interval of the request counts: a rollout here lasts seconds, where Azure counts by minutes."""


@dataclass(frozen=True, slots=True)
class LocalAzure:
    """A simulator that runs."""

    state: Path
    """Its state folder."""
    variables: Mapping[str, str] = field(repr=False)
    """What its environment file says; one of them is a secret."""

    @classmethod
    def started(cls, state: Path, **options: Any) -> Self:
        """Returns the simulator of a state folder; starts it unless it runs.

        Args:
            state: its state folder.
            options: of the command `local-azure start`, where it is started anew.

        Raises:
            ServiceUnavailable: if it does not come up.
        """
        chosen: dict[str, Any] = {
            "metrics_grain_seconds": _GRAIN_SECONDS,
            "polling_seconds": _POLLING_SECONDS,
            "substitute_python": True,  # the platform runs on 3.11 to 3.13, its package names 3.11
            **options,
        }
        return cls(state, simulator.start(state, **chosen))

    @property
    def url(self) -> str:
        """Address at which endpoints answer curl, as `/endpoints/NAME/score`."""
        return self.variables["LOCAL_AZURE_URL"]

    @property
    def grain_seconds(self) -> int:
        """Interval of its request counts."""
        return int(self.variables["LOCAL_AZURE_METRICS_GRAIN_SECONDS"])

    @property
    def reach(self) -> Reach:
        """How clients reach it."""
        return Reach(self.variables)

    def located(self, settings: AzureSettings) -> AzureSettings:
        """Returns settings that name the simulator's workspace."""
        return replace(
            settings,
            subscription_id=self.variables["AZURE_SUBSCRIPTION_ID"],
            resource_group=self.variables["AZURE_RESOURCE_GROUP"],
            workspace=self.variables["AZURE_WORKSPACE"],
        )


def endpoint_service(
    settings: AzureSettings,
    root: DataRoot,
    packages: "Callable[[Release], Path]",
    run_id: str,
) -> AzureEndpointService:
    """Returns the endpoint: on Azure, or on the data root's Local Azure, which is started.

    Args:
        settings: where no subscription is named, Local Azure serves.
        root: the data root.
        packages: where the package of a release lies.
        run_id: marks what this run makes.

    Raises:
        ServiceUnavailable: if Local Azure does not come up.
    """
    if not settings.is_local:
        return AzureEndpointService(settings, packages, run_id)
    local = LocalAzure.started(root.local_azure)
    return AzureEndpointService(
        local.located(settings),
        packages,
        run_id,
        timings=AzureTimings.local(),
        reach=local.reach,
        metrics_grain_seconds=local.grain_seconds,
    )
