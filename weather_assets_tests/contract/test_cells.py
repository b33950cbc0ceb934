"""The grammar of a cell, against Python's own numbers, calendar and letters."""

import re
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import weather_assets
from weather_assets.contract.cells import (
    ISO8601,
    MISSING_WORDS,
    YEARS,
    decimal_mark,
    fold_header,
    has_thousands,
    has_unit,
    instant_of,
    is_number,
    normalise_label,
    number_of,
    timestamp_pattern,
    with_decimal_point,
    zone_of,
)


def instant(text: str, format_: str = ISO8601, zone: str = "UTC") -> datetime | None:
    match = timestamp_pattern(format_).fullmatch(text)
    return None if match is None else instant_of(match, zone_of(zone))


@given(st.text("0123456789+-.eE", max_size=8) | st.floats(allow_nan=False).map(repr))
@example("1e999")
def test_a_number_is_what_python_reads_of_plain_letters(text: str) -> None:
    try:
        expected = None if "inf" in text else float(text)
    except ValueError:
        expected = None
    assert number_of(text) == expected
    assert is_number(text) == (expected is not None)


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-Infinity", "0x1F", "1d", "1_000", "٣", "1,5", "5%", "1 0", " 1", "1\n"]
)
def test_other_spellings_are_no_numbers(text: str) -> None:
    assert number_of(text) is None


def test_what_is_refused_is_told_apart() -> None:
    assert [has_thousands(text) for text in ("1,234", "-1,234,567.8", "12,34", "1234")] == [
        *[True, True, False, False]
    ]
    assert [has_unit(text) for text in ("12 C", "5%", "3.5m/s", '0.1"', "12", "C 12")] == [
        *[True, True, True, True, False, False]
    ]


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["23,7", "1012", ""], ","),
        (["-0,125", "1,234"], ","),
        (["1032,379"], ","),
        (["1,5e3"], ","),
        (["1,234", "12"], "."),  # a thousand, or little more than one
        (["1,234,567", "2,5"], "."),
        (["1,234.5", "2,5"], "."),
        (["20.5", "2,5"], "."),
        ([".5", "2,5"], "."),
        (["5.", "2,5"], "."),  # a number with a point, though nothing stands behind it
        (["1.234,5", "2,5"], ","),  # the first is no number in either
        (["\u0661,\u0665", "12"], "."),  # no digits of ours
        (["rain, snow", "2;5"], "."),
        ([], "."),
    ],
)
def test_decimal_commas_are_told_where_they_can_be_nothing_else(
    cells: list[str], mark: str
) -> None:
    assert decimal_mark(cells) == mark


@given(st.lists(st.floats(-100, 2000).map(lambda value: f"{value:.2f}"), min_size=1))
def test_numbers_with_commas_are_the_numbers_with_points(numbers: list[str]) -> None:
    cells = [number.replace(".", ",") for number in numbers]
    assert decimal_mark(cells) == ","
    assert decimal_mark(numbers) == "."
    assert [with_decimal_point(cell) for cell in cells] == numbers
    # What is written the other way is no number, not another number.
    assert not any(is_number(with_decimal_point(number)) for number in numbers)


