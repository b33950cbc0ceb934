"""What the service itself counted and has left: requests of a deployment, cores of a VM family.

Belongs here: the two queries, and reading their answers. Does not belong here: what the numbers
mean for a rollout.

The metric RequestsPerMinute of an endpoint is split by deployment and class of status; its value at
a grain of one minute is the number of requests in that minute. Source: "Supported metrics for
Microsoft.MachineLearningServices/workspaces/onlineEndpoints", learn.microsoft.com. The
route is Metrics_List, 2018-01-01.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from weather_assets.adapters.azure.management import ResourceManager
from weather_assets.rollout.evidence import LiveCounts

AZURE_GRAIN_SECONDS = 60
METRIC = "RequestsPerMinute"
_API_VERSION = "2018-01-01"
_MOST_SERIES = 20  # by class of status there are five
_UNLIMITED = -1


def request_counts(
    manager: ResourceManager,
    endpoint_id: str,
    deployment: str,
    since: datetime,
    grain_seconds: int = AZURE_GRAIN_SECONDS,
) -> LiveCounts | None:
    """Returns the requests to a deployment since a moment, as Azure Monitor counted them.

    Counting begins with the first whole grain after `since`: what an earlier release of the same
    slot answered must not count. Azure shows a count up to three minutes late.

    Args:
        manager: asks.
        endpoint_id: the endpoint's id in Azure Resource Manager.
        deployment: its name.
        since: with a time zone.
        grain_seconds: interval of the counts; Azure's is a minute.

    Returns:
        The counts, or None where there are none yet.

    Raises:
        AzureError: if the query fails.
    """
    start = -(-since.timestamp() // grain_seconds) * grain_seconds
    end = datetime.now(UTC)
    if start >= end.timestamp():
        return None
    minute = grain_seconds == AZURE_GRAIN_SECONDS
    query = {
        "api-version": _API_VERSION,
        "metricnames": METRIC,
        "aggregation": "Average",
        "interval": "PT1M" if minute else f"PT{grain_seconds}S",
        "timespan": "/".join(map(_text, (datetime.fromtimestamp(start, UTC), _later(end)))),
        "$filter": f"deployment eq '{deployment}' and statusCodeClass eq '*'",
        "top": str(_MOST_SERIES),
    }
    return read_counts(manager.get(f"{endpoint_id}/providers/Microsoft.Insights/metrics", query))


def read_counts(document: Mapping[str, Any]) -> LiveCounts | None:
    """Returns the sum of an answer of Azure Monitor, None where it has no value.

    An answer whose class of status does not begin with 2 is an error.
    """
    requests, errors, found = 0.0, 0.0, False
    for metric in document["value"]:
        for series in metric["timeseries"]:
            status = next(
                str(part["value"])
                for part in series["metadatavalues"]
                if part["name"]["value"].lower() == "statuscodeclass"
            )
            values = [point["average"] for point in series["data"] if "average" in point]
            found = found or bool(values)
            requests += sum(values)
            errors += 0 if status.startswith("2") else sum(values)
    return LiveCounts(round(requests), round(errors)) if found else None


def cores_left(usages: Iterable[Any], family: str) -> int | None:
    """Returns the cores of a VM family that are not in use.

    Args:
        usages: rows of the SDK's `compute.list_usage`.
        family: such as standardDSv2Family.

    Returns:
        Cores left, or None where no row names the family or its number is unlimited.
    """
    for usage in usages:
        # azure-ai-ml 1.35 fills its entity with the names of the REST route, not those declared.
        facts = vars(usage)
        # The same family has a row for low-priority cores, which endpoints do not use.
        if not str(facts.get("type")).lower().endswith("/dedicatedcores/usages"):
            continue
        if _plain(facts["name"]["value"]) == _plain(family):
            limit, used = int(facts["limit"]), int(facts.get("currentValue", 0))
            return None if limit == _UNLIMITED else max(0, limit - used)
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _later(moment: datetime) -> datetime:
    """Returns the next whole second: the end of a time span is exclusive."""
    return moment.replace(microsecond=0) + timedelta(seconds=1)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
