"""Time features against Python's calendar."""

from datetime import UTC, datetime

import pytest
from pyspark.sql import SparkSession

from weather_assets.processing.features import with_features
from weather_assets_tests.processing.weather_files import AHEAD, UNTIMED

INSTANTS = [
    datetime(2020, 1, 1, tzinfo=UTC),
    datetime(2020, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(2021, 3, 28, 2, 30, tzinfo=UTC),
    datetime(1969, 2, 28, 13, 7, 9, tzinfo=UTC),
]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_hour_and_day_are_those_of_utc(spark: SparkSession, zone: str) -> None:
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        micros = [(int(instant.timestamp() * 1e6),) for instant in INSTANTS]
        rows = spark.createDataFrame(micros, "micros bigint")
        rows = rows.selectExpr("timestamp_micros(micros) AS time", "micros")
        found = with_features(rows, AHEAD).collect()
    finally:
        spark.conf.set("spark.sql.session.timeZone", "UTC")

    for row, instant in zip(found, INSTANTS, strict=True):
        second = instant.second + instant.microsecond / 1e6
        hour = instant.hour + instant.minute / 60 + second / 3600
        assert row.hour_of_day == pytest.approx(hour, abs=1e-9)
        assert row.day_of_year == pytest.approx(instant.timetuple().tm_yday + hour / 24, abs=1e-9)


def test_without_time_there_is_nothing_to_add(spark: SparkSession) -> None:
    rows = spark.range(1)

    assert with_features(rows, UNTIMED).columns == ["id"]
