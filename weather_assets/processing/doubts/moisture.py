"""Temperature, dew point and humidity held against one another: two of them give the third.

Belongs here: the unit of temperatures in a file that has all three, which no bounds can tell (0 to
40 is likely in degF and in degC). Does not belong here: columns by themselves (`units`).
"""

from collections.abc import Mapping
from itertools import product

import numpy as np
import numpy.typing as npt

from weather_assets.contract.schema import Contract
from weather_assets.processing.doubts.units import MINIMUM_VALUES, TEMPERATURES, UnitFinding

_QUANTITIES = ("air_temperature", "dew_point_temperature", "relative_humidity")
_AGREE_PERCENT, _DISAGREE_PERCENT = 3.0, 6.0
"""Median difference of given and computed humidity: 0.3 % in the New York file as it is, 10 % with
both temperatures in degC, and more with one."""


def misfit_of_temperatures(
    contract: Contract, values: Mapping[str, npt.NDArray[np.float64]]
) -> tuple[UnitFinding, ...]:
    """Tells temperatures in another unit by the humidity that they imply.

    Args:
        contract: says which columns are the three quantities, and their units.
        values: by column, of every row, NaN where missing.

    Returns:
        One finding where the units of the contract contradict the humidity and others agree.
    """
    columns = [
        [column for column in contract.columns if column.quantity == quantity]
        for quantity in _QUANTITIES
    ]
    if any(len(found) != 1 for found in columns):
        return ()
    air, dew, humidity = (found[0] for found in columns)
    if air.unit not in TEMPERATURES or dew.unit not in TEMPERATURES or humidity.unit != "percent":
        return ()
    rows = np.column_stack([values[column.name] for column in (air, dew, humidity)])
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < MINIMUM_VALUES:
        return ()
    as_declared = _difference(rows, air.unit, dew.unit)
    if as_declared < _DISAGREE_PERCENT:
        return ()
    best, air_unit, dew_unit = min(
        (_difference(rows, *units), *units) for units in product(TEMPERATURES, repeat=2)
    )
    implied = _implied_humidity(rows, air_unit, dew_unit)
    # Where nothing varies (a constant humidity), a small difference is no agreement.
    varies = min(implied.std(), rows[:, 2].std()) > _AGREE_PERCENT
    if best > _AGREE_PERCENT or not varies:
        return ()
    wrong = [
        f"{column.name!r} is in {unit}, not in {column.unit}"
        for column, unit in ((air, air_unit), (dew, dew_unit))
        if unit != column.unit
    ]
    sentence = (
        f"the humidity that {air.name!r} and {dew.name!r} imply differs from {humidity.name!r} by "
        f"{as_declared:.1f} % (median), and by {best:.1f} % if {' and '.join(wrong)}. Convert the "
        "columns, or give their units and bounds in a contract.toml"
    )
    return (UnitFinding(air.name, is_certain=True, sentence=sentence),)


def _difference(rows: npt.NDArray[np.float64], air_unit: str, dew_unit: str) -> float:
    """Returns the median difference of given and implied relative humidity, in percent."""
    return float(np.median(np.abs(_implied_humidity(rows, air_unit, dew_unit) - rows[:, 2])))


def _implied_humidity(
    rows: npt.NDArray[np.float64], air_unit: str, dew_unit: str
) -> npt.NDArray[np.float64]:
    """Returns the relative humidity that air and dew point temperature imply, in percent.

    Magnus formula with the constants of Alduchov and Eskridge (1996), J. Appl. Meteorol. 35.
    """
    air, dew = (
        rows[:, index] * TEMPERATURES[unit][0] + TEMPERATURES[unit][1]
        for index, unit in enumerate((air_unit, dew_unit))
    )
    # Temperatures that are none (in a unit that is tried) must not overflow.
    air, dew = (np.clip(celsius, -100.0, 100.0) for celsius in (air, dew))
    return 100 * np.exp(17.625 * dew / (243.04 + dew) - 17.625 * air / (243.04 + air))
