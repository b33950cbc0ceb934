"""Readings that moved are named, and weather as in other years is not."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import lfilter

from weather_assets.contract.columns import Feature, Kind
from weather_assets.monitoring.drift import RECENT_DAYS, Reading, compare_seasons, in_words
from weather_assets.monitoring.pictures import draw_readings

Floats = npt.NDArray[np.float64]
FEATURES = (
    Feature("temperature", Kind.NUMERIC, "degC"),
    Feature("humidity", Kind.NUMERIC, "percent"),
    Feature("bearing", Kind.CIRCULAR, "degree", period=360.0),
    Feature("sky", Kind.CATEGORY, "1", categories=("clear", "cloudy", "fog")),
)
YEARS = 6


def weather(seed: int = 0, years: float = YEARS) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Returns four readings a day that resemble those of the day before, with a season."""
    random = np.random.default_rng(seed)
    days = np.arange(int(years * 365.25))
    season = 10.0 * np.sin(2 * np.pi * days / 365.25)
    fronts = lfilter([1.0], [1.0, -0.6], random.normal(size=(3, len(days))))
    temperature, humidity, turn = np.asarray(fronts)
    columns = [
        12.0 + season + 4.0 * temperature,
        60.0 - season + 8.0 * humidity,
        (250.0 + 40.0 * turn) % 360.0,
        random.choice(3, len(days), p=[0.5, 0.4, 0.1]).astype(np.float64),
    ]
    return np.column_stack(columns), days


def moved(values: Floats, days: npt.NDArray[np.int64]) -> list[str]:
    found = compare_seasons(values, days, FEATURES)
    assert found
    return [reading.name for reading in found if reading.has_moved]


def test_weather_as_in_other_years_is_seldom_called_a_move() -> None:
    alarms = [bool(moved(*weather(seed))) for seed in range(60)]
    assert np.mean(alarms) <= 0.2


@pytest.mark.parametrize(
    ("column", "change", "name"),
    [
        (0, lambda values: values + 20.0, "temperature"),
        (1, lambda values: values * 0.3, "humidity"),
        (1, lambda values: np.full_like(values, np.nan), "missing values of humidity"),
        (2, lambda values: (values + 180.0) % 360.0, "bearing"),
        (3, lambda values: np.full_like(values, 2.0), "sky"),
    ],
)
def test_what_moved_is_named(column: int, change: Callable[[Floats], Floats], name: str) -> None:
    values, days = weather()
    values[-RECENT_DAYS:, column] = change(values[-RECENT_DAYS:, column])
    assert name in moved(values, days)


def test_it_is_said_what_a_reading_is_now_and_was_before() -> None:
    values, days = weather()
    values[-RECENT_DAYS:, 0] = 35.0
    values[-RECENT_DAYS:, 3] = 2.0
    said = {each.name: in_words(each) for each in compare_seasons(values, days, FEATURES)}
    assert said["temperature"].startswith("temperature: 35, in this season before ")
    assert said["sky"] == "sky: fog, in this season before clear"
    assert 200 < float(said["bearing"].split()[1].rstrip(",")) < 300, "around 250 degrees"


def test_a_season_that_was_seen_once_or_twice_tells_nothing() -> None:
    assert compare_seasons(*weather(years=1.2), FEATURES) == ()
    assert compare_seasons(*weather(years=0.1), FEATURES) == ()
    assert compare_seasons(*weather(years=2.5), FEATURES)


def test_a_reading_that_never_changes_has_not_moved() -> None:
    values, days = weather()
    values[:, 1] = 50.0
    assert "humidity" not in moved(values, days)


def test_the_picture_has_every_reading() -> None:
    found: Sequence[Reading] = compare_seasons(*weather(), FEATURES)
    assert draw_readings(found).startswith(b"\x89PNG")
