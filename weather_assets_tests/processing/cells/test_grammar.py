"""Readers of whole columns read what the grammar says of each cell."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weather_assets.contract.cells import (
    ISO8601,
    instant_of,
    normalise_label,
    number_of,
    timestamp_pattern,
)
from weather_assets.contract.columns import Column, Kind, Timestamp
from weather_assets.contract.schema import Contract, Label
from weather_assets.processing.cells.validation import fault_kinds, validate

CONTRACT = Contract(
    name="one of each",
    title="",
    columns=(
        Column("number", "anything", minimum=-1e300, maximum=1e300),
        Column("sky", "weather", kind=Kind.CATEGORY, categories=("clear", "Stra\u00dfe", "\u96ea")),
    ),
    label=Label("rain", positive=("rain", "Regen\u00df"), negative=("no rain",)),
    timestamp=Timestamp("time", timezone="Europe/Berlin"),
    missing_markers=("NA", "-9"),
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MISSING = st.sampled_from(["", "NA", "-9", "na", "-9.0"])
NUMBERS = (
    st.text("0123456789+-.eE,_x \u0663", max_size=7).map(str.strip)
    | st.floats().map(repr)
    | st.sampled_from(["1e999", "-1e999", "1e-999", "nan", "inf", "+5", "5.", ".5", "-0.0", "1_0"])
)
NAMES = st.sampled_from(["clear", "CLEAR", "Stra\u00dfe", "STRASSE", "\u96ea", "sun"])
LABELS = st.sampled_from(
    [
        "rain",
        "RAIN",
        "no  rain",
        "No\u2003Rain",
        "no\u00a0rain",
        "regenss",
        "REGEN\u00df",
        "drizzle",
    ]
)
TIMES = st.builds(
    lambda moment, written, errors: _damaged(moment.strftime(written), errors),
    st.datetimes(datetime(1890, 1, 1), datetime(2199, 12, 31)),  # noqa: DTZ001  local
    st.sampled_from(
        ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%dT%H:%M:%S.%f+01:30"]
    ),
    st.lists(st.tuples(st.integers(0, 25), st.sampled_from("0259 :-+Z")), max_size=1),
)


def _damaged(text: str, errors: list[tuple[int, str]]) -> str:
    for place, letter in errors:
        text = text[:place] + letter + text[place + 1 :]
    return text.strip()


def _instant(text: str) -> int | None:
    match = timestamp_pattern(ISO8601).fullmatch(text)
    assert CONTRACT.timestamp is not None
    found = None if match is None else instant_of(match, CONTRACT.timestamp.zone)
    return None if found is None else (found - EPOCH) // timedelta(microseconds=1)


def _event(text: str) -> int:
    label = CONTRACT.label
    spelled = {normalise_label(name): 1 for name in label.positive}
    spelled |= {normalise_label(name): 0 for name in label.negative}
    return spelled.get(normalise_label(text), -1)


@given(
    st.lists(
        st.tuples(TIMES | MISSING, NUMBERS | MISSING, NAMES | MISSING, LABELS | MISSING),
        min_size=1,
        max_size=30,
    )
)
@example([("2020-01-01", "1e999", "clear", "rain")])
@example([("2021-03-28 02:30", "5", "clear", "rain")] * 30)
@settings(max_examples=300, deadline=None)
def test_columns_are_read_as_cells(rows: list[tuple[str, str, str, str]]) -> None:
    times, numbers, names, labels = zip(*rows, strict=True)
    columns = {"time": times, "number": numbers, "sky": names, "rain": labels}
    cells = [pa.array(columns[name], pa.string()) for name in CONTRACT.header]

    found = validate(cells, CONTRACT)

    values = dict(zip(CONTRACT.header, (value.to_pylist() for value in found.values), strict=True))
    missing = CONTRACT.missing_texts
    assert values["time"] == [None if t in missing else _instant(t) for t in times]
    expected = [None if n in missing else number_of(n) for n in numbers]
    assert values["number"] == expected
    assert not any(np.signbit(n) for n in values["number"] if n == 0)
    categories = CONTRACT.column("sky").categories
    assert values["sky"] == [name if name in categories else None for name in names]
    spellings = {normalise_label(s): s for s in (*CONTRACT.label.positive, "no rain")}
    expected = [None if t in missing else spellings.get(normalise_label(t)) for t in labels]
    assert values["rain"] == expected
    assert found.events.tolist() == [-1 if text in missing else _event(text) for text in labels]
    kinds = fault_kinds(CONTRACT)
    for row, fault in zip(rows, found.faults.tolist(), strict=True):
        time, number, name, label = row
        is_valid = (
            time not in missing
            and _instant(time) is not None
            and (number in missing or abs(number_of(number) or 0.0) <= 1e300)
            and (number in missing or number_of(number) is not None)
            and (name in (*categories, *missing))
            and not (number in missing and name in missing)
            and label not in missing
            and _event(label) >= 0
        )
        assert (kinds[fault] is None) == is_valid, (row, kinds[fault])
