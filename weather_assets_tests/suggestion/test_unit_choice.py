"""Units from names and values: chosen where one is left, doubted or left open where two are."""

from collections.abc import Sequence

import numpy as np
import pytest

from weather_assets.contract.columns import Kind
from weather_assets.suggestion.measurements import ProposedColumn
from weather_assets.suggestion.notes import Weight
from weather_assets_tests.suggestion.made_files import amounts, flags, hours, proposal, uniform

ROWS = 400


def column(name: str, values: Sequence[object], **others: Sequence[object]) -> ProposedColumn:
    found = proposal({name: values, **others, "Rain": flags(len(values))})
    return next(each for each in found.columns if each.name == name)


def weights(found: ProposedColumn) -> list[Weight]:
    return [note.weight for note in found.notes]


@pytest.mark.parametrize(
    ("name", "low", "high", "unit"),
    [
        ("temp_f", 10, 30, "degF"),
        ("Temperature (°C)", 10, 30, "degC"),
        ("temperature_2m", 20, 95, "degF"),
        ("temperature_2m", -20, 90, "degF"),
        ("temperature_2m", 255, 305, "K"),
        ("TempC", 10, 30, "degC"),
        ("tmpf", 30, 60, "degF"),
        ("barometer", 29.5, 30.5, "inHg"),
        ("Pressure", 99, 103, "kPa"),
        ("pres", 99_000, 103_000, "Pa"),
        ("mslp", 990, 1030, "hPa"),
        ("RH", 20, 100, "percent"),
        ("humidity", 0.2, 1, "1"),
        ("Clouds", 0, 100, "percent"),
        ("cloud cover", 0, 1, "1"),
        ("WindDir", 0, 360, "degree"),
        ("wind_speed_kmh", 0, 20, "km hour-1"),
        ("Wind Speed (m/s)", 0, 12, "m s-1"),
        ("WindSpeedMPH", 0, 20, "mile hour-1"),
        ("sknt", 0, 20, "knot"),
        ("MXSPD", 2, 49, "knot"),
        ("STP", 960, 1010, "hPa"),
        ("Druck hPa", 989, 1037, "hPa"),
        ("SNDP", 0, 20, "inch"),
        ("MAX", 10, 98, "degF"),
        ("Solar radiation", 0, 900, "W m-2"),
        ("visibility", 2_000, 40_000, "m"),
    ],
)
def test_names_or_values_settle_a_unit(name: str, low: float, high: float, unit: str) -> None:
    found = column(name, uniform(ROWS, low, high, digits=2))
    assert [bounds.unit for bounds in found.bounds] == [unit]
    assert weights(found) == []
    assert found.bounds[0].minimum < found.bounds[0].maximum
    assert found.reason
    assert found.source


def test_mild_temperatures_are_taken_as_celsius_and_doubted() -> None:
    found = column("temp", uniform(ROWS, 10, 30))
    assert found.bounds[0].unit == "degC"
    assert weights(found) == [Weight.UNSURE]
    assert "possible too: degF" in found.notes[0].sentence


def test_temperatures_that_fit_two_units_equally_are_left_open() -> None:
    found = column("temp", uniform(ROWS, 20, 40))
    assert {bounds.unit for bounds in found.bounds} == {"degC", "degF"}
    assert weights(found) == [Weight.OPEN]
    assert "possible in degC and in degF" in found.notes[0].sentence


def test_the_files_other_units_decide_between_two() -> None:
    speeds = uniform(ROWS, 3, 15)
    alone = column("wind", speeds)
    assert weights(alone) == [Weight.OPEN]
    for other, unit in (("temp_c", "km hour-1"), ("temp_f", "mile hour-1")):
        found = column("wind", speeds, **{other: uniform(ROWS, 25, 40)})
        assert found.bounds[0].unit == unit
        assert weights(found) == [Weight.UNSURE]


