"""Which host names exist in one simulated Azure, and what answers at each.

Belongs here: names and their meaning. Does not belong here: connections (`proxy`, `server`).
"""

import re
from dataclasses import dataclass

from weather_assets.local_azure.azure.settings import Settings

MANAGEMENT = "management.azure.com"
LOGIN = "login.microsoftonline.com"


@dataclass(frozen=True, slots=True)
class Hosts:
    """The host names of one simulated Azure."""

    storage: str
    """Host of the storage account."""
    scoring_suffix: str
    """What follows the endpoint's name in the host of its scoring URI."""

    @classmethod
    def of(cls, settings: Settings) -> "Hosts":
        """Returns the host names that follow from the settings."""
        return cls(
            storage=f"{settings.storage_account}.blob.core.windows.net",
            scoring_suffix=f".{settings.region}.inference.ml.azure.com",
        )

    @property
    def certified(self) -> tuple[str, ...]:
        """DNS names for the certificate."""
        return (MANAGEMENT, LOGIN, self.storage, f"*{self.scoring_suffix}")

    def endpoint(self, host: str) -> str | None:
        """Returns the name of the endpoint that `host` belongs to, in lower case, or None."""
        name = host.lower().removesuffix(self.scoring_suffix)
        return name if name != host.lower() and re.fullmatch(r"[a-z0-9-]+", name) else None

    def known(self, host: str) -> bool:
        """Returns whether `host` exists here."""
        return host.lower() in {MANAGEMENT, LOGIN, self.storage} or self.endpoint(host) is not None
