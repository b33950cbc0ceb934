"""Columns: categories, and those that are left out with a reason."""

from collections.abc import Sequence

import pytest

from weather_assets.contract.columns import Kind
from weather_assets_tests.suggestion.made_files import flags, proposal, uniform

ROWS = 400


@pytest.mark.parametrize(
    ("name", "cells", "why", "is_sure"),
    [
        ("battery", uniform(ROWS, 11, 13), "of a quantity that its name does not tell", False),
        ("id", list(range(ROWS)), "it numbers the rows", True),
        ("anything", list(range(7, 7 + ROWS)), "it numbers the rows", True),
        ("month", [n % 12 + 1 for n in range(ROWS)], "a part of the time", True),
        ("latitude", uniform(ROWS, 40, 50), "where the station is", True),
        ("note", [f"text {n}" for n in range(ROWS)], "400 different texts", True),
        ("empty", [""] * ROWS, "it has no value", True),
        ("fixed", ["north"] * ROWS, "it is 'north' in every row", True),
        ("Split", ["a", "b"] * (ROWS // 2), "rename it", False),
        ("humidity", [f"{n % 90}%" for n in range(ROWS)], "numbers with units", False),
        ("dew", [f"{n % 20} C" for n in range(ROWS)], "numbers with units", False),
        ("height", [f"1,{n % 900 + 100}" for n in range(ROWS)], "separators", False),
    ],
)
def test_what_tells_nothing_is_left_out_with_a_reason(
    name: str, cells: Sequence[object], why: str, is_sure: bool
) -> None:
    found = proposal({"temp_c": uniform(ROWS, 0, 20), name: cells, "rain": flags(ROWS)})
    (out,) = found.ignored
    assert out.name == name
    assert why in out.why
    assert out.is_sure is is_sure


@pytest.mark.parametrize(
    ("name", "levels", "doubts"),
    [
        ("wind_dir", ["N", "E", "S", "W"], 0),
        ("clouds", ["CLR", "SCT", "OVC"], 0),
        ("weather_code", ["0", "3", "61"], 1),
        ("is_day", ["0", "1"], 1),
    ],
)
def test_levels_become_categories(name: str, levels: list[str], doubts: int) -> None:
    cells = [levels[n % len(levels)] for n in range(ROWS)]
    found = proposal({"temp_c": uniform(ROWS, 0, 20), name: cells, "rain": flags(ROWS)})
    column = next(each for each in found.columns if each.name == name)
    assert column.kind is Kind.CATEGORY
    assert column.categories == tuple(sorted(levels))
    assert len(column.notes) == doubts
