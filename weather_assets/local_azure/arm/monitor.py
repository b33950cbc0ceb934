"""How much is used: the requests that deployments answered (Azure Monitor), and cores by family.

Belongs here: queries and answers on the wire. Does not belong here: counting (`request_rates`), or
refusing what exceeds the quota (`rules`).

Sources: Metrics_List of Microsoft.Insights 2018-01-01 (azure-rest-api-specs); the page "Supported
metrics" of the endpoint's resource type on learn.microsoft.com. On Azure a count shows up to three
minutes late; here, at once.
"""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from weather_assets.foundation.azure_machines import MACHINES
from weather_assets.local_azure.arm.workspace import workspace_id
from weather_assets.local_azure.azure.errors import bad_request
from weather_assets.local_azure.azure.resources import Endpoint, Resources
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.serving.request_rates import DIMENSIONS, RequestRates

METRIC = "RequestsPerMinute"
NAMESPACE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
_USAGE_TYPE = "Microsoft.MachineLearningServices/vmFamily/dedicatedCores/usages"
_DEFAULT_TOP = 10
_CLAUSE = re.compile(r"\s*(\w+)\s+eq\s+'([^']*)'\s*", re.IGNORECASE)
_MOST_POINTS = 1440


class Monitor:
    """Answers queries for usage."""

    def __init__(self, settings: Settings, resources: Resources, rates: RequestRates) -> None:
        """Answers from `resources` and `rates`."""
        self._settings, self._resources, self._rates = settings, resources, rates

    def usages(self) -> dict[str, Any]:
        """Returns the cores in use, and how many may be, a row for each VM family."""
        used: Counter[str] = Counter()
        for deployment in self._resources.deployments():
            family, cores = deployment.quota
            used[family] += cores
        root = (
            f"/subscriptions/{self._settings.subscription_id}/providers/"
            f"Microsoft.MachineLearningServices/locations/{self._settings.region}/usages"
        )
        return {
            "value": [
                {
                    "id": f"{root}/{family}",
                    "type": _USAGE_TYPE,
                    "unit": "Count",
                    "currentValue": used[family],
                    "limit": self._settings.quota_cores,
                    "name": {
                        "value": family,
                        "localizedValue": f"{family} Cluster Dedicated vCPUs",
                    },
                }
                for family in sorted({machine.family for machine in MACHINES.values()})
            ]
        }

    def metrics(self, endpoint: Endpoint, query: Mapping[str, str]) -> dict[str, Any]:
        """Returns the answer to one query for an endpoint's metrics.

        Args:
            endpoint: whose metrics.
            query: parameters of the URL.

        Raises:
            ServiceError: 400, for what Azure Monitor would not answer.
        """
        if query.get("metricnames", METRIC).lower() != METRIC.lower():
            raise bad_request(
                f"Failed to find metric configuration for metric: {query['metricnames']}. "
                f"Valid metrics: {METRIC}"
            )
        if query.get("aggregation", "Average").lower() != "average":
            raise bad_request(f"Aggregation {query['aggregation']!r} is not supported: Average.")
        start, end = _timespan(query.get("timespan"))
        self._check_interval(query.get("interval"))
        wanted = _filter(query.get("$filter"))
        top = int(query.get("top", _DEFAULT_TOP)) if wanted else 1
        series = list(self._rates.series(endpoint.name.lower(), start, end, wanted))[:top]
        span = "/".join(_text(at) for at in (start, end))
        return {
            "cost": 0,
            "timespan": span,
            "interval": self._interval,
            "namespace": NAMESPACE,
            "resourceregion": self._settings.region,
            "value": [self._metric(endpoint, [self._series(*s, start, end) for s in series])],
        }

    @property
    def _interval(self) -> str:
        seconds = self._rates.grain_seconds
        return "PT1M" if seconds == 60 else f"PT{seconds}S"

    def _check_interval(self, asked: str | None) -> None:
        if asked not in {None, self._interval}:
            known = f"supported ones are: {self._interval}"
            raise bad_request(f"Invalid time grain duration: {asked}, {known}")

    def _metric(self, endpoint: Endpoint, series: list[dict[str, Any]]) -> dict[str, Any]:
        resource = f"{workspace_id(self._settings, endpoint.workspace)}/onlineEndpoints"
        return {
            "id": f"{resource}/{endpoint.name}/providers/Microsoft.Insights/metrics/{METRIC}",
            "type": "Microsoft.Insights/metrics",
            "displayDescription": "The number of requests sent to online endpoint within a minute",
            "name": {"value": METRIC, "localizedValue": "Requests Per Minute"},
            "unit": "Count",
            "timeseries": series,
            "errorCode": "Success",
        }

    def _series(
        self, dimensions: dict[str, str], points: dict[int, int], start: int, end: int
    ) -> dict[str, Any]:
        names = [
            {"name": {"value": name.lower(), "localizedValue": name.lower()}, "value": value}
            for name, value in dimensions.items()
        ]
        grain = self._rates.grain_seconds
        first = start - start % grain
        times = range(first, end, grain)[-_MOST_POINTS:]
        data = [
            {"timeStamp": _text(at)} | ({"average": float(points[at])} if at in points else {})
            for at in times
        ]
        return {"metadatavalues": names, "data": data}


def _timespan(text: str | None) -> tuple[int, int]:
    if text is None:
        now = int(datetime.now(UTC).timestamp())
        return now - 3600, now  # Azure's default: the last hour
    try:
        start, end = (datetime.fromisoformat(part) for part in text.split("/"))
    except ValueError:
        raise bad_request(f"The timespan {text!r} is not start/end, both in ISO 8601.") from None
    if any(moment.tzinfo is None for moment in (start, end)) or start >= end:
        raise bad_request(f"The timespan {text!r} must have zones, and start before it ends.")
    return int(start.timestamp()), int(end.timestamp())


def _filter(text: str | None) -> dict[str, frozenset[str] | None]:
    """Reads a filter: `or` between values of one dimension, `and` between dimensions."""
    known = {name.lower(): name for name in DIMENSIONS}
    wanted: dict[str, frozenset[str] | None] = {}
    for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text else ():
        clauses = [_CLAUSE.fullmatch(one) for one in re.split(r"\s+or\s+", part)]
        names = {clause[1].lower() for clause in clauses if clause}
        if None in clauses or len(names) != 1 or not names <= set(known):
            raise bad_request(
                f"The filter {part!r} is invalid; give DIMENSION eq 'VALUE', with one of "
                f"{', '.join(DIMENSIONS)}."
            )
        values = frozenset(clause[2].lower() for clause in clauses if clause)
        wanted[known[names.pop()]] = None if "*" in values else values
    return wanted


def _text(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
