"""Generated raw rows, each as the text of a CSV line and as a JSON row with the same meaning.

Belongs here: strategies of hypothesis for the test of agreement, and its contract, which has every
kind of column. Does not belong here: what is done with the rows (`test_agreement`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from hypothesis import strategies as st

from weather_assets.contract.columns import Column, Kind, Timestamp
from weather_assets.contract.schema import Contract, Label, Split, SplitMethod

CONTRACT = Contract(
    name="every_kind",
    title="Every kind of column",
    columns=(
        # Numbers the rows, so that each can be found again.
        Column("serial", "row number", minimum=0, maximum=1e6, required=True),
        Column("station", "name", kind=Kind.CATEGORY, categories=("N 1", "S,2"), required=True),
        Column("temperature", "air_temperature", "degC", minimum=-90, maximum=60),
        Column("rainfall", "precipitation_amount", "mm", minimum=0, maximum=1825),
        Column("bearing", "wind_from_direction", "degree", Kind.CIRCULAR, 0, 360, 360),
        Column("phase", "phase of the tide", "h", Kind.CIRCULAR, -6.2, 6.2, 12.4),
        Column("sky", "weather type", kind=Kind.CATEGORY, categories=("sun", "Dunst", "雪")),
    ),
    label=Label("Rain", positive=("rain",), negative=("no rain",)),
    timestamp=Timestamp("when", timezone="Europe/Berlin", features=("hour_of_day", "day_of_year")),
    station="station",
    split=Split(SplitMethod.HASH),
    missing_markers=("NA", "-"),
)

YEAR = "<year>"
"""Stands in timestamps for a year of the row's own, which keeps instants apart."""

_BAD_NUMBERS = """
1,5|12 C|nan|NaN|inf|-Infinity|0x1F|1d|1_000|٣|+.5|5.|.|e5|1e5|1e999|-0|1e-400|--5|+-5|1e|999|0|1|
na|N/A|null|None|-90.0001|360.0000001|1e0|1 0|'5'|"5"|$5|5%|1.2.3|1e+2|1E2|+0|00012|.5e1|5f|1L|
"""
_BAD_NAMES = "sun|SUN|Sun |dunst|雪|n 1|N 1|N  1|S,2|rain|RAIN|No  Rain|dry|"
_BAD_TIMES = """
2013-02-30|2013-02-28|2012-02-29T24:00|2013-03-31T02:30|2013-10-27 02:30:00|2013-10-27T02:30+02:00|
1699-12-31|1700-01-01|2199-12-31T23:59:59.999999Z|2200-01-01|2013/3/1 4:05|2013-03/01|13-01-01|
2013-01-01T06:00:00+18:01|2013-01-01T06:00:00 +05:30|2013-01-01T06:60|2013-01-01T06:00:60|12:00|
2013-01-01T06|2013-01-01Z|20130101|01.02.2013|2013-01-01T06:00:00z|2013-01-01t06:00:00|2013-1-1|
2013-01-01T06:00:00.|2013-1-1 6:05:00 -0500|2013-01-01T06:00:00+5:30|2013-01-01 06:00:00 UTC|
2013-01-01T06:00:00.1234567891|2013-01-01T06:00:00Europe/Paris|2013-01-01  06:00|+2013-01-01|
"""
_MEASURED = ("temperature", "rainfall", "bearing", "phase", "sky")
_MISSING = ("", "  ", "NA", " - ")
_BLANKS = st.sampled_from(["", "", " ", "\t", "\u00a0 "])
_OFFSETS = ("", "Z", "+00:00", "-00:00", "+05:30", "-0330", "+14:00", "-12:00", "+18:00", "-1800")

Cell = tuple[str, object]
"""Text in the CSV file, and value in the JSON row."""


@dataclass(frozen=True)
class RawRow:
    """One row, twice.

    Attributes:
        cells: text of the CSV cell by column.
        values: the JSON row; None where only the text exists, because a cell may be bad.
    """

    cells: Mapping[str, str]
    values: Mapping[str, object] | None

    def numbered(self, serial: int) -> "RawRow":
        """Returns the row with its number, and its timestamp in a year of its own."""
        year = str(1700 + serial % 500)
        when = self.cells["when"].replace(YEAR, year)
        cells = {"serial": str(serial), **self.cells, "when": when}
        if self.values is None:
            return RawRow(cells, None)
        instant = str(self.values["when"]).replace(YEAR, year)
        return RawRow(cells, {"serial": serial, **self.values, "when": instant})


