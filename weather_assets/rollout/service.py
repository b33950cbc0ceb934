"""What a rollout needs of an online endpoint, and how the service says no.

Belongs here: the protocol that `adapters` implement against Azure and tests implement in memory,
and its errors. Does not belong here: any vendor's name for these things, or what to call when
(`plan`, `controller`).

Every method is called from one thread. Every method that changes something waits until the service
has finished, is safe to repeat, and leaves what it does not name alone.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from weather_assets.rollout.evidence import LiveCounts, Reply
from weather_assets.rollout.states import Endpoint, Release


class ServiceError(RuntimeError):
    """The service did not do what it was asked; the message says what to do about it."""


class ServiceUnavailable(ServiceError):  # noqa: N818  a state of the service, as in HTTP 503
    """No answer, 429 or 5xx, also after the adapter's own retries. Asking again may help."""

    may_heal = True


class OperationTimedOut(ServiceError):  # noqa: N818  named for what happened
    """The service accepted an operation and did not finish it in time; it may yet finish."""

    may_heal = True


class ServiceRefused(ServiceError):  # noqa: N818  named for what happened
    """A rule stands against it (400, quota). Asking again helps only once things changed."""


class ServiceBusy(ServiceRefused):
    """409: another operation is in the way. Asking again helps once it has ended."""

    may_heal = True


class AccessDenied(ServiceError):  # noqa: N818  named for what happened
    """401 or 403. The message names the variables or the role that is missing."""


class DeploymentFailed(ServiceError):  # noqa: N818  named for what happened
    """A deployment did not come to serve; its resource remains, Failed.

    Attributes:
        slot: its name.
        log: the end of its containers' logs; empty where there is none.
    """

    def __init__(self, message: str, *, slot: str = "", log: str = "") -> None:
        """Keeps the log apart from the message.

        Args:
            message: the service's words.
            slot: name of the deployment.
            log: the end of its containers' logs.
        """
        super().__init__(message)
        self.slot, self.log = slot, log


class Superseded(ServiceError):  # noqa: N818  named for what happened
    """Somebody else has taken the endpoint over; nothing was touched since."""

    may_heal = True


class NewerRelease(Superseded):
    """A newer release waits to be rolled out: it goes on from where this one was left."""


class EndpointService(Protocol):
    """One online endpoint with its deployments, its traffic and its scoring URI.

    Every method may raise `ServiceUnavailable` and `AccessDenied`; those that change something also
    `ServiceRefused` and `OperationTimedOut`.
    """

    @property
    def name(self) -> str:
        """Name of the endpoint, whether it exists or not."""
        ...

    @property
    def scoring_uri(self) -> str:
        """Where requests go; empty while there is no endpoint. Never raises."""
        ...

    def observe(self) -> Endpoint | None:
        """Returns the endpoint with all its deployments as they are now.

        None only if the service itself says that it does not exist: a network or authentication
        error is not "missing".
        """
        ...

    def create_endpoint(self) -> None:
        """Creates the endpoint, without deployments or traffic. One that exists is left alone."""
        ...

    def repair_endpoint(self) -> None:
        """Puts a Failed endpoint again just as it is, traffic and mirror included."""
        ...

    def deploy(self, slot: str, release: Release) -> None:
        """Creates or updates the deployment of a slot, tagged with its release and this run.

        Raises:
            DeploymentFailed: it did not come to serve.
        """
        ...

    def set_traffic(self, live: Mapping[str, int], mirror: Mapping[str, int]) -> None:
        """Sets live and mirrored traffic, both to exactly this, and reads both back.

        Args:
            live: percent by deployment, summing to 0 or 100.
            mirror: percent by deployment, at most one; empty ends mirroring.
        """
        ...

    def delete_deployment(self, slot: str) -> None:
        """Removes a deployment that has no traffic. One that does not exist is fine."""
        ...

    def ask(self, rows: Sequence[Mapping[str, object]], slot: str | None) -> Reply:
        """Sends one scoring request.

        Never raises: an error answer and no answer at all are Replies too (`status` 0).

        Args:
            rows: raw readings, in request form.
            slot: the deployment that shall answer; None leaves it to the traffic.
        """
        ...

    def live_counts(self, slot: str, since: datetime) -> LiveCounts | None:
        """Returns how many requests a deployment answered, by the service's own count.

        Args:
            slot: the deployment.
            since: with time zone; the service may round it down to its own resolution.

        Returns:
            None where the service has no count yet.
        """
        ...

    def logs(self, slot: str) -> str:
        """Returns the end of the logs of a deployment's containers; empty where there are none."""
        ...

    def cores_needed(self) -> int | None:
        """Returns the cores that one slot takes from the quota.

        None where it is not known.
        """
        ...

    def cores_available(self) -> int | None:
        """Returns the cores that the quota has left for this instance type; None: not known."""
        ...
