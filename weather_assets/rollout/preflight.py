"""What is checked before a rollout's first step, so that it is not found out halfway.

Belongs here: conditions that the service would refuse later, and those under which a rollout could
never end well. Does not belong here: the order of steps (`plan`). Sources: "Manage and increase
quotas for resources with Azure Machine Learning", "Perform safe rollout of new deployments for
real-time inference" on learn.microsoft.com.
"""

from collections.abc import Collection
from dataclasses import dataclass

from weather_assets.foundation.azure_limits import MAX_DEPLOYMENTS, NAME
from weather_assets.rollout.plan import Desired
from weather_assets.rollout.settings import RolloutSettings
from weather_assets.rollout.states import SLOTS, Endpoint, Stage
from weather_assets.rollout.view import View


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the plan cannot see.

    Attributes:
        endpoint: name of the endpoint, whether it exists or not.
        probe_rows: rows in the probe set.
        cores_needed: cores that one slot takes from the quota; None where it is not known.
        cores_available: cores that the quota has left; None where it is not known.
    """

    endpoint: str
    probe_rows: int
    cores_needed: int | None = None
    cores_available: int | None = None


def preflight(
    observed: Endpoint | None,
    desired: Desired,
    settings: RolloutSettings,
    circumstances: Circumstances,
) -> list[str]:
    """Returns one sentence for each thing that stands against the rollout; empty where none does.

    Args:
        observed: the endpoint as it is; None where there is none.
        desired: the candidate and how far it shall come.
        settings: what the rollout needs.
        circumstances: names, probe set and quota.
    """
    if desired.stage in {Stage.WITHDRAWN, Stage.SETTLED}:
        return []  # going back, and tidying up, need nothing
    problems = [_check_name(circumstances.endpoint), *_check_traffic(observed)]
    if circumstances.probe_rows < settings.minimum_probe_rows:
        problems.append(
            f"The probe set has {circumstances.probe_rows} rows and a stage needs answers to "
            f"{settings.minimum_probe_rows}, so that none could ever be passed. Add data to raw/, "
            "or lower minimum_probe_rows."
        )
    if desired.stage is Stage.DEPLOYED:
        problems.append(_check_count(observed))
        problems.append(_check_quota(observed, desired, circumstances))
    return [problem for problem in problems if problem]


def check_name(kind: str, name: str) -> str:
    """Returns what is wrong with the name of an endpoint or a deployment, or an empty string."""
    if NAME.fullmatch(name):
        return ""
    return (
        f"The {kind} name {name!r} cannot be used: it must start with a letter, have 3 to 32 "
        "characters, and consist of letters, digits and single dashes between them."
    )


def _check_name(endpoint: str) -> str:
    problem = check_name("endpoint", endpoint)
    return f"{problem} Set ENDPOINT_NAME." if problem else ""


def _check_traffic(observed: Endpoint | None) -> Collection[str]:
    if observed is None:
        return []
    shares, problems = observed.shares, list[str]()
    if sum(shares.live.values()) not in {0, 100}:
        problems.append(f"Live traffic must sum to 0 or 100 percent; it is {shares}.")
    if len(shares.mirror) > 1 or any(share > 50 for share in shares.mirror.values()):
        problems.append(f"Mirror traffic must be one deployment's, at most 50 percent: {shares}.")
    both = sorted(shares.live.keys() & shares.mirror.keys())
    if both:
        problems.append(f"Deployment {both[0]} has live and mirror traffic; it can have one.")
    return problems


def _check_count(observed: Endpoint | None) -> str:
    if observed is None or any(each.slot in SLOTS for each in observed.deployments):
        return ""
    if len(observed.deployments) < MAX_DEPLOYMENTS:
        return ""
    return (
        f"Endpoint {observed.name} has {len(observed.deployments)} deployments and "
        f"{MAX_DEPLOYMENTS} is the most. Remove one."
    )


def _check_quota(observed: Endpoint | None, desired: Desired, told: Circumstances) -> str:
    """Checks that both slots fit beside each other, counting what is there already."""
    if told.cores_needed is None or told.cores_available is None:
        return ""
    here = 0
    if observed is not None:
        view = View(observed, desired.release)
        if view.candidate is not None:
            return ""
        here = min(len(view.ours), len(SLOTS))
    # The first release of azure_manual_deploy stands alone; a rollout needs both slots at once.
    slots = 1 if desired.immediate and here == 0 else len(SLOTS)
    missing = (slots - here) * told.cores_needed
    if told.cores_available >= missing:
        return ""
    return (
        f"A rollout keeps {slots} slots of {told.cores_needed} cores each, of which {here} are "
        f"there; {missing} more cores are needed and the quota has {told.cores_available} left. "
        "Ask for more quota, or choose a smaller instance type or count."
    )
