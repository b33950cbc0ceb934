"""The endpoint as one rollout sees it: who is the candidate, and who serves.

Belongs here: what follows from an observation alone. Does not belong here: what to do about it
(`plan`).
"""

from dataclasses import dataclass

from weather_assets.rollout.states import SLOTS, Deployment, Endpoint, Release, Traffic


@dataclass(frozen=True, slots=True)
class View:
    """The endpoint as seen by one rollout.

    Attributes:
        endpoint: as observed.
        release: the candidate's.
    """

    endpoint: Endpoint
    release: Release

    @property
    def ours(self) -> tuple[Deployment, ...]:
        """Deployments of ours in the slots."""
        return tuple(
            each
            for each in self.endpoint.deployments
            if each.slot in SLOTS and each.release is not None
        )

    @property
    def copies(self) -> tuple[Deployment, ...]:
        """Deployments of the candidate's release: what serves well first, then as far along."""
        endpoint = self.endpoint
        return tuple(
            sorted(
                (each for each in self.ours if each.serves(self.release)),
                key=lambda each: (
                    not (each.provisioning.healthy and endpoint.live_share(each.slot)),
                    -endpoint.live_share(each.slot),
                    -endpoint.mirror_share(each.slot),
                    not each.provisioning.healthy,
                    each.slot,
                ),
            )
        )

    @property
    def candidate(self) -> Deployment | None:
        """The deployment of the candidate's release."""
        return next(iter(self.copies), None)

    @property
    def beside(self) -> dict[str, str]:
        """Identity of the release in each slot of ours that is not the candidate's."""
        return {
            each.slot: each.release.identity
            for each in self.ours
            if each.release is not None and not each.serves(self.release)
        }

    @property
    def stable(self) -> Deployment | None:
        """The deployment of another release that answers most live requests."""
        serving = [
            each
            for each in self.ours
            if not each.serves(self.release) and self.endpoint.live_share(each.slot)
        ]
        serving.sort(key=lambda each: (-self.endpoint.live_share(each.slot), each.slot))
        return serving[0] if serving else None

    @property
    def is_live(self) -> bool:
        """Whether the candidate's release answers all live requests already."""
        return sum(self.endpoint.live_share(each.slot) for each in self.copies) == 100

    @property
    def resting(self) -> Traffic:
        """The traffic when no rollout is on its way: all of it at the stable slot."""
        return Traffic({self.stable.slot: 100} if self.stable else {}, {})

    def previous(self, identity: str | None) -> Deployment | None:
        """Returns the deployment of the release that traffic was taken from, if it is there."""
        return next(
            (
                each
                for each in self.ours
                if each.release is not None
                and each.release.identity == identity
                and not each.serves(self.release)
            ),
            None,
        )

    def has_traffic(self, deployment: Deployment) -> bool:
        """Tells whether a deployment has live or mirrored traffic."""
        slot = deployment.slot
        return bool(self.endpoint.live_share(slot) or self.endpoint.mirror_share(slot))
