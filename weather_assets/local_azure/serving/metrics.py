"""Counters of scoring requests by deployment: the evidence of a rollout.

Belongs here: counting, quantiles, and keeping counters across restarts. Does not belong here: what
the numbers mean for a rollout.

Requests are counted by how they came: `live` (by the traffic weights), `pinned` (by the
azureml-model-deployment header) and `mirrored`. All counters only grow, so the difference of two
readings is what happened between them.
"""

import bisect
from dataclasses import asdict, dataclass, field
from typing import Any

from weather_assets.local_azure.azure.resources import now
from weather_assets.local_azure.serving.request_rates import RequestRates

ROUTES = ("live", "pinned", "mirrored")
BOUNDS_SECONDS = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2,
    0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 120.0, 180.0,
)  # fmt: skip
"""Upper bounds of the latency buckets; one more bucket takes what is slower."""


@dataclass(slots=True)
class Counter:
    """Requests to one deployment by one route."""

    requests: int = 0
    statuses: dict[str, int] = field(default_factory=dict[str, int])
    """By status that the client saw (or, mirrored, would have seen)."""
    model_statuses: dict[str, int] = field(default_factory=dict[str, int])
    """By status that the container answered."""
    latency_seconds_sum: float = 0.0
    latency_buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))

    def add(self, status: int, model_status: int | None, seconds: float) -> None:
        """Counts one request."""
        self.requests += 1
        self.statuses[str(status)] = self.statuses.get(str(status), 0) + 1
        if model_status is not None:
            key = str(model_status)
            self.model_statuses[key] = self.model_statuses.get(key, 0) + 1
        self.latency_seconds_sum += seconds
        self.latency_buckets[bisect.bisect_left(BOUNDS_SECONDS, seconds)] += 1

    def to_dict(self) -> dict[str, Any]:
        """Returns the counter and the latency quantiles that follow from it."""
        return {
            "requests": self.requests,
            "statuses": dict(sorted(self.statuses.items())),
            "model_statuses": dict(sorted(self.model_statuses.items())),
            "latency_seconds": {
                "sum": self.latency_seconds_sum,
                "bounds": list(BOUNDS_SECONDS),
                "buckets": list(self.latency_buckets),
                **{
                    f"p{percent:g}": quantile(self.latency_buckets, percent / 100)
                    for percent in (50, 90, 95, 99)
                },
            },
        }


def quantile(buckets: list[int], share: float) -> float | None:
    """Returns a latency quantile in seconds, linear within its bucket; None without requests.

    Args:
        buckets: counts, one more than BOUNDS_SECONDS.
        share: 0 to 1.
    """
    total = sum(buckets)
    if total == 0:
        return None
    rank, below = share * total, 0
    for index, count in enumerate(buckets):
        if count and below + count >= rank:
            low = BOUNDS_SECONDS[index - 1] if index else 0.0
            high = BOUNDS_SECONDS[min(index, len(BOUNDS_SECONDS) - 1)]
            return low + (high - low) * max(0.0, rank - below) / count
        below += count
    return BOUNDS_SECONDS[-1]


class Metrics:
    """Counters of all deployments since `since`."""

    def __init__(self, document: dict[str, Any] | None = None, grain_seconds: int = 60) -> None:
        """Starts from what an earlier run kept, or from nothing.

        Args:
            document: what `to_document` returned.
            grain_seconds: length of the intervals of `rates`.
        """
        document = document or {"since": now(), "counters": {}}
        self.rates = RequestRates(grain_seconds, document.get("rates", ()))
        self.since = str(document["since"])
        self.counted = 0
        """Changes counted since the start of this run."""
        self._counters = {
            key: {route: Counter(**counter) for route, counter in routes.items()}
            for key, routes in document["counters"].items()
        }

    def add(
        self, key: str, route: str, status: int, model_status: int | None, seconds: float
    ) -> None:
        """Counts one request to the deployment `endpoint/deployment`."""
        self.counted += 1
        self.rates.add(key, status, model_status)
        routes = self._counters.setdefault(key, {})
        routes.setdefault(route, Counter()).add(status, model_status, seconds)

    def forget(self, key: str) -> None:
        """Drops the counters of a deployment that was deleted."""
        self.counted += 1
        self._counters.pop(key, None)

    def of(self, key: str) -> dict[str, Any]:
        """Returns the counters of one deployment, by route; every route is there."""
        routes = self._counters.get(key, {})
        return {route: routes.get(route, Counter()).to_dict() for route in ROUTES}

    def to_document(self) -> dict[str, Any]:
        """Returns what `__init__` takes."""
        counters = {
            key: {route: asdict(counter) for route, counter in routes.items()}
            for key, routes in self._counters.items()
        }
        rates = self.rates.to_document()
        return {"since": self.since, "counters": counters, "rates": rates}
