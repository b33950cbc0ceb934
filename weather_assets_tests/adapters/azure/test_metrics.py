"""Reading what the service counted, and how many cores it has left."""

from types import SimpleNamespace
from typing import Any

import pytest

from weather_assets.adapters.azure.metrics import cores_left, read_counts
from weather_assets.rollout.evidence import LiveCounts

DEDICATED = "Microsoft.MachineLearningServices/vmFamily/dedicatedCores/usages"
LOW_PRIORITY = "Microsoft.MachineLearningServices/vmFamily/lowPriorityCores/usages"


def answer(**counts: list[float | None]) -> dict[str, Any]:
    """Returns an answer of Azure Monitor with points by class of status; None: no value."""
    series: list[dict[str, Any]] = []
    for status, values in counts.items():
        name = {"value": "statuscodeclass", "localizedValue": "statuscodeclass"}
        points = [
            {"timeStamp": "2023-11-14T22:14:00Z"} | ({} if value is None else {"average": value})
            for value in values
        ]
        dimension = {"name": name, "value": status.removeprefix("class_")}
        series.append({"metadatavalues": [dimension], "data": points})
    return {"value": [{"timeseries": series}]}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (answer(), None),
        (answer(class_2xx=[None, None]), None),
        (answer(class_2xx=[0.0]), LiveCounts(0, 0)),
        (answer(class_2xx=[3.0, None, 4.0], class_4xx=[1.0], class_5xx=[2.0]), LiveCounts(10, 3)),
        (answer(class_200=[5.0], class_424=[1.0]), LiveCounts(6, 1)),
    ],
)
def test_counts_are_summed_over_time_and_status(
    document: dict[str, Any], expected: LiveCounts | None
) -> None:
    assert read_counts(document) == expected


def usage(kind: str, name: str, used: int, limit: int) -> SimpleNamespace:
    return SimpleNamespace(type=kind, name={"value": name}, currentValue=used, limit=limit)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([usage(DEDICATED, "standardDSv2Family", 8, 24)], 16),
        ([usage(DEDICATED, "Standard DSv2 Family", 30, 24)], 0),
        ([usage(DEDICATED, "standardDSv2Family", 8, -1)], None),
        ([usage(LOW_PRIORITY, "standardDSv2Family", 8, 24)], None),
        ([usage(DEDICATED, "standardDSv3Family", 8, 24)], None),
        ([], None),
    ],
)
def test_cores_left_are_those_of_the_dedicated_family(
    rows: list[SimpleNamespace], expected: int | None
) -> None:
    assert cores_left(rows, "standardDSv2Family") == expected
