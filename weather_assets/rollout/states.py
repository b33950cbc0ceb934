"""What an online endpoint is seen to be, in the words of the service.

Belongs here: the slots, the stages of a rollout, and what the service reports of an endpoint and
its deployments, as values that cannot change. Does not belong here: how it is asked (`service`), or
what follows from it (`plan`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SLOTS = ("blue", "green")
"""Names of the two deployments that take turns. Azure names have 3 to 32 characters."""


class Provisioning(StrEnum):
    """State of an endpoint or a deployment, in Azure's own words."""

    CREATING = "Creating"
    UPDATING = "Updating"
    SCALING = "Scaling"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    DELETING = "Deleting"
    CANCELED = "Canceled"

    @property
    def settled(self) -> bool:
        """Whether no operation runs on it, so that it can be changed."""
        return self in {self.SUCCEEDED, self.FAILED, self.CANCELED}

    @property
    def healthy(self) -> bool:
        """Whether the last operation on it came to a good end."""
        return self is Provisioning.SUCCEEDED


class Stage(StrEnum):
    """What can be asked of a rollout; the first five in the order of a rollout."""

    DEPLOYED = "deployed"
    """The candidate is on the free slot, at 0 %."""
    SHADOW = "shadow"
    """A share of live requests is mirrored to the candidate, which answers nobody."""
    CANARY = "canary"
    """The candidate answers a share of live requests."""
    LIVE = "live"
    """The candidate answers all live requests; the previous slot is kept warm."""
    SETTLED = "settled"
    """As LIVE, with the previous slot and leaked deployments removed."""
    WITHDRAWN = "withdrawn"
    """All live requests are back at the previous slot, and the candidate is removed."""


@dataclass(frozen=True, slots=True)
class Release:
    """What a deployment serves.

    Attributes:
        version: version of the model in the registry, for people.
        digest: SHA-256 of the scoring package, in hexadecimal.
        configuration: hash of what else makes a deployment what it is (instance type and count,
            request time-out), in hexadecimal, so that a changed setting is another release.
    """

    version: str
    digest: str
    configuration: str

    @property
    def identity(self) -> str:
        """What tells releases apart: content and configuration, never the version's number."""
        return f"{self.digest[:16]}-{self.configuration[:8]}"

    def __str__(self) -> str:
        """In words."""
        return f"release {self.version} ({self.identity})"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of the endpoint.

    Attributes:
        slot: its name; one of ours has a name of `SLOTS`.
        provisioning: its state.
        release: what it serves; None where its tags do not say, so that it is not one of ours.
        run_id: the run that made it; empty where its tags do not say.
    """

    slot: str
    provisioning: Provisioning
    release: Release | None
    run_id: str = ""

    def serves(self, release: Release) -> bool:
        """Tells whether this is a deployment of a release, in whatever state."""
        return self.release is not None and self.release.identity == release.identity


@dataclass(frozen=True, slots=True)
class Traffic:
    """Who answers live requests and who gets copies of them.

    Attributes:
        live: percent of live requests by deployment, zero entries left out; sums to 0 or 100.
        mirror: percent of live requests of which a copy goes to a deployment, zero entries left
            out; the answers to copies are thrown away.
    """

    live: Mapping[str, int] = field(default_factory=dict[str, int])
    mirror: Mapping[str, int] = field(default_factory=dict[str, int])

    def __str__(self) -> str:
        """In words: `blue 90 %, green 10 %; mirrored to green: 20 %`."""
        live = ", ".join(f"{slot} {share} %" for slot, share in sorted(self.live.items()))
        mirror = ", ".join(f"{slot}: {share} %" for slot, share in sorted(self.mirror.items()))
        return (live or "none") + (f"; mirrored to {mirror}" if mirror else "")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint as the service reports it. Observed is this, or None where there is none.

    Attributes:
        name: its name.
        provisioning: its own state; its deployments have theirs.
        traffic: percent of live requests by deployment.
        mirror: percent of mirrored requests by deployment.
        deployments: all of them, also those that are not ours.
    """

    name: str
    provisioning: Provisioning
    traffic: Mapping[str, int] = field(default_factory=dict[str, int])
    mirror: Mapping[str, int] = field(default_factory=dict[str, int])
    deployments: tuple[Deployment, ...] = ()

    def deployment(self, slot: str) -> Deployment | None:
        """Returns the deployment of a name, or None."""
        return next((each for each in self.deployments if each.slot == slot), None)

    def live_share(self, slot: str) -> int:
        """Returns the percent of live requests that a deployment answers."""
        return self.traffic.get(slot, 0)

    def mirror_share(self, slot: str) -> int:
        """Returns the percent of live requests that are mirrored to a deployment."""
        return self.mirror.get(slot, 0)

    @property
    def shares(self) -> Traffic:
        """Live and mirrored traffic without zero entries: Azure reports some."""
        return Traffic(
            {slot: share for slot, share in self.traffic.items() if share},
            {slot: share for slot, share in self.mirror.items() if share},
        )