def test_arrow_trims_what_python_trims() -> None:
    letters = [chr(code) for code in range(1, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    padded = pa.array([f"{letter}x{letter}" for letter in letters])
    trimmed = pc.call_function("utf8_trim_whitespace", [padded]).to_pylist()
    assert trimmed == [f"{letter}x{letter}".strip() for letter in letters]


def test_spellings_are_compared_without_case_and_runs_of_blanks() -> None:
    assert normalise_label("  No \u00a0\u2003 RAIN\t") == "no rain"
    assert normalise_label("STRASSE") == normalise_label("straße")
    assert fold_header("\ufeff Wind Speed ") == "wind speed"
    assert {word.casefold() for word in MISSING_WORDS} == MISSING_WORDS


@pytest.mark.parametrize(
    ("format_", "text", "fits"),
    [
        (ISO8601, "2013-01-01", True),
        (ISO8601, "2013-1-1", True),
        (ISO8601, "2013/01/01", True),
        (ISO8601, "2013-01/01", False),
        (ISO8601, "2013-01-01T06:00", True),
        (ISO8601, "2013-01-01 06:00:00", True),
        (ISO8601, "2013-01-01T06:00:00.123456789Z", True),
        (ISO8601, "2013-01-01T06:00:00.Z", False),
        (ISO8601, "2013-01-01T06:00:00 +05:30", False),
        (ISO8601, "2013-01-01T06:00:00-1800", True),
        (ISO8601, "2013-01-01T06:00:00+18:01", False),
        (ISO8601, "2013-01-01T06:00:00+20:00", False),
        (ISO8601, "2013-01-01Z", False),
        (ISO8601, "2013-01-01T06", False),
        (ISO8601, " 2013-01-01", False),
        (ISO8601, "2013-01-01\n", False),
        (ISO8601, f"{YEARS[0] - 1}-12-31", False),
        (ISO8601, f"{YEARS[0]}-01-01", True),
        (ISO8601, f"{YEARS[1]}-12-31", True),
        (ISO8601, f"{YEARS[1] + 1}-01-01", False),
        (ISO8601, "٢013-01-01", False),
        ("%d.%m.%Y %H:%M", "1.2.2013 6:05", True),
        ("%d.%m.%Y %H:%M", "1.2.2013", False),
        ("%d.%m.%Y", "1x2x2013", False),
        ("%Y%m%d", "20130101", True),
        # What could be read in two ways is not read.
        ("%Y%m%d", "2013111", False),
        ("%d.%m.%Y %H%M", "1.2.2013 130", False),
        ("%d.%m.%Y %H%M", "1.2.2013 0130", True),
        ("%m5%d %Y", "1555 2013", False),
        ("%m5%d %Y", "01505 2013", True),
    ],
)
def test_timestamps_match_their_format(format_: str, text: str, fits: bool) -> None:
    assert bool(timestamp_pattern(format_).fullmatch(text)) is fits


@pytest.mark.parametrize("format_", ["%d.%m.%y", "%Y-%m", "%Y-%m-%d %Y", "%Y-%m-%d %", ""])
def test_formats_that_cannot_be_read_are_refused(format_: str) -> None:
    with pytest.raises(ValueError, match="format"):
        timestamp_pattern(format_)


@given(
    st.datetimes(datetime(1700, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001  its zone follows
    st.integers(-18 * 60, 18 * 60),
    st.sampled_from(["T", " "]),
)
def test_an_instant_is_pythons(moment: datetime, offset: int, mark: str) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert instant(there.isoformat(mark)) == there
    assert instant(moment.isoformat(mark)) == moment.replace(tzinfo=UTC)
    plain = moment.replace(microsecond=0)
    assert instant(plain.strftime("%S.%M.%H %Y%m%d"), "%S.%M.%H %Y%m%d") == plain.replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize("text", ["2013-02-30", "2012-01-01T24:00", "2012-01-01T12:60", "2013-0-1"])
def test_what_is_in_no_calendar_is_no_instant(text: str) -> None:
    assert instant(text) is None


def test_the_zone_holds_where_a_cell_names_no_offset() -> None:
    assert instant("2021-03-28T02:30", zone="Europe/Berlin") is None  # skipped
    assert instant("2021-03-28T03:00", zone="Europe/Berlin") == datetime(2021, 3, 28, 1, tzinfo=UTC)
    assert instant("2021-03-28T02:30Z", zone="Europe/Berlin") == datetime(
        2021, 3, 28, 2, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("name", "minutes"),
    [("UTC", 0), ("+02:00", 120), ("UTC-3", -180), ("GMT+0530", 330), ("-18:00", -1080)],
)
def test_zones_are_offsets(name: str, minutes: int) -> None:
    assert zone_of(name).utcoffset(None) == timedelta(minutes=minutes)


def test_zones_are_names() -> None:
    assert zone_of("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    for name in ("+18:01", "+02:60", "Atlantis", "", "../etc/passwd"):
        with pytest.raises(ValueError, match="is unknown; allowed are"):
            zone_of(name)


def test_patterns_of_numbers_and_timestamps_are_written_once() -> None:
    package = Path(weather_assets.__file__).parent
    copies = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\[eE\]|\[0-9\]\{+1,2|2\[01\]", path.read_text("utf-8"))
    ]
    assert copies == ["contract/cells.py"]
