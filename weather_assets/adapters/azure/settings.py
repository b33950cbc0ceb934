"""Where models are deployed: the Azure workspace, the endpoint and its machines.

Belongs here: settings, their checks, and reading them from environment variables. Does not belong
here: credentials, which azure-identity reads itself, or talking to Azure (`service`).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from weather_assets.foundation.azure_limits import (
    MAX_INSTANCES,
    MAX_REQUEST_TIMEOUT_SECONDS,
    cores_needed,
)
from weather_assets.foundation.azure_machines import MACHINES

AUTH_MODES = ("key", "aad_token")
WORKSPACE_VARIABLES = {
    "subscription_id": "AZURE_SUBSCRIPTION_ID",
    "resource_group": "AZURE_RESOURCE_GROUP",
    "workspace": "AZURE_WORKSPACE",
}
ENDPOINT_VARIABLES = {
    "endpoint": "ENDPOINT_NAME",
    "auth_mode": "ENDPOINT_AUTH_MODE",
    "instance_type": "ENDPOINT_INSTANCE_TYPE",
    "instance_count": "ENDPOINT_INSTANCE_COUNT",
    "request_timeout_ms": "ENDPOINT_REQUEST_TIMEOUT_MS",
    "max_concurrent_requests": "ENDPOINT_MAX_CONCURRENT_REQUESTS",
    "base_image": "ENDPOINT_BASE_IMAGE",
}
_NUMBERS = frozenset({"instance_count", "request_timeout_ms", "max_concurrent_requests"})
_NAME = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9])*")


class AzureSettingsError(ValueError):
    """A setting that cannot work; the message names its variable and what to set it to."""


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """Workspace, endpoint and machines. Nothing in it is secret."""

    subscription_id: str = ""
    """Azure subscription. Empty: Local Azure serves."""
    resource_group: str = ""
    """Resource group of the workspace."""
    workspace: str = ""
    """Azure ML workspace."""
    endpoint: str = "weather-assets"
    """Online endpoint. Its name is part of its address, so it is unique in its Azure region."""
    auth_mode: str = "key"
    """How clients of the endpoint prove who they are: `key`, or `aad_token` (Microsoft Entra)."""
    instance_type: str = "Standard_DS3_v2"
    """VM size of a deployment: the smallest that Azure recommends (four cores, 14 GiB)."""
    instance_count: int = 1
    """Machines of a deployment; two deployments are alive during a rollout."""
    request_timeout_ms: int = 5000
    """Longest time to answer a request. Azure's default; the scorer needs milliseconds."""
    max_concurrent_requests: int = 4
    """Requests that a machine takes at a time. The scorer answers in about a millisecond, so a
    few may wait; with Azure's default of 1, the third of three simultaneous requests gets 429."""
    base_image: str = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20260715.v1"
    """Image that the scoring environment is built on. Pinned: a moving tag would cost a new image
    build at every deployment."""

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            AzureSettingsError: naming the variable, its value and what is allowed.
        """
        missing = [
            variable
            for field, variable in WORKSPACE_VARIABLES.items()
            if not getattr(self, field) and self._named
        ]
        if missing:
            raise AzureSettingsError(
                f"{' and '.join(missing)} must be set too: a workspace is named by "
                f"{', '.join(WORKSPACE_VARIABLES.values())}. Set all three, or none for Local Azure"
            )
        if not (3 <= len(self.endpoint) <= 32 and _NAME.fullmatch(self.endpoint)):
            raise _wrong(
                "endpoint", self.endpoint,
                "3 to 32 letters, digits and single dashes, beginning with a letter",
            )  # fmt: skip
        if self.auth_mode not in AUTH_MODES:
            raise _wrong("auth_mode", self.auth_mode, " or ".join(AUTH_MODES))
        if not self.instance_type.startswith("Standard_"):
            raise _wrong("instance_type", self.instance_type, "a VM size such as Standard_DS3_v2")
        most_ms = round(1000 * MAX_REQUEST_TIMEOUT_SECONDS)
        for field, most in (
            ("instance_count", MAX_INSTANCES),
            ("request_timeout_ms", most_ms),
            ("max_concurrent_requests", 1000),
        ):
            if not 1 <= getattr(self, field) <= most:
                raise _wrong(field, getattr(self, field), f"a whole number from 1 to {most}")
        if ":" not in self.base_image.rpartition("/")[2]:
            raise _wrong("base_image", self.base_image, "an image with a tag or a digest")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Returns the settings that environment variables name; an empty variable counts as unset.

        Raises:
            AzureSettingsError: if one cannot work, or the workspace is named in part.
        """
        chosen: dict[str, str | int] = {}
        for field, variable in {**WORKSPACE_VARIABLES, **ENDPOINT_VARIABLES}.items():
            text = environ.get(variable, "").strip()
            if not text:
                continue
            if field in _NUMBERS and not text.isdecimal():
                raise _wrong(field, text, "a whole number")
            chosen[field] = int(text) if field in _NUMBERS else text
        return cls(**chosen)  # pyright: ignore[reportArgumentType] - numbers are those of _NUMBERS

    @property
    def is_local(self) -> bool:
        """Whether Local Azure serves, as no subscription is named."""
        return not self.subscription_id

    @property
    def configuration(self) -> str:
        """Hash of what a deployment has besides its package: another one is another release."""
        facts = [
            self.instance_type.lower(), self.instance_count, self.request_timeout_ms,
            self.max_concurrent_requests, self.base_image,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    @property
    def family(self) -> str | None:
        """VM family, whose quota counts; None for a size that the catalogue does not have."""
        machine = MACHINES.get(self.instance_type.lower())
        return None if machine is None else machine.family

    @property
    def cores_per_deployment(self) -> int | None:
        """Cores of the quota that one deployment takes; None for an unknown size."""
        machine = MACHINES.get(self.instance_type.lower())
        return None if machine is None else cores_needed(machine.cores, self.instance_count)

    @property
    def _named(self) -> bool:
        return any(getattr(self, field) for field in WORKSPACE_VARIABLES)


def _wrong(field: str, value: object, allowed: str) -> AzureSettingsError:
    return AzureSettingsError(f"{ENDPOINT_VARIABLES[field]} is {value!r}; set it to {allowed}")
