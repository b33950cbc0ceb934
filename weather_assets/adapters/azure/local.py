"""Local Azure in place of Azure, where no subscription is named.

Belongs here: starting it, and leading the SDK to it for as long as a call lasts. Does not belong
here: anything the SDK does then (`service`): it is the same code as for Azure.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from weather_assets.adapters.azure.client import AzureTimings
from weather_assets.adapters.azure.process_variables import PROCESS_VARIABLES
from weather_assets.adapters.azure.service import AzureEndpointService
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.local_azure import daemon
from weather_assets.local_azure.azure.settings import Settings

if TYPE_CHECKING:
    from weather_assets.rollout.states import Release

GRAIN_SECONDS = 1
"""Interval of the request counts: a rollout here lasts seconds, where Azure counts by minutes."""
_POLLING_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class LocalAzure:
    """A simulator that runs."""

    state: Path
    """Its state folder."""
    variables: Mapping[str, str] = field(repr=False)
    """Environment variables under which the SDK reaches it; one of them is a secret."""
    grain_seconds: int
    """Interval of its request counts."""

    @classmethod
    def started(cls, state: Path, **options: Any) -> Self:
        """Returns the simulator of a state folder; starts it unless it runs.

        Args:
            state: its state folder.
            options: fields of its settings to set where it is started anew.

        Raises:
            LocalAzureError: if it does not come up.
        """
        chosen: dict[str, Any] = {
            "metrics_grain_seconds": GRAIN_SECONDS,
            "polling_seconds": _POLLING_SECONDS,
            "substitute_python": True,  # the platform runs on 3.11 to 3.13, its package names 3.11
            **options,
        }
        # One that somebody runs with settings of their own is used as it is.
        variables = (
            daemon.read_environment(state)
            if daemon.running(state.resolve())
            else daemon.start(state, **chosen)
        )
        settings = Settings.load(state.resolve())
        grain = GRAIN_SECONDS if settings is None else settings.metrics_grain_seconds
        return cls(state, variables, grain)

    @property
    def url(self) -> str:
        """Address at which endpoints answer curl, as `/endpoints/NAME/score`."""
        return self.variables["LOCAL_AZURE_URL"]

    def surroundings(self) -> AbstractContextManager[None]:
        """Returns what leads the SDK to the simulator, in this process, while it is entered."""
        return PROCESS_VARIABLES.lent(self.variables)

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
        LocalAzureError: if Local Azure does not come up.
    """
    if not settings.is_local:
        return AzureEndpointService(settings, packages, run_id)
    local = LocalAzure.started(root.local_azure)
    return AzureEndpointService(
        local.located(settings),
        packages,
        run_id,
        timings=AzureTimings.local(),
        surroundings=local.surroundings,
        metrics_grain_seconds=local.grain_seconds,
    )
