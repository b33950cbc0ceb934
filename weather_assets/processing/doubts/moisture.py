"""Temperature, dew point and humidity held against one another: two of them give the third.

Belongs here: the unit of temperatures in a file that has all three, which no bounds can tell (0 to
40 is likely in degF and in degC). Does not belong here: columns by themselves (`units`).
"""

from collections.abc import Mapping
from itertools import product

import numpy as np
import numpy.typing as npt

from weather_assets.contract.agreement import humidity_differences
from weather_assets.contract.quantities import (
    HUMIDITY_AGREES_PERCENT,
    HUMIDITY_DISAGREES_PERCENT,
    MINIMUM_VALUES,
    QUANTITIES,
    implied_humidity_percent,
)
from weather_assets.contract.schema import Contract
from weather_assets.processing.doubts.units import UnitFinding

_NAMES = ("air_temperature", "dew_point_temperature", "relative_humidity")
_TEMPERATURES = QUANTITIES[_NAMES[0]].units


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
    columns = [column for column in contract.columns if column.quantity in _NAMES]
    columns.sort(key=lambda column: _NAMES.index(column.quantity))
    if tuple(column.quantity for column in columns) != _NAMES:
        return ()
    air, dew, humidity = columns
    units = [QUANTITIES[column.quantity].unit_called(column.unit) for column in columns]
    if not all(units):
        return ()
    rows = np.column_stack([values[column.name] for column in columns])
    rows[:, 2] *= QUANTITIES[humidity.quantity].units[units[2]].factor
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < MINIMUM_VALUES:
        return ()
    as_declared = _typical_difference(rows, units[0], units[1])
    if as_declared < HUMIDITY_DISAGREES_PERCENT:
        return ()
    best, air_unit, dew_unit = min(
        (_typical_difference(rows, *pair), *pair) for pair in product(_TEMPERATURES, repeat=2)
    )
    scales = (_TEMPERATURES[air_unit], _TEMPERATURES[dew_unit])
    implied = implied_humidity_percent(rows[:, 0], rows[:, 1], scales)
    # Where nothing varies (a constant humidity), a small difference is no agreement.
    varies = min(implied.std(), rows[:, 2].std()) > HUMIDITY_AGREES_PERCENT
    if best > HUMIDITY_AGREES_PERCENT or not varies:
        return ()
    wrong = [
        f"{column.name!r} is in {unit}, not in {column.unit}"
        for column, unit, own in zip((air, dew), (air_unit, dew_unit), units[:2], strict=True)
        if unit != own
    ]
    sentence = (
        f"the humidity that {air.name!r} and {dew.name!r} imply differs from {humidity.name!r} by "
        f"{as_declared:.1f} % (median), and by {best:.1f} % if {' and '.join(wrong)}. Convert the "
        "columns, or give their units and bounds in a contract.toml"
    )
    return (UnitFinding(air.name, is_certain=True, sentence=sentence),)


def _typical_difference(rows: npt.NDArray[np.float64], air_unit: str, dew_unit: str) -> float:
    scales = (_TEMPERATURES[air_unit], _TEMPERATURES[dew_unit])
    return float(np.median(humidity_differences(rows, *scales)))
