"""The steps that a rollout is made of.

Belongs here: each step as a value that says what it will do. Does not belong here: which one is
next (`plan`), or how it is done (`controller`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from weather_assets.rollout.states import Release, Traffic


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    """Create the endpoint: the service says that there is none."""

    def __str__(self) -> str:
        """In words."""
        return "create the endpoint"


@dataclass(frozen=True, slots=True)
class RepairEndpoint:
    """Put a Failed endpoint again as it is."""

    def __str__(self) -> str:
        """In words."""
        return "repair the endpoint, leaving its traffic as it is"


@dataclass(frozen=True, slots=True)
class Deploy:
    """Create or update the deployment of a slot that has no healthy live traffic."""

    slot: str
    release: Release

    def __str__(self) -> str:
        """In words."""
        return f"deploy {self.release} to {self.slot}"


@dataclass(frozen=True, slots=True)
class SetTraffic:
    """Set live and mirrored traffic to exactly this."""

    live: Mapping[str, int]
    mirror: Mapping[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        """Check what no plan may ever ask for."""
        shares = (*self.live.values(), *self.mirror.values())
        if (
            sum(self.live.values()) not in {0, 100}
            or min(shares, default=1) < 1
            or len(self.mirror) > 1
            or self.live.keys() & self.mirror.keys()
        ):
            raise AssertionError(f"no plan may ask for {self.live} and {self.mirror}")

    def __str__(self) -> str:
        """In words."""
        return f"set the traffic to {Traffic(self.live, self.mirror)}"


@dataclass(frozen=True, slots=True)
class DeleteDeployment:
    """Remove a deployment without traffic."""

    slot: str

    def __str__(self) -> str:
        """In words."""
        return f"remove {self.slot}"


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody's operation runs; look again later."""

    what: str

    def __str__(self) -> str:
        """In words."""
        return f"wait: {self.what}"


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked for is so."""

    sentence: str

    def __str__(self) -> str:
        """In words."""
        return self.sentence


@dataclass(frozen=True, slots=True)
class Refuse:
    """It cannot or must not be done from here; the sentence says what to do."""

    sentence: str

    def __str__(self) -> str:
        """In words."""
        return self.sentence


Change = CreateEndpoint | RepairEndpoint | Deploy | SetTraffic | DeleteDeployment
Step = Change | Wait | Done | Refuse
