"""The rules of Azure ML managed online endpoints, as pure functions that refuse.

Belongs here: every condition on a request, with Azure's error code. Does not belong here: the
published numbers (`foundation.azure_limits`), or what happens when a request is accepted. Sources:
"Troubleshoot online endpoints" and "Safe rollout" on learn.microsoft.com.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from weather_assets.foundation.azure_limits import (
    DEFAULT_CONCURRENCY,
    DEFAULT_QUEUE_SECONDS,
    DEFAULT_REQUEST_TIMEOUT_SECONDS,
    MAX_INSTANCES,
    MAX_MIRROR_PERCENT,
    MAX_REQUEST_TIMEOUT_SECONDS,
    NAME,
)
from weather_assets.foundation.azure_machines import MACHINES, SIZES, Machine
from weather_assets.local_azure.azure.errors import ServiceError, bad_request, conflict

_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
BUSY_STATES = frozenset({"Creating", "Updating", "Scaling", "Deleting"})


def check_name(kind: str, name: str) -> None:
    """Refuses a name of an endpoint or a deployment that Azure does not take."""
    if NAME.fullmatch(name) is None:
        raise bad_request(
            f"The {kind} name {name!r} is invalid. It must start with a letter, have 3 to 32 "
            "characters, and consist of letters, digits and single dashes between them."
        )


def check_traffic(
    traffic: Mapping[str, Any], mirror: Mapping[str, Any], deployments: Mapping[str, bool]
) -> None:
    """Refuses live and mirror traffic that Azure does not take.

    Args:
        traffic: percent of live traffic by deployment.
        mirror: percent of mirrored traffic by deployment.
        deployments: every deployment of the endpoint, and whether it ever came to serve.
    """
    for what, shares in (("traffic", traffic), ("mirror traffic", mirror)):
        for name, percent in shares.items():
            _check_share(what, name, percent, deployments)
    total = sum(traffic.values())
    if total not in {0, 100}:
        raise bad_request(
            f"The sum of traffic is {total}: {dict(traffic)}. It must be 0 or 100 percent."
        )
    mirrored = {name: percent for name, percent in mirror.items() if percent}
    if len(mirrored) > 1:
        raise bad_request(
            f"Mirror traffic names {len(mirrored)} deployments: {mirrored}. It can go to one only."
        )
    for name, percent in mirrored.items():
        if percent > MAX_MIRROR_PERCENT:
            raise bad_request(
                f"Mirror traffic of deployment {name!r} is {percent}; "
                f"{MAX_MIRROR_PERCENT} percent is the most."
            )
        if traffic.get(name):
            raise bad_request(
                f"Deployment {name!r} has live traffic {traffic[name]} and mirror traffic "
                f"{percent}; a deployment can have one of the two."
            )


def _check_share(what: str, name: str, percent: Any, deployments: Mapping[str, bool]) -> None:
    if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100:
        raise bad_request(f"The {what} of {name!r} is {percent!r}; give whole percent, 0 to 100.")
    if name not in deployments:
        raise bad_request(
            f"The {what} names deployment {name!r}, which the endpoint does not have. "
            f"It has: {sorted(deployments)}."
        )
    if percent and not deployments[name]:
        raise bad_request(
            f"The {what} of deployment {name!r} is {percent}, but it has not come to serve yet; "
            "wait until its provisioning state is Succeeded."
        )


def check_delete(name: str, state: str, live: int, mirrored: int) -> None:
    """Refuses to delete a deployment that has traffic, or that is changing."""
    if state in BUSY_STATES:
        raise conflict(f"Deployment {name!r} is {state}; wait until it has finished.")
    if live:
        raise bad_request(
            f"Deployment {name!r} has {live} percent of live traffic and cannot be deleted; "
            "set its traffic to 0 first."
        )
    if mirrored:
        raise bad_request(
            f"Deployment {name!r} has {mirrored} percent of mirror traffic and cannot be deleted; "
            "set its mirror traffic to 0 first."
        )


def check_settled(kind: str, name: str, state: str) -> None:
    """Refuses to change a resource, or what hangs below it, while an operation runs on it."""
    if state in BUSY_STATES:
        raise conflict(
            f"The {kind} {name!r} is {state}; another operation is running. Wait until it has "
            "finished, then try again."
        )


def check_unique(name: str, workspace: str, owner: str | None) -> None:
    """Refuses an endpoint name that another workspace of the region has."""
    if owner is not None and owner != workspace:
        raise conflict(
            f"The endpoint name {name!r} is taken in this region; names are unique per region. "
            "Choose another."
        )


def check_counts(kind: str, existing: Collection[str], name: str, most: int) -> None:
    """Refuses one resource too many; `existing` are the lower-case names there are."""
    if name.lower() not in existing and len(existing) >= most:
        raise bad_request(
            f"There are {len(existing)} {kind}s already, and {most} is the most; delete one before "
            f"creating {name!r}."
        )


def check_instances(count: Any) -> int:
    """Refuses an instance count outside 1 to 50, and returns it."""
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_INSTANCES:
        raise bad_request(f"The instance count is {count!r}; give 1 to {MAX_INSTANCES}.")
    return count


def machine(size: Any) -> Machine:
    """Returns the VM size of a name; refuses one that endpoints do not have."""
    found = MACHINES.get(str(size).lower())
    if found is None:
        raise bad_request(
            f"The instance type {size!r} is not available. Available: {', '.join(SIZES)}."
        )
    return found


def check_quota(size: str, needed: int, used: int, limit: int, subscription: str) -> None:
    """Refuses a deployment that needs more cores of its VM family than are left."""
    if used + needed > limit:
        message = (
            f"Not enough quota available for {size} in SubscriptionId {subscription}. Current "
            f"usage/limit: {used}/{limit}. Additional needed: {needed}. Please see troubleshooting "
            "guide, available here: https://aka.ms/oe-tsg#error-outofquota"
        )
        details = (("OutOfQuota", message),)
        raise ServiceError(400, "BadRequest", "The request is invalid.", details=details)


def seconds_of(duration: Any, default: float) -> float:
    """Returns the seconds of an ISO 8601 duration; `default` where it is absent."""
    if duration is None:
        return default
    found = _DURATION.fullmatch(str(duration))
    if found is None or not any(found.groups()):
        raise bad_request(f"{duration!r} is no ISO 8601 duration such as PT5S.")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def check_request_settings(settings: Mapping[str, Any] | None) -> tuple[float, float, int]:
    """Refuses request settings out of bounds.

    Args:
        settings: `requestSettings` of a deployment, or None.

    Returns:
        Request time-out and longest wait in the queue in seconds, and requests at a time an
        instance; Azure's defaults where they are absent.
    """
    given = settings or {}
    timeout = seconds_of(given.get("requestTimeout"), DEFAULT_REQUEST_TIMEOUT_SECONDS)
    queue = seconds_of(given.get("maxQueueWait"), DEFAULT_QUEUE_SECONDS)
    concurrency = given.get("maxConcurrentRequestsPerInstance")
    concurrency = DEFAULT_CONCURRENCY if concurrency is None else concurrency
    if not 0 < timeout <= MAX_REQUEST_TIMEOUT_SECONDS:
        raise bad_request(
            f"The request timeout is {timeout:g} s; give more than 0 and at most "
            f"{MAX_REQUEST_TIMEOUT_SECONDS:g} s."
        )
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise bad_request(
            f"max_concurrent_requests_per_instance is {concurrency!r}; give 1 or more."
        )
    return timeout, queue, concurrency


def check_immutable(kind: str, old: Any, new: Any) -> None:
    """Refuses to change what a registered version points at."""
    if old != new:
        raise ServiceError(
            409,
            "UserError",
            f"Asset paths are immutable. This {kind} version points at {old!r}; register "
            f"{new!r} as a new version.",
        )
