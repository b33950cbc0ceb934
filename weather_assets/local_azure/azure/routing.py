"""Which deployment answers a request, and which one gets a copy.

Belongs here: the pure choice. Does not belong here: asking them (`serving.pools`).
"""

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from weather_assets.local_azure.azure.errors import not_found


@dataclass(frozen=True, slots=True)
class Choice:
    """Where one request goes."""

    deployment: str
    route: str
    """`live` or `pinned`."""
    mirror: str | None = None
    """Deployment that gets a copy; its answer is thrown away."""


def choose(
    pinned: str | None,
    traffic: Mapping[str, int],
    mirror: Mapping[str, int],
    serving: Collection[str],
    chance: random.Random,
) -> Choice:
    """Chooses for one request.

    Args:
        pinned: value of the azureml-model-deployment header, or None.
        traffic: percent of live traffic by deployment.
        mirror: percent of mirrored traffic by deployment.
        serving: lower-case names of the deployments that can answer.
        chance: draws the shares; each request is drawn on its own.

    Raises:
        ServiceError: 404, where no deployment can answer.
    """
    if pinned:
        if pinned.lower() not in serving:
            raise not_found(f"The endpoint has no deployment {pinned!r} that serves.", "NotFound")
        return Choice(pinned.lower(), "pinned")
    live = {name.lower(): share for name, share in traffic.items() if share > 0}
    if not live:
        raise not_found("The endpoint has no deployment with positive weight.", "NotFound")
    chosen = chance.choices(list(live), list(live.values()))[0]
    copies = [name.lower() for name, share in mirror.items() if chance.random() * 100 < share]
    copy = copies[0] if copies and copies[0] in serving else None
    return Choice(chosen, "live", copy)
