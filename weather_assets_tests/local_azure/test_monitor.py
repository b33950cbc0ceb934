"""Counts over time and cores in use, as Azure Monitor and the usages route show them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from weather_assets.foundation.azure_machines import MACHINES
from weather_assets.local_azure.arm.monitor import Monitor
from weather_assets.local_azure.azure.errors import LocalAzureError, ServiceError
from weather_assets.local_azure.azure.resources import Deployment, Endpoint, Resources
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.azure.state import Store
from weather_assets.local_azure.serving.request_rates import KEPT_GRAINS, RequestRates
from weather_assets_tests.local_azure.plain_client import MANAGEMENT, PlainClient

START = 1_700_000_040  # 2023-11-14T22:14:00Z, a full minute
SPAN = "2023-11-14T22:14:00Z/2023-11-14T22:17:00Z"
UNITS = {"Count", "Bytes", "Seconds", "CountPerSecond", "BytesPerSecond", "Percent", "MilliSeconds"}


class Clock:
    """A clock that tests set."""

    now = float(START)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> RequestRates:
    """Three minutes: 5 good and 2 bad by blue, none, 3 good by green and 1 by another endpoint."""
    made = RequestRates(60, clock=clock)
    for status, model_status in [(200, 200)] * 5 + [(424, 500), (408, None)]:
        made.add("rain/blue", status, model_status)
    clock.now += 125
    for key in ("rain/green", "rain/green", "rain/green", "snow/blue"):
        made.add(key, 200, 200)
    return made


@pytest.fixture
def resources(tmp_path: Path) -> Iterator[Resources]:
    store = Store(tmp_path / "state.sqlite")
    yield Resources(store)
    store.close()


@pytest.fixture
def settings() -> Settings:
    return Settings.generate(quota_cores=40)


def ask(monitor: Monitor, **query: str) -> dict[str, Any]:
    endpoint = Endpoint("Rain", "local-workspace", {"properties": {}})
    return monitor.metrics(
        endpoint, {"timespan": SPAN, "metricnames": "RequestsPerMinute", **query}
    )


def averages(answer: dict[str, Any]) -> dict[tuple[str, ...], list[float | None]]:
    (metric,) = answer["value"]
    return {
        tuple(part["value"] for part in series["metadatavalues"]): [
            point.get("average") for point in series["data"]
        ]
        for series in metric["timeseries"]
    }


def test_requests_are_counted_by_minute_and_dimension(
    settings: Settings, resources: Resources, rates: RequestRates
) -> None:
    monitor = Monitor(settings, resources, rates)
    assert averages(ask(monitor)) == {(): [7.0, None, 3.0]}
    by_class = "deployment eq 'blue' and statusCodeClass eq '*'"
    assert averages(ask(monitor, **{"$filter": by_class})) == {
        ("blue", "2xx"): [5.0, None, None],
        ("blue", "4xx"): [2.0, None, None],
    }
    either = "deployment eq 'BLUE' or deployment eq 'green' and modelStatusCode eq '200'"
    assert averages(ask(monitor, **{"$filter": either})) == {
        ("blue", "200"): [5.0, None, None],
        ("green", "200"): [None, None, 3.0],
    }
    nobody = ask(monitor, **{"$filter": "deployment eq 'red'"})
    assert nobody["value"][0]["timeseries"] == []


def test_the_answer_has_the_documented_shape(
    settings: Settings, resources: Resources, rates: RequestRates
) -> None:
    """As the definitions Response, Metric, TimeSeriesElement and MetricValue declare it."""
    answer = ask(Monitor(settings, resources, rates), **{"$filter": "deployment eq '*'"})
    assert set(answer) == {
        "cost", "timespan", "interval", "namespace", "resourceregion", "value",
    }  # fmt: skip
    assert (answer["timespan"], answer["interval"]) == (SPAN, "PT1M")
    (metric,) = answer["value"]
    assert {"id", "type", "name", "unit", "timeseries"} <= set(metric)
    assert metric["unit"] in UNITS
    assert metric["id"].endswith(
        "/onlineEndpoints/Rain/providers/Microsoft.Insights/metrics/RequestsPerMinute"
    )
    for series in metric["timeseries"]:
        assert set(series) == {"metadatavalues", "data"}
        assert all(
            set(part["name"]) == {"value", "localizedValue"} for part in series["metadatavalues"]
        )
        assert [point["timeStamp"] for point in series["data"]] == [
            "2023-11-14T22:14:00Z", "2023-11-14T22:15:00Z", "2023-11-14T22:16:00Z",
        ]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        {"metricnames": "Rainfall"},
        {"aggregation": "Total"},
        {"interval": "PT1S"},
        {"timespan": "yesterday"},
        {"timespan": "2023-11-14T22:14:00/2023-11-14T22:17:00"},
        {"timespan": "2023-11-14T22:17:00Z/2023-11-14T22:14:00Z"},
        {"$filter": "colour eq 'blue'"},
        {"$filter": "deployment = 'blue'"},
        {"$filter": "deployment eq 'blue' or statusCode eq '200'"},
    ],
    ids=str,
)
def test_what_azure_monitor_does_not_answer_is_refused(
    settings: Settings, resources: Resources, rates: RequestRates, query: dict[str, str]
) -> None:
    with pytest.raises(ServiceError) as caught:
        ask(Monitor(settings, resources, rates), **query)
    assert caught.value.status == 400


def test_counts_survive_a_restart_and_are_forgotten_after_a_day(
    clock: Clock, rates: RequestRates
) -> None:
    again = RequestRates(60, rates.to_document(), clock)
    assert list(again.series("rain", START, START + 180, {})) == list(
        rates.series("rain", START, START + 180, {})
    )
    clock.now += 60 * KEPT_GRAINS
    again.add("rain/blue", 200, 200)
    assert [points for _, points in again.series("rain", 0, int(clock.now) + 1, {})] == [
        {int(clock.now) // 60 * 60: 1}
    ]


def test_a_grain_no_interval_has_is_refused() -> None:
    with pytest.raises(LocalAzureError, match="metrics_grain_seconds is 0"):
        Settings.generate(metrics_grain_seconds=0)


def test_usages_say_how_many_cores_are_left(settings: Settings, resources: Resources) -> None:
    properties = {"instanceType": "standard_ds3_V2"}
    for name, instances in (("blue", 1), ("green", 2)):
        body = {"sku": {"capacity": instances}, "properties": properties}
        resources.save(Deployment(name, "rain", "first", body))
    rows = Monitor(settings, resources, RequestRates(60)).usages()["value"]
    assert {row["name"]["value"] for row in rows} == {m.family for m in MACHINES.values()}
    used = {row["name"]["value"]: row["currentValue"] for row in rows if row["currentValue"]}
    # Four cores each, of which ceil(1.2 x 1) = 2 and ceil(1.2 x 2) = 3 machines count.
    assert used == {"standardDSv2Family": 20}
    assert {row["limit"] for row in rows} == {40}


def test_both_are_served(azure: PlainClient) -> None:
    azure.wait(azure.put_endpoint("watched"))
    path = "/onlineEndpoints/watched/providers/Microsoft.Insights/metrics"
    asked = {"api-version": "2018-01-01", "metricnames": "RequestsPerMinute"}
    answer = azure.arm("GET", path, params=asked)
    assert (answer.status_code, answer.json()["value"][0]["unit"]) == (200, "Count")
    refused = azure.arm("GET", path, params={**asked, "interval": "PT7S"})
    assert refused.status_code == 400
    nowhere = azure.arm("GET", path.replace("watched", "unwatched"), params=asked)
    assert nowhere.status_code == 404
    azure.wait(azure.arm("DELETE", "/onlineEndpoints/watched"))

    subscription = azure.workspace.partition("/resourceGroups")[0]
    for region, other, status in (("localregion", "", 200), ("moon", "", 400), ("x", "x", 404)):
        url = f"{MANAGEMENT}{subscription}{other}/providers/Microsoft.MachineLearningServices"
        found = azure.arm("GET", f"{url}/locations/{region}/usages")
        assert found.status_code == status, found.text
