"""Takes an endpoint to a stage: observe, plan, apply, until it is there.

Belongs here: the loop, its patience with the service, and noticing that somebody else has taken
over. Does not belong here: which step is next (`plan`), or whether the stage is deserved (`watch`,
`stage_verdict`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from weather_assets.rollout.plan import Desired, next_step
from weather_assets.rollout.service import (
    AccessDenied,
    DeploymentFailed,
    EndpointService,
    OperationTimedOut,
    ServiceError,
    Superseded,
)
from weather_assets.rollout.settings import RolloutSettings
from weather_assets.rollout.states import Endpoint, Provisioning, Release, Stage
from weather_assets.rollout.steps import (
    Change,
    CreateEndpoint,
    DeleteDeployment,
    Deploy,
    Done,
    Refuse,
    RepairEndpoint,
    SetTraffic,
    Wait,
)
from weather_assets.rollout.view import View

_STUBBORN = 4
"""How many times as often a rollback is tried as a step forward."""

_LONGEST_PAUSE = 12
"""Where the doubling of pauses ends, as a multiple of `RolloutSettings.retry_seconds`."""


class RolloutRefused(RuntimeError):  # noqa: N818  named for what happened
    """The stage cannot be reached from here; nothing was changed that needs undoing."""


@dataclass(frozen=True, slots=True)
class Reached:
    """An endpoint that is as desired.

    Attributes:
        endpoint: as last observed; None where there is none and none was wanted.
        sentence: what is so now.
    """

    endpoint: Endpoint | None
    sentence: str


@dataclass(slots=True)
class _Patience:
    """How often the service may fail in a row.

    A rollback is stubborn: giving up leaves a bad candidate in the traffic.
    """

    settings: RolloutSettings
    sleep: Callable[[float], None]
    stubborn: bool = False
    failures: int = 0

    def endure(self, error: ServiceError) -> None:
        """Waits before another attempt, or raises the error where that cannot help."""
        self.failures += 1
        attempts = self.settings.apply_attempts * (_STUBBORN if self.stubborn else 1)
        hopeless = not self.stubborn and isinstance(error, AccessDenied | DeploymentFailed)
        if hopeless or self.failures >= attempts:
            raise error
        self.sleep(self.settings.retry_seconds * min(2 ** (self.failures - 1), _LONGEST_PAUSE))

    def restore(self) -> None:
        """Forgets the failures: the service has done something."""
        self.failures = 0


@dataclass(slots=True)
class Convergence:
    """The loop, for one service.

    Attributes:
        service: the endpoint.
        settings: patience and shares.
        sleep: waits so many seconds.
        announce: called before each change, with the endpoint as observed.
    """

    service: EndpointService
    settings: RolloutSettings
    sleep: Callable[[float], None]
    announce: Callable[[Desired, Change, Endpoint | None], None]

    def observe(self) -> Endpoint | None:
        """Returns the endpoint, asking again where the service does not answer.

        Raises:
            ServiceError: the last of the allowed attempts failed.
        """
        return self._observe(_Patience(self.settings, self.sleep))

    def _observe(self, patience: _Patience) -> Endpoint | None:
        while True:
            try:
                observed = self.service.observe()
            except ServiceError as error:
                patience.endure(error)
            else:
                patience.restore()
                return observed

    def reach(self, desired: Desired) -> Reached:
        """Takes the endpoint to what is desired.

        Raises:
            RolloutRefused: the plan refuses.
            Superseded: another release has come; nothing was touched since.
            DeploymentFailed: a deployment did not come to serve.
            OperationTimedOut: an operation that somebody started does not end.
            ServiceError: the service refuses or fails a step for good.
        """
        claim, applied, waited = _Claim(desired.release), list[Change](), 0.0
        withdrawing = desired.stage is Stage.WITHDRAWN
        looking, changing = (
            _Patience(self.settings, self.sleep, stubborn=withdrawing) for _ in range(2)
        )
        while True:
            observed = self._observe(looking)
            if not withdrawing:  # which touches its own candidate alone
                claim.check(observed)
            step = next_step(observed, desired, self.settings)
            if isinstance(step, Done):
                return Reached(observed, step.sentence)
            if isinstance(step, Refuse):
                raise RolloutRefused(step.sentence)
            if isinstance(step, Wait):
                waited = self._wait(step, waited)
                continue
            waited = 0.0
            self._check_effect(step, applied)
            self.announce(desired, step, observed)
            claim.before(step)
            try:
                self._apply(step)
            except ServiceError as error:
                changing.endure(error)
            else:
                applied.append(step)
                changing.restore()

    def _wait(self, step: Wait, waited: float) -> float:
        if waited >= self.settings.operation_seconds:
            raise OperationTimedOut(
                f"After {waited:g} seconds {step.what} still. Look at it in Azure, then "
                "materialize this stage again: it goes on from there."
            )
        self.sleep(self.settings.poll_seconds)
        return waited + self.settings.poll_seconds

    def _check_effect(self, step: Change, applied: list[Change]) -> None:
        """Ends a loop in which the service accepts a step and it never shows."""
        times = applied.count(step)
        if times >= self.settings.apply_attempts:
            raise ServiceError(
                f"The service did {times} times what was asked ({step}), and it did not last. "
                "Look at the endpoint in Azure, then materialize this stage again."
            )
        if times:
            self.sleep(self.settings.retry_seconds)

    def _apply(self, step: Change) -> None:
        service = self.service
        match step:
            case CreateEndpoint():
                service.create_endpoint()
            case RepairEndpoint():
                service.repair_endpoint()
            case Deploy(slot, release):
                service.deploy(slot, release)
            case SetTraffic(live, mirror):
                service.set_traffic(dict(live), dict(mirror))
            case DeleteDeployment(slot):
                service.delete_deployment(slot)


@dataclass(slots=True)
class _Claim:
    """Notices that somebody else has taken the endpoint over since this loop began."""

    release: Release
    slot: str | None = None
    known: set[str] | None = None

    def before(self, step: Change) -> None:
        """Expects the candidate to go where that is this loop's own doing."""
        if isinstance(step, DeleteDeployment) and step.slot == self.slot:
            self.slot = None

    def check(self, observed: Endpoint | None) -> None:
        """Compares with what was seen before.

        Raises:
            Superseded: a release has come that was not there, or the candidate has gone.
        """
        if observed is None:
            if self.slot is not None:
                raise Superseded("The endpoint was removed while this stage ran.")
            return
        view = View(observed, self.release)
        here = {each.release.identity: each for each in view.ours if each.release is not None}
        if self.known is None:
            self.known = {*here, self.release.identity}
        for identity in sorted(here.keys() - self.known):
            raise Superseded(
                f"Slot {here[identity].slot} has {here[identity].release} now: another rollout "
                f"took the place of {self.release}. Nothing was touched since."
            )
        if self.slot is not None:
            check_claim(observed, self.slot, self.release)
        elif view.candidate and view.candidate.provisioning is not Provisioning.DELETING:
            self.slot = view.candidate.slot


def check_claim(observed: Endpoint | None, slot: str, release: Release) -> None:
    """Checks that a candidate is still where it was.

    Raises:
        Superseded: it is gone or going, or another release has its slot.
    """
    deployment = None if observed is None else observed.deployment(slot)
    if deployment is None or deployment.provisioning is Provisioning.DELETING:
        found = "is gone"
    elif not deployment.serves(release):
        found = f"has {deployment.release or 'an unknown deployment'} now"
    else:
        return
    raise Superseded(
        f"Slot {slot} {found}: somebody else removed {release}. Nothing was touched since. "
        "Materialize candidate_deployment to begin again."
    )
