"""Which units the values of a column allow, and which of them would be nothing out of the ordinary.

Belongs here: values held against physics and climate. Does not belong here: the choice
(`unit_choice`), or the numbers of physics themselves (`weather_assets.contract.quantities`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from weather_assets.contract.agreement import humidity_differences
from weather_assets.contract.columns import DAYS_PER_YEAR
from weather_assets.contract.quantities import (
    HUMIDITY_AGREES_PERCENT,
    HUMIDITY_DISAGREES_PERCENT,
    MINIMUM_VALUES,
    POSSIBLE_YEAR_MM,
    QUANTITIES,
    TYPICAL_YEAR_MM,
    Quantity,
)
from weather_assets.suggestion.columns import Floats, Profile
from weather_assets.suggestion.names import PRECIPITATION, Meaning

_SECONDS_PER_YEAR = DAYS_PER_YEAR * 86_400
_SLACK = 0.03


@dataclass(frozen=True, slots=True)
class Measured:
    """A column of numbers whose quantity is known.

    Attributes:
        profile: its values.
        meaning: what its name says.
        quantity: what it measures.
    """

    profile: Profile
    meaning: Meaning
    quantity: Quantity

    @property
    def name(self) -> str:
        """Its header cell."""
        return self.profile.name


def precipitation_quantity(step_seconds: float | None) -> Quantity:
    """Returns precipitation in the time between two rows."""
    period = {3600.0: " in one hour", 86_400.0: " in one day"}.get(step_seconds or 0.0, "")
    return QUANTITIES[PRECIPITATION + period]


def possible_units(column: Measured, step_seconds: float | None) -> list[str]:
    """Returns the units in which nearly all values, and their median, are physically possible.

    Args:
        column: the column; must have values.
        step_seconds: from row to row at one station, where that is regular.
    """
    quantity = column.quantity
    if quantity.name == "cloud_area_fraction":
        return _cloud_units(column.profile)
    if quantity.name == "wind_from_direction":
        highest = float(np.abs(column.profile.observed).max())
        is_angle = highest > 2 * math.pi + 0.01 or column.profile.is_whole
        return ["degree"] if is_angle else ["radian", "degree"]
    if quantity.family == "precipitation":
        return [
            unit
            for unit in ("mm", "inch")
            if _yearly_within(column, unit, step_seconds, POSSIBLE_YEAR_MM)
        ]
    low, middle, high = column.profile.quantiles(0.01, 0.5, 0.99)
    lowest, highest = quantity.bounds
    slack = _SLACK * (highest - lowest)
    return [
        name
        for name, unit in quantity.units.items()
        if quantity.possible[0] <= unit.to_reference(middle) <= quantity.possible[1]
        and lowest - slack <= unit.to_reference(low)
        and unit.to_reference(high) <= highest + slack
    ]


def typical_units(
    column: Measured, possible: Sequence[str], step_seconds: float | None
) -> list[str]:
    """Returns those of the possible units in which the column is like most columns."""
    quantity = column.quantity
    if quantity.family == "precipitation":
        return _typical_depths(column, possible, step_seconds)
    if quantity.name == "cloud_area_fraction":
        return _typical_cloud_units(column.profile, possible)
    middle = float(np.median(column.profile.observed))
    lowest, highest = quantity.typical
    found = [
        unit for unit in possible if lowest <= quantity.units[unit].to_reference(middle) <= highest
    ]
    # Knots are reported whole; speeds with decimals are of another unit.
    return [unit for unit in found if unit != "knot" or column.profile.is_whole]


def temperatures_by_humidity(
    air: Measured, dew: Measured, humidity: Floats
) -> tuple[str, str] | None:
    """Returns the units of two temperatures that the humidity leaves no doubt about, or None.

    Args:
        air: air temperature.
        dew: dew point.
        humidity: relative humidity of the same rows in percent, NaN where missing.
    """
    rows = np.column_stack([air.profile.values, dew.profile.values, humidity])
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < MINIMUM_VALUES or rows[:, 2].std() < HUMIDITY_AGREES_PERCENT:
        return None
    differences = sorted(
        (float(np.median(humidity_differences(rows, air_unit, dew_unit))), (air_name, dew_name))
        for (air_name, air_unit), (dew_name, dew_unit) in product(
            air.quantity.units.items(), dew.quantity.units.items()
        )
    )
    (best, units), (second, _) = differences[:2]
    return units if best < HUMIDITY_AGREES_PERCENT and second > HUMIDITY_DISAGREES_PERCENT else None


def _cloud_units(profile: Profile) -> list[str]:
    highest = profile.quantiles(0.999)[0]
    if highest <= 1:
        return ["1"] if not profile.is_whole else ["1", "okta", "tenths", "percent"]
    if highest <= 9 and profile.is_whole:  # 9 is "sky obscured" in okta
        return ["okta", "tenths"]
    return ["tenths", "percent"] if highest <= 10 else ["percent"]


def _typical_cloud_units(profile: Profile, possible: Sequence[str]) -> list[str]:
    """Returns okta where many whole numbers end at 8: tenths would have had a 9 or a 10."""
    ends_at_eight = float(profile.observed.max()) == 8
    if "okta" in possible and ends_at_eight and len(profile.observed) >= MINIMUM_VALUES:
        return ["okta"]
    return list(possible)


def _yearly_within(
    column: Measured, unit: str, step_seconds: float | None, limits: tuple[float, float]
) -> bool:
    size = column.quantity.units[unit].factor
    if column.profile.quantiles(0.999)[0] * size > column.quantity.bounds[1]:
        return False
    if step_seconds is None or len(column.profile.observed) < MINIMUM_VALUES:
        return True
    yearly = float(column.profile.observed.mean()) * size * _SECONDS_PER_YEAR / step_seconds
    return limits[0] <= yearly <= limits[1] or yearly == 0


def _typical_depths(
    column: Measured, possible: Sequence[str], step_seconds: float | None
) -> list[str]:
    """Judges depths by their sum over a year, and by decimals: gauges read 0.01 in or 0.1 mm."""
    likely = [
        unit for unit in possible if _yearly_within(column, unit, step_seconds, TYPICAL_YEAR_MM)
    ]
    if len(likely) < 2:
        return likely
    tenths = column.profile.observed[column.profile.observed > 0] * 10
    fine = len(tenths) > 0 and float(np.mean(np.abs(tenths - np.round(tenths)) > 1e-6)) > 0.5
    return [unit for unit in likely if unit == ("inch" if fine else "mm")]
