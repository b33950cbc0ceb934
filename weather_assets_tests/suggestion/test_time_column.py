"""Time and place: formats, steps, stations, composite years, and what is left open."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from weather_assets.contract.cells import ISO8601
from weather_assets.contract.columns import Timestamp
from weather_assets.contract.schema import SplitMethod
from weather_assets.suggestion.notes import Weight
from weather_assets.suggestion.proposal import Proposal
from weather_assets.suggestion.time_column import FORMATS, modal_step
from weather_assets_tests.suggestion.made_files import flags, hours, proposal, uniform

ROWS = 400


def made(**columns: Sequence[object]) -> Proposal:
    count = len(next(iter(columns.values())))
    return proposal({"temp_c": uniform(count, 0, 30), **columns, "rain": flags(count)})


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%Y-%m-%dT%H:%M:%SZ", ISO8601),
        ("%Y/%m/%d %H:%M", ISO8601),
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M"),
        ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"),
        ("%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M"),
        ("%Y%m%d%H", "%Y%m%d%H"),
        ("%Y%m%d%H%M", "%Y%m%d%H%M"),
        ("%Y-%m-%d %H", "%Y-%m-%d %H"),
    ],
)
def test_formats_are_told_by_the_cells(pattern: str, expected: str) -> None:
    time = made(time=hours(ROWS * 2, 1, pattern)).time
    assert time.formats == (expected,)
    assert time.is_usable
    steps = np.diff(time.seconds)
    assert set(steps.tolist()) == {3600.0}


@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_proposed_can_be_read(format_: str) -> None:
    assert Timestamp("time", format=format_).pattern


def test_day_and_month_are_told_by_the_order_of_rows() -> None:
    cells = [f"{day:02}/{month:02}/2020" for month in range(1, 13) for day in range(1, 13)]
    time = made(date=cells).time
    assert time.formats == ("%d/%m/%Y",)
    assert [note.weight for note in time.notes] == [Weight.UNSURE]


def test_days_that_could_be_months_are_left_open() -> None:
    cells = [f"{n:02}/{n:02}/20{year}" for year in range(10, 20) for n in range(1, 13)]
    found = made(date=cells)
    assert found.time.formats == ("%d/%m/%Y", "%m/%d/%Y")
    assert found.is_open


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("timestamp", [str(1_600_000_000 + 3600 * n) for n in range(ROWS)]),
        ("time", [f"Jan {n % 28 + 1}, 2020 {n % 12}:00 PM" for n in range(ROWS)]),
        ("date", [f"{n % 28 + 1}/{n % 12 + 1}/20 extra {n}" for n in range(ROWS)]),
    ],
)
def test_a_time_that_no_contract_can_read_is_left_open(name: str, cells: list[str]) -> None:
    found = made(**{name: cells})
    assert found.is_open
    assert found.time.column == name
    assert "cannot read" in found.time.notes[0].sentence


def test_a_time_over_two_columns_is_left_open() -> None:
    stamps = hours(ROWS, 1, "%Y-%m-%d %H:%M")
    found = made(date=[s[:10] for s in stamps], clock=[s[11:] for s in stamps])
    assert found.is_open
    assert "divided over 'date' and 'clock'" in found.time.notes[0].sentence


def test_without_a_time_rows_are_divided_by_a_hash_and_that_is_said() -> None:
    found = made(year=[2020] * ROWS, month=[n % 12 + 1 for n in range(ROWS)])
    assert found.split is SplitMethod.HASH
    assert found.station == ""
    said = [note.sentence for note in found.notes if note.subject == "[split]"]
    assert len(said) == 2
    assert any("'year', 'month' may be parts of a time" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("count", "step", "features"),
    [
        (400, 1, ("hour_of_day",)),
        (400, 24, ()),
        (800, 24, ("day_of_year",)),
        (6000, 3, ("hour_of_day", "day_of_year")),
    ],
)
def test_features_of_time_need_their_cycle(
    count: int, step: float, features: tuple[str, ...]
) -> None:
    assert made(time=hours(count, step)).features == features


def test_a_zone_that_is_not_said_is_doubted() -> None:
    subject = "[timestamp] timezone"
    local = made(time=hours(ROWS, 1, "%Y-%m-%d %H:%M")).notes
    assert [note.weight for note in local if note.subject == subject] == [Weight.UNSURE]
    for name, pattern in (("time", "%Y-%m-%dT%H:%MZ"), ("time_utc", "%Y-%m-%d %H:%M")):
        notes = made(**{name: hours(ROWS, 1, pattern)}).notes
        assert not [note for note in notes if note.subject == subject]


def test_rows_of_one_time_are_told_apart_by_the_station() -> None:
    time = [stamp for stamp in hours(ROWS) for _ in "AB"]
    for name, weights in (("station", []), ("who", [Weight.UNSURE])):
        found = made(time=time, **{name: list("AB") * ROWS})
        assert found.station == name
        assert [n.weight for n in found.notes if n.subject == "station"] == weights
        station = next(column for column in found.columns if column.name == name)
        assert station.required
        assert station.categories == ("A", "B")
    unknown = made(time=time)
    assert unknown.station == ""
    assert any(note.subject == "station" for note in unknown.notes)


def test_station_numbers_are_categories() -> None:
    time = [stamp for stamp in hours(ROWS) for _ in "AB"]
    found = made(time=time, station_id=["723170", "723171"] * ROWS)
    assert found.station == "station_id"


def test_months_of_different_years_are_a_composite_year() -> None:
    cells = [
        f"{1990 + (month * 7) % 12}-{month:02}-{day:02}T{hour:02}:00Z"
        for month in range(1, 13)
        for day in range(1, 29)
        for hour in range(0, 24, 6)
    ]
    found = made(time=cells)
    assert found.split is SplitMethod.DAY_OF_MONTH
    assert found.features == ("hour_of_day",)
    assert made(time=hours(13 * 30, 24)).split is SplitMethod.CHRONOLOGICAL


def test_steps_are_counted_within_a_group() -> None:
    seconds = np.repeat(np.arange(30, dtype=np.float64) * np.float64(600), 2)
    both = np.zeros(60, dtype=np.int64)
    step, share, repeated = modal_step(seconds, both)
    assert (step, share) == (600.0, 1.0)
    assert math.isclose(repeated, 30 / 59)
    assert modal_step(seconds, np.tile([0, 1], 30))[2] == 0
    assert modal_step(seconds[:5], both[:5])[0] is None
