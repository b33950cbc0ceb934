"""Time features against Python's calendar, and those of the endpoint."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.processing.cells.features import time_feature
from weather_assets.scoring.score import Clock

NAMES = ("hour_of_day", "day_of_year")
CLOCK = Clock("time", "", "UTC", NAMES, "")
INSTANTS = [
    datetime(2020, 1, 1, tzinfo=UTC),
    datetime(2020, 12, 31, 23, 59, 59, 999_999, UTC),
    datetime(2021, 3, 28, 2, 30, tzinfo=UTC),
    datetime(1969, 2, 28, 13, 7, 9, tzinfo=UTC),
]


def features_of(instants: list[datetime]) -> list[list[float]]:
    """Returns hour and day of each instant."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    times = np.array([(each - epoch) // timedelta(microseconds=1) for each in instants], np.int64)
    return np.array([time_feature(name, times) for name in NAMES]).T.tolist()


def test_hour_and_day_are_those_of_utc() -> None:
    for (hour, day), instant in zip(features_of(INSTANTS), INSTANTS, strict=True):
        second = instant.second + instant.microsecond / 1e6
        expected = instant.hour + instant.minute / 60 + second / 3600
        assert hour == pytest.approx(expected, abs=1e-9)
        assert day == pytest.approx(instant.timetuple().tm_yday + expected / 24, abs=1e-9)


@given(st.datetimes(datetime(1700, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001  hypothesis wants them so
def test_the_endpoint_measures_the_same_to_the_last_bit(instant: datetime) -> None:
    assert features_of([instant]) == [CLOCK.measure(instant)]
