"""Where models are deployed: the Azure workspace, the endpoint and its machines.

Belongs here: settings and their checks. Does not belong here: credentials, which azure-identity
reads itself, or talking to Azure (`service`).
"""

import hashlib
import json
from dataclasses import dataclass

from weather_assets.foundation.azure_limits import (
    MAX_INSTANCES,
    MAX_REQUEST_TIMEOUT_SECONDS,
    cores_needed,
)
from weather_assets.foundation.azure_machines import MACHINES
from weather_assets.foundation.settings import (
    SettingError,
    check_settings,
    one_of,
    setting,
    text,
    whole,
)

WORKSPACE_VARIABLES = {
    "subscription_id": "AZURE_SUBSCRIPTION_ID",
    "resource_group": "AZURE_RESOURCE_GROUP",
    "workspace": "AZURE_WORKSPACE",
}
_AZURE_NAME = text("a name without spaces and slashes", r"[^\s/]*")
_MOST_MS = round(1000 * MAX_REQUEST_TIMEOUT_SECONDS)


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """Workspace, endpoint and machines. Nothing in it is secret."""

    subscription_id: str = setting("", _AZURE_NAME)
    """Azure subscription. Empty: Local Azure serves."""
    resource_group: str = setting("", _AZURE_NAME)
    """Resource group of the workspace."""
    workspace: str = setting("", _AZURE_NAME)
    """Azure ML workspace."""
    endpoint: str = setting(
        "weather-assets",
        text(
            "3 to 32 letters, digits and single dashes, beginning with a letter",
            r"(?=.{3,32}$)[A-Za-z](?:-?[A-Za-z0-9])*",
        ),
    )
    """Online endpoint. Its name is part of its address, so it is unique in its Azure region."""
    auth_mode: str = setting("key", one_of("key", "aad_token"))
    """How clients of the endpoint prove who they are: `key`, or `aad_token` (Microsoft Entra)."""
    instance_type: str = setting(
        "Standard_DS3_v2", text("a VM size such as Standard_DS3_v2", r"Standard_\w+")
    )
    """VM size of a deployment: the smallest that Azure recommends (four cores, 14 GiB)."""
    instance_count: int = setting(1, whole(1, MAX_INSTANCES))
    """Machines of a deployment; two deployments are alive during a rollout."""
    request_timeout_ms: int = setting(5000, whole(1, _MOST_MS))
    """Longest time to answer a request. Azure's default; the scorer needs milliseconds."""
    max_concurrent_requests: int = setting(4, whole(1, 1000))
    """Requests that a machine takes at a time. The scorer answers in about a millisecond, so a
    few may wait; with Azure's default of 1, the third of three simultaneous requests gets 429."""
    base_image: str = setting(
        "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20260715.v1",
        text("an image with a tag or a digest", r"(.*/)?[^/]*:[^/]*"),
    )
    """Image that the scoring environment is built on. Pinned: a moving tag would cost a new image
    build at every deployment."""

    def __post_init__(self) -> None:
        """Checks the settings.

        Raises:
            SettingError: naming the setting, its value and what is allowed.
        """
        check_settings(self)
        named = [name for name in WORKSPACE_VARIABLES if getattr(self, name)]
        missing = [WORKSPACE_VARIABLES[name] for name in WORKSPACE_VARIABLES if name not in named]
        if named and missing:
            raise SettingError(
                f"{' and '.join(missing)} must be set too: a workspace is named by "
                f"{', '.join(WORKSPACE_VARIABLES.values())}. Set all three, or none for Local Azure"
            )

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