def test_two_metric_units_stay_open_in_a_metric_file() -> None:
    found = column("wind", uniform(ROWS, 0, 12), temp_c=uniform(ROWS, 5, 20))
    assert weights(found) == [Weight.OPEN]
    assert {"m s-1", "km hour-1"} <= {bounds.unit for bounds in found.bounds}


def test_other_units_against_what_is_typical_leave_it_open() -> None:
    found = column("temp", uniform(ROWS, 10, 30), wind_mph=uniform(ROWS, 0, 20))
    assert weights(found) == [Weight.OPEN]
    assert "other units are imperial" in found.notes[0].sentence


def test_a_name_that_the_values_contradict_is_left_open() -> None:
    found = column("temp_c", uniform(ROWS, 250, 300))
    assert weights(found) == [Weight.OPEN]
    assert [bounds.unit for bounds in found.bounds] == ["degC", "K"]


def test_values_that_fit_no_unit_are_left_open() -> None:
    found = column("humidity", uniform(ROWS, 3_000, 4_000))
    assert weights(found) == [Weight.OPEN]
    assert "fit none of its units" in found.notes[0].sentence


def test_converted_knots_tell_their_unit() -> None:
    knots = np.random.default_rng(0).integers(0, 30, ROWS)
    found = column("wind", [f"{speed * 1.150779:.5f}" for speed in knots])
    assert found.bounds[0].unit == "mile hour-1"
    assert weights(found) == []


def test_humidity_tells_the_unit_of_temperatures() -> None:
    celsius = np.array(uniform(ROWS, 0, 15, digits=3))
    dew = celsius - np.array(uniform(ROWS, 0, 8, digits=3, seed=1))
    humidity = 100 * np.exp(17.625 * dew / (243.04 + dew) - 17.625 * celsius / (243.04 + celsius))
    others = {"dewpoint": (dew * 1.8 + 32).tolist(), "rh": humidity.round(2).tolist()}
    found = column("temp", (celsius * 1.8 + 32).tolist(), **others)
    assert found.bounds[0].unit == "degF"
    assert weights(found) == []


@pytest.mark.parametrize(
    ("digits", "size", "unit"), [(1, 0.8, "mm"), (2, 0.05, "inch"), (2, 0.03, "inch")]
)
def test_sums_and_decimals_tell_the_unit_of_rain(digits: int, size: float, unit: str) -> None:
    rain = amounts(2_000, digits, size)
    found = column("precip", rain, time=hours(2_000))
    assert found.bounds[0].unit == unit
    assert found.quantity == "precipitation_amount in one hour"
    assert found.bounds[0].maximum == {"mm": 406, "inch": 16}[unit]


@pytest.mark.parametrize(
    ("low", "high", "minimum", "maximum"), [(0, 359, 0, 360), (-179, 179, -180, 180)]
)
def test_directions_are_circles(low: float, high: float, minimum: float, maximum: float) -> None:
    found = column("wind_direction", uniform(ROWS, low, high, digits=0))
    assert found.kind is Kind.CIRCULAR
    bounds = found.bounds[0]
    assert (bounds.minimum, bounds.maximum, bounds.period) == (minimum, maximum, 360)


def test_okta_and_tenths_are_told_by_the_end_of_the_scale() -> None:
    okta = np.random.default_rng(0).integers(0, 9, ROWS).tolist()
    found = column("cloud", okta)
    assert found.bounds[0].unit == "okta"
    assert "possible too: tenths" in found.notes[0].sentence
    up_to_nine = column("cloud", [*okta, 9, 9, 9])
    assert {bounds.unit for bounds in up_to_nine.bounds} == {"okta", "tenths"}
    assert column("cloud_okta", okta).bounds[0].unit == "okta"


def test_dirt_neither_changes_the_unit_nor_goes_unsaid() -> None:
    speeds: list[object] = [*uniform(ROWS, 0, 12), 1048.4, "calm"]
    found = column("wind_ms", speeds)
    assert found.bounds[0].unit == "m s-1"
    sentences = " ".join(note.sentence for note in found.notes)
    assert "'calm'" in sentences
    assert "(1048.4)" in sentences
