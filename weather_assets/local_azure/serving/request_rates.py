"""How many scoring requests each deployment answered in each minute: what Azure Monitor shows.

Belongs here: counting by time and status, and grouping by dimension. Does not belong here: the
metric's shape on the wire (`arm.monitor`), or counters without time (`metrics`).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DIMENSIONS = ("deployment", "statusCode", "statusCodeClass", "modelStatusCode")
"""Dimensions of the metric RequestsPerMinute. Source: "Supported metrics for
Microsoft.MachineLearningServices/workspaces/onlineEndpoints" on learn.microsoft.com."""
KEPT_GRAINS = 1440
"""How far back counts are kept: a day of minutes."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What requests are counted together by."""

    endpoint: str
    deployment: str
    status: int
    model_status: int | None

    def dimension(self, name: str) -> str:
        """Returns the value of a dimension."""
        return {
            "deployment": self.deployment,
            "statusCode": str(self.status),
            "statusCodeClass": f"{self.status // 100}xx",
            "modelStatusCode": "" if self.model_status is None else str(self.model_status),
        }[name]


class RequestRates:
    """Requests by deployment, status and time. Those of deleted deployments stay, as on Azure."""

    def __init__(
        self,
        grain_seconds: int,
        document: Sequence[Sequence[Any]] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Starts from what an earlier run kept.

        Args:
            grain_seconds: length of the intervals that requests are counted in.
            document: what `to_document` returned.
            clock: Unix time in seconds.
        """
        self.grain_seconds, self._clock = grain_seconds, clock
        self._counts: dict[int, dict[_Kind, int]] = {}
        for start, endpoint, deployment, status, model_status, count in document:
            kind = _Kind(endpoint, deployment, status, model_status)
            self._counts.setdefault(start, {})[kind] = count

    def add(self, key: str, status: int, model_status: int | None) -> None:
        """Counts one request, now.

        Args:
            key: `endpoint/deployment`.
            status: that the client saw (or, mirrored, would have seen).
            model_status: that the container answered.
        """
        now = int(self._clock())
        start = now - now % self.grain_seconds
        if start not in self._counts:
            oldest = start - KEPT_GRAINS * self.grain_seconds
            self._counts = {at: counts for at, counts in self._counts.items() if at > oldest}
        endpoint, _, deployment = key.partition("/")
        counts = self._counts.setdefault(start, {})
        kind = _Kind(endpoint, deployment, status, model_status)
        counts[kind] = counts.get(kind, 0) + 1

    def series(
        self, endpoint: str, start: int, end: int, wanted: Mapping[str, frozenset[str] | None]
    ) -> Iterator[tuple[dict[str, str], dict[int, int]]]:
        """Yields one series for each combination of dimensions that had requests.

        Args:
            endpoint: lower-case name.
            start: first second that counts.
            end: first second that does not.
            wanted: dimensions to split by, with the lower-case values wanted, or None for all.

        Yields:
            The dimensions of a series, and its number of requests by start of interval.
        """
        found: dict[tuple[str, ...], dict[int, int]] = {}
        for at in sorted(at for at in self._counts if start <= at < end):
            for kind, count in self._counts[at].items():
                values = tuple(kind.dimension(name) for name in wanted)
                fits = zip(values, wanted.values(), strict=True)
                if kind.endpoint == endpoint and all(
                    among is None or value.lower() in among for value, among in fits
                ):
                    points = found.setdefault(values, {})
                    points[at] = points.get(at, 0) + count
        for values, points in found.items():
            yield dict(zip(wanted, values, strict=True)), points

    def to_document(self) -> list[list[Any]]:
        """Returns what `__init__` takes."""
        return [
            [start, kind.endpoint, kind.deployment, kind.status, kind.model_status, count]
            for start, counts in self._counts.items()
            for kind, count in counts.items()
        ]
