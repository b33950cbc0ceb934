"""The label: a flag before an amount before a type of weather, and what gives it away."""

from collections.abc import Sequence

import numpy as np
import pytest

from weather_assets.suggestion.notes import Weight
from weather_assets.suggestion.proposal import Proposal
from weather_assets_tests.suggestion.made_files import (
    amounts,
    flags,
    hours,
    proposal,
    uniform,
)

ROWS = 400


def made(**columns: Sequence[object]) -> Proposal:
    count = len(next(iter(columns.values())))
    return proposal({"temp_c": uniform(count, 0, 30), **columns})


def sentences(found: Proposal, subject: str) -> str:
    return " ".join(note.sentence for note in found.notes if note.subject == subject)


@pytest.mark.parametrize(
    ("wet", "dry"),
    [
        ("rain", "no rain"),
        ("Yes", "No"),
        ("1", "0"),
        ("True", "False"),
        ("wet", "dry"),
        ("Rain", "Sun"),
        ("y", "n"),
        ("NoRain", "Rain")[::-1],
    ],
)
def test_spellings_are_told_apart(wet: str, dry: str) -> None:
    label = made(Rainy=flags(ROWS, wet, dry)).label
    assert (label.column, label.positive, label.negative) == ("Rainy", (wet,), (dry,))
    assert [note for note in label.notes if note.weight is not Weight.SAID] == []


def test_spellings_that_say_nothing_are_left_open() -> None:
    found = made(rain_flag=flags(ROWS, "A", "B"))
    assert found.is_open
    assert "which of" in found.label.notes[0].sentence


def test_one_spelling_that_is_known_names_the_other_with_a_doubt() -> None:
    label = made(rain_flag=flags(ROWS, "yes", "perhaps")).label
    assert (label.positive, label.negative) == (("yes",), ("perhaps",))
    assert label.notes[0].weight is Weight.UNSURE


def test_snow_and_missing_labels_are_doubted() -> None:
    kinds = ["rain", "snow", "", "rain"] * 100
    label = made(precip_type=kinds).label
    assert (label.positive, label.negative) == (("rain",), ("snow",))
    assert [note.weight for note in label.notes] == [Weight.UNSURE] * 2
    assert "100 rows have no label" in label.notes[1].sentence


def test_a_flag_of_one_value_is_left_open() -> None:
    found = made(rain=["no"] * ROWS)
    assert found.is_open
    assert "one value only" in found.label.notes[0].sentence


def test_without_any_label_the_table_is_left_open() -> None:
    found = made(humidity=uniform(ROWS, 20, 90), is_day=flags(ROWS, "d", "n"))
    assert found.is_open
    assert found.label.column == ""
    assert "two values have 'is_day'" in found.label.notes[0].sentence


@pytest.mark.parametrize(
    ("step", "lead", "event"),
    [
        (1, "1h", "precipitation in the next hour"),
        (24, "1d", "precipitation tomorrow"),
        (3, "3h", "precipitation 3h ahead"),
        (0.25, "1h", "precipitation in the next hour"),
        (0.75, "45min", "precipitation 45min ahead"),
    ],
)
def test_an_amount_in_regular_steps_is_forecast_one_step_ahead(
    step: float, lead: str, event: str
) -> None:
    found = made(time=hours(ROWS, step), rain_mm=amounts(ROWS))
    assert (found.label.column, found.label.threshold) == ("rain_mm", 0.0)
    assert (found.label.lead, found.label.event) == (lead, event)
    assert [column.name for column in found.columns if column.leak] == []


def test_an_amount_without_regular_steps_is_no_feature() -> None:
    for extra in (
        {},
        {"time": np.random.default_rng(0).permutation(hours(ROWS * 9))[:ROWS].tolist()},
    ):
        found = made(**extra, rain_mm=amounts(ROWS))
        assert found.label.lead == ""
        assert [column.name for column in found.columns if column.leak] == ["rain_mm"]


def test_an_amount_beside_a_flag_of_the_same_hour_is_a_leak() -> None:
    rain = amounts(ROWS)
    flag = ["yes" if amount > 0.15 else "no" for amount in rain]
    flag[:20] = ["no"] * 20
    found = made(rain_flag=flag, precip_mm=rain)
    assert found.label.column == "rain_flag"
    assert [column.name for column in found.columns if column.leak] == ["precip_mm"]
    assert "feature = false" in sentences(found, "[columns.precip_mm]")


def test_an_amount_of_today_is_no_leak_for_tomorrow() -> None:
    rain = amounts(ROWS)
    today = ["Yes" if amount > 0 else "No" for amount in rain]
    tomorrow = [*today[1:], "No"]
    risk = [*rain[1:], 0.0]
    columns = {"Rainfall_mm": rain, "RainToday": today, "RISK_MM": risk, "RainTomorrow": tomorrow}
    found = made(Date=hours(ROWS, 24, "%Y-%m-%d"), **columns)
    assert found.label.column == "RainTomorrow"
    assert {c.name: bool(c.leak) for c in found.columns if c.name.startswith("Rain")} == {
        "Rainfall_mm": False,
        "RainToday": False,
    }
    (risk_mm,) = found.ignored
    assert "beware: by itself it tells rows" in risk_mm.why


def test_a_column_that_separates_the_label_is_a_leak() -> None:
    flag = flags(ROWS)
    humidity = [90.0 if wet == "yes" else 40.0 for wet in flag]
    found = made(rain=flag, humidity=np.add(humidity, uniform(ROWS, 0, 9)).tolist(), umbrella=flag)
    assert [c.name for c in found.columns if c.leak] == ["humidity", "umbrella"]


def test_a_column_that_knows_the_next_hour_is_a_leak() -> None:
    rain = amounts(ROWS)
    ahead = [100 * (amount > 0) for amount in rain[1:]] + [0]
    noise = uniform(ROWS, 0, 3)
    found = made(time=hours(ROWS), rain_mm=rain, humidity=(np.add(noise, ahead) * 0.9).tolist())
    assert [c.name for c in found.columns if c.leak] == ["humidity"]


def test_types_of_weather_are_a_label_where_there_is_nothing_else() -> None:
    kinds = ["Sunny", "Heavy rain", "Snow", "Fog", "Drizzle"] * 80
    found = made(weather=kinds)
    assert found.label.positive == ("Heavy rain", "Snow", "Drizzle")
    assert found.label.negative == ("Sunny", "Fog")
    assert "types of weather" in sentences(found, "[label]")


def test_other_candidates_are_named() -> None:
    found = made(time=hours(ROWS), rain_flag=flags(ROWS), precip_mm=amounts(ROWS))
    assert "'precip_mm' could be the label instead" in sentences(found, "[label]")