@st.composite
def valid_rows(draw: st.DrawFn) -> RawRow:
    """A row that every part of the platform must take."""
    drawn = {name: draw(strategy) for name, strategy in _cells().items()}
    if all(
        drawn[name][1] is None for name in ("temperature", "rainfall", "bearing", "phase", "sky")
    ):
        drawn["bearing"] = ("360", 360)
    cells = {name: text for name, (text, _) in drawn.items()}
    cells["Rain"] = draw(st.sampled_from(["rain", "no rain", " RAIN", "No  rain "]))
    return RawRow(cells, {name: value for name, (_, value) in drawn.items()})


@st.composite
def doubtful_rows(draw: st.DrawFn) -> RawRow:
    """A row of which one cell may be anything; who takes it must agree with the others."""
    cells = dict(draw(valid_rows()).cells)
    name = draw(
        st.sampled_from(["when", "when", *(column.name for column in CONTRACT.columns[1:])])
    )
    cells[name] = draw(_doubtful(name))
    return RawRow(cells, None)


@cache
def _cells() -> dict[str, st.SearchStrategy[Cell]]:
    """Returns a strategy of valid cells by column; strategies are costly to build."""
    strategies: dict[str, st.SearchStrategy[Cell]] = {}
    for column in CONTRACT.columns[1:]:
        if column.kind is Kind.CATEGORY:
            present = st.builds(_padded, st.sampled_from(column.categories), _BLANKS, _BLANKS)
        else:
            spelling = st.integers(0, 4)
            present = st.builds(_spelt, _numbers(column), spelling, _BLANKS, _BLANKS)
        absent = st.sampled_from([(text, None) for text in _MISSING])
        strategies[column.name] = (
            present if column.required else st.one_of(present, present, absent)
        )
    strategies["when"] = st.builds(_padded, _timestamps(), _BLANKS, _BLANKS)
    return strategies


@cache
def _doubtful(name: str) -> st.SearchStrategy[str]:
    listed = {"when": _BAD_TIMES, "station": _BAD_NAMES, "sky": _BAD_NAMES}.get(name, _BAD_NUMBERS)
    texts = listed.replace("\n", "").split("|")
    return st.sampled_from(texts) | st.text(st.characters(exclude_categories=["C"]), max_size=6)


def _numbers(column: Column) -> st.SearchStrategy[float]:
    assert column.minimum is not None
    assert column.maximum is not None
    ends = st.sampled_from([column.minimum, column.maximum, 0.0, 1e-300])
    inside = st.floats(column.minimum, column.maximum)
    whole = st.integers(int(column.minimum), int(column.maximum)).map(float)
    return st.one_of(ends, inside, whole)


def _spelt(number: float, spelling: int, before: str, after: str) -> Cell:
    whole = number == int(number)
    spellings = (
        repr(number),
        f"{number:.17e}",
        f"{number:+.17E}",
        str(int(number)) if whole else repr(number),
        f"{int(number)}." if whole else repr(number),
    )
    return before + spellings[spelling] + after, number


def _padded(text: str, before: str, after: str) -> Cell:
    return before + text + after, text


def _timestamps() -> st.SearchStrategy[str]:
    seconds = st.sampled_from(["", ":00", ":07", ":59", ":30.25", ":30.123456789"])
    return st.builds(
        _timestamp,
        st.sampled_from("-/"),
        st.integers(1, 12),
        st.integers(3, 28),  # offsets must not leave the year
        st.none() | st.integers(0, 23),
        st.integers(0, 59),
        seconds,
        st.sampled_from(_OFFSETS),
        st.sampled_from("T "),
    )


def _timestamp(
    dash: str,
    month: int,
    day: int,
    hour: int | None,
    minute: int,
    seconds: str,
    offset: str,
    separator: str,
) -> str:
    date = f"{YEAR}{dash}{month:02}{dash}{day:02}"
    if hour is None:
        return date
    if not offset:  # without an offset, no hour that a change of clocks may skip
        return f"{date}{separator}{4 + hour % 20}:{minute:02}{seconds}"
    return f"{date}{separator}{hour}:{minute:02}{seconds}{offset}"
