"""What one simulated Azure is: its identity, its limits and its timings.

Belongs here: the settings, their checks and their file. Does not belong here: resources that
callers create (`resources`).
"""

import dataclasses
import json
import os
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import platformdirs

from weather_assets.foundation.atomic_files import PRIVATE, write_text
from weather_assets.foundation.home_folders import expanded
from weather_assets.foundation.loopback import LOOPBACK
from weather_assets.local_azure.azure.errors import LocalAzureError

CACHE_VARIABLE = "LOCAL_AZURE_CACHE"
SETTINGS_FILE = "settings.json"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the folder of what all simulators of this user share: the built environments."""
    chosen = environment.get(CACHE_VARIABLE)
    return expanded(Path(chosen)) if chosen else platformdirs.user_cache_path("local-azure")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one simulator. They are made at its first start and kept in its state folder."""

    subscription_id: str
    """The one subscription that exists."""
    resource_group: str
    """The one resource group that exists."""
    workspaces: tuple[str, ...]
    """The workspaces that exist; the first is the one that the environment file names."""
    region: str
    """Azure region of everything, part of scoring URIs."""
    tenant_id: str
    """The one tenant of the authority."""
    client_id: str
    """The one application that may sign in."""
    client_secret: str
    """Its secret."""
    storage_account: str
    """Name of the storage account that uploads go to."""
    signing_secret: str
    """Signs shared access signatures."""
    quota_cores: int = 24
    """Cores of each VM family that may be in use, counted as Azure does (`cores_needed`)."""
    operation_seconds: float = 0.2
    """Least duration of a long-running operation."""
    polling_seconds: float = 0.2
    """How long clients are told to wait between two looks at an operation."""
    start_seconds: float = 120.0
    """How long a scoring process may take until it is ready."""
    substitute_python: bool = False
    """Whether an environment gets the simulator's Python where the one it asks for is not here."""
    metrics_grain_seconds: int = 60
    """Interval of Azure Monitor's counts: a minute on Azure; rollouts of seconds need less."""
    proxy_port: int = 0
    """Port of the proxy, kept so that running programs survive a restart; 0: not chosen yet."""
    control_port: int = 0
    """Port of the plain-HTTP listener, kept likewise."""
    listen_address: str = LOOPBACK
    """Where proxy and control port listen: loopback, or another address inside a container."""
    reached_as: str = LOOPBACK
    """Host name or address under which programs reach them."""

    def __post_init__(self) -> None:
        """Checks what a user may set.

        Raises:
            LocalAzureError: if a value cannot work.
        """
        if not self.workspaces:
            raise LocalAzureError("no workspace is named; name at least one with --workspace")
        for field in ("operation_seconds", "polling_seconds", "start_seconds"):
            if not getattr(self, field) >= 0:
                raise LocalAzureError(f"{field} is {getattr(self, field)}; give 0 or more seconds")
        if not 1 <= self.metrics_grain_seconds <= 60:
            raise LocalAzureError(
                f"metrics_grain_seconds is {self.metrics_grain_seconds}; give 1 to 60 seconds"
            )
        if self.quota_cores < 0:
            raise LocalAzureError(f"quota_cores is {self.quota_cores}; give 0 or more cores")

    @property
    def workspace(self) -> str:
        """The workspace that the environment file names."""
        return self.workspaces[0]

    @property
    def is_for_this_machine(self) -> bool:
        """Whether it is reached on loopback alone, so that this machine's programs may run it."""
        return self.reached_as == LOOPBACK

    def marker(self, state: Path) -> str:
        """Returns what marks the processes of this simulator, and of no other one."""
        return f"{self.subscription_id}:{state}"

    @classmethod
    def generate(cls, **chosen: Any) -> Self:
        """Returns settings with generated, obviously local identifiers; `chosen` values win."""
        values: dict[str, Any] = {
            "subscription_id": f"10ca1000-0000-4000-8000-{secrets.token_hex(6)}",
            "resource_group": "local-azure",
            "workspaces": ("local-workspace",),
            "region": "localregion",
            "tenant_id": f"10ca1000-0000-4000-9000-{secrets.token_hex(6)}",
            "client_id": f"10ca1000-0000-4000-a000-{secrets.token_hex(6)}",
            "client_secret": f"local-azure-{secrets.token_urlsafe(24)}",
            "storage_account": f"local{uuid.uuid4().hex[:12]}",
            "signing_secret": secrets.token_urlsafe(32),
        }
        return cls(
            **{**values, **{key: value for key, value in chosen.items() if value is not None}}
        )

    @classmethod
    def load(cls, state: Path) -> Self | None:
        """Returns the settings kept in the state folder, or None if there are none yet."""
        try:
            document = json.loads((state / SETTINGS_FILE).read_text("utf-8"))
        except FileNotFoundError:
            return None
        document["workspaces"] = tuple(document["workspaces"])
        return cls(**document)

    def save(self, state: Path) -> None:
        """Writes the settings into the state folder, readable by the owner alone."""
        text = json.dumps(dataclasses.asdict(self), indent=1)
        write_text(state / SETTINGS_FILE, f"{text}\n", PRIVATE)

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with `changes`; None leaves a value as it is."""
        given = {key: value for key, value in changes.items() if value is not None}
        return dataclasses.replace(self, **given)
