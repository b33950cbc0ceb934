"""A processed row, sent back, is read as the features that it was processed to."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from weather_assets.contract.schema import Contract
from weather_assets.scoring.request_rows import request_row
from weather_assets.scoring.score import Scorer, Signature, respond
from weather_assets.scoring.signature import build_signature

LOCAL = [("%d.%m.%Y %H:%M:%S", zone) for zone in ("Europe/Berlin", "UTC+2", "-03:30")]
WHEN = datetime(2013, 7, 1, 6, 30, tzinfo=UTC)


@pytest.fixture
def processed() -> dict[str, object]:
    """A row as pyarrow hands it out, with columns that the pipeline added."""
    numbers = {"temp": 39.02, "dewp": 26.06, "humid": 59.37, "wind_dir": 270.0, "wind_speed": 10.5}
    more = {"wind_gust": None, "precip": 0.0, "pressure": math.nan, "visib": 10.0}
    added = {"hour_of_day": 6.5, "label_encoded": 0, "split": "test", "row_hash": 17}
    return {"time_hour": WHEN, "origin": "JFK", **numbers, **more, **added}


def test_a_processed_row_becomes_a_request_that_is_answered(
    nyc: Contract, processed: dict[str, object], scorer: Scorer
) -> None:
    row = request_row(nyc, processed)
    assert set(row) == set(scorer.signature.needed)
    assert row["wind_gust"] is None
    assert row["pressure"] is None
    assert row["time_hour"] == "2013-07-01T06:30:00Z"
    status, _ = respond(scorer, json.dumps({"rows": [row]}, allow_nan=False).encode())
    assert status == 200


@pytest.mark.parametrize(
    "when",
    [
        WHEN,
        WHEN.replace(tzinfo=None),
        WHEN.astimezone(timezone(timedelta(hours=-5))),
        WHEN.replace(microsecond=250_000),
    ],
)
@pytest.mark.parametrize(
    ("timestamp_format", "zone"),
    [("iso8601", "UTC"), ("iso8601", "Europe/Berlin"), *LOCAL],
)
def test_the_instant_survives_in_every_format(
    nyc: Contract, processed: dict[str, object], when: datetime, timestamp_format: str, zone: str
) -> None:
    assert nyc.timestamp is not None
    timestamp = replace(nyc.timestamp, format=timestamp_format, timezone=zone)
    contract = replace(nyc, timestamp=timestamp)
    row = request_row(contract, {**processed, "time_hour": when})
    signature = Signature.from_dict(
        build_signature(contract, threshold=0.5, model_name="rain", model_version="1")
    )
    assert signature.clock is not None
    whole = timestamp_format != "iso8601"
    expected = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    assert signature.clock.parse(row["time_hour"]) == (
        expected.replace(microsecond=0) if whole else expected
    )
