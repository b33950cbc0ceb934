"""Whole columns in another unit than the contract says, told by where their values lie.

Belongs here: units of the quantities that weather files have, and where the middle of a real column
lies. Does not belong here: bounds of single values (the contract has them), or what becomes of a
finding (`gates`).

Only what physics rules out is certain. What is merely unusual (a mean wind of 0.7 m/s may be a
sheltered garden) is a warning.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from weather_assets.contract.schema import Column, Contract, Kind
from weather_assets.contract.statistics import FeatureStatistics, TrainingStatistics
from weather_assets.processing.parts.accounting import Counts

MINIMUM_VALUES = 50
"""Fewer values than this may all be unusual."""

_SHARE_OUT_OF_BOUNDS, _SHARE_TOO_HIGH = 0.03, 0.2
_DIFFERENT_VALUES = 5
_SHARE_EXPLAINED = 0.95


@dataclass(frozen=True, slots=True)
class UnitFinding:
    """A column whose values do not look like its unit.

    Attributes:
        column: its name.
        is_certain: whether the values cannot be what the contract says.
        sentence: what was found, what is usual, which unit would fit, and what to do.
    """

    column: str
    is_certain: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class _Quantity:
    """One quantity in one reference unit.

    Attributes:
        units: by unit, factor and offset that lead to the reference unit.
        lowest: a column's median is not below this, in the reference unit.
        highest: a column's median is not above this.
        is_certain: whether a median outside is impossible, not just unusual.
    """

    units: Mapping[str, tuple[float, float]]
    lowest: float
    highest: float
    is_certain: bool = True


TEMPERATURES: Mapping[str, tuple[float, float]] = {
    "degC": (1.0, 0.0),
    "degF": (5 / 9, -160 / 9),
    "K": (1.0, -273.15),
}
"""By unit, factor and offset that lead to degrees Celsius."""

_SPEEDS = {
    "m s-1": (1.0, 0.0),
    "km hour-1": (1 / 3.6, 0.0),
    "mile hour-1": (0.44704, 0.0),
    "knot": (0.514444, 0.0),
}
_PRESSURES = {
    "hPa": (1.0, 0.0),
    "Pa": (0.01, 0.0),
    "kPa": (10.0, 0.0),
    "inHg": (33.8639, 0.0),
    "mmHg": (1.333224, 0.0),
}
_SHARES = {"percent": (1.0, 0.0), "fraction (0 to 1)": (100.0, 0.0)}
_LENGTHS = {"mile": (1609.344, 0.0), "km": (1000.0, 0.0), "m": (1.0, 0.0)}
_QUANTITIES: Mapping[str, _Quantity] = {
    # The hottest month on record anywhere has a mean of 42.5 degC (Death Valley, July 2018).
    "air_temperature": _Quantity(TEMPERATURES, -70, 45),
    "dew_point_temperature": _Quantity(TEMPERATURES, -80, 33),
    # The driest deserts have monthly means of about 10 %.
    "relative_humidity": _Quantity(_SHARES, 2, 100),
    "wind_speed": _Quantity(_SPEEDS, 0.8, 20, is_certain=False),
    "wind_speed_of_gust": _Quantity(_SPEEDS, 2, 40, is_certain=False),
    # At sea level anywhere. Surface stations lie up to 5,100 m high (about 540 hPa), but few above
    # 2,000 m (795 hPa), where values in mmHg would lie.
    "air_pressure_at_mean_sea_level": _Quantity(_PRESSURES, 950, 1060),
    "surface_air_pressure": _Quantity(_PRESSURES, 795, 1060, is_certain=False),
    "visibility_in_air": _Quantity(_LENGTHS, 50, 160_000, is_certain=False),
}
_KNOT_STEPS = {"m s-1": 0.514444, "km hour-1": 1.852, "mile hour-1": 1.150779}
# Mawsynram, the wettest place: 11,871 mm a year.
_WETTEST_MEAN = {"one hour": 1.354, "one day": 32.5}
_MILLIMETRES = {"mm": 1.0, "inch": 25.4}
_ADVICE = "Convert the column, or give its unit and bounds in a contract.toml"


def misfits_in_bounds(
    contract: Contract, statistics: TrainingStatistics
) -> tuple[UnitFinding, ...]:
    """Returns columns whose valid values do not look like their unit.

    Args:
        contract: quantities and units.
        statistics: of the training rows.
    """
    by_name = {feature.name: feature for feature in statistics.features}
    findings: list[UnitFinding] = []
    for column in contract.columns:
        found = by_name.get(column.name)
        if found is None or found.count < MINIMUM_VALUES or column.kind is Kind.CATEGORY:
            continue
        finding = (
            _by_extremes(column, found) or _by_median(column, found) or _by_rain(column, found)
        )
        if finding is not None:
            findings.append(finding)
    return tuple(findings)


def misfits_out_of_bounds(
    contract: Contract,
    outside: Mapping[str, Sequence[float]],
    counts: Counts,
    rows_in: int,
) -> tuple[UnitFinding, ...]:
    """Returns columns of which many values lie outside the bounds and would fit another unit.

    Args:
        contract: quantities, units and bounds.
        outside: by column, values that lie outside.
        counts: rejected rows by column.
        rows_in: all rows.
    """
    findings: list[UnitFinding] = []
    for column in contract.columns:
        values = outside.get(column.name, ())
        rejected = counts.rejected_by_column.get(column.name, 0)
        # A sentinel is one value, a unit makes many.
        if (
            rejected < max(_DIFFERENT_VALUES, _SHARE_OUT_OF_BOUNDS * rows_in)
            or len(set(values)) < _DIFFERENT_VALUES
        ):
            continue
        fitting = _fitting_units(column, values)
        if fitting:
            sentence = (
                f"column {column.name!r}: {rejected} of {rows_in} rows were set aside for it, with "
                f"values around {median(values):g}, which is outside {column.minimum:g} to "
                f"{column.maximum:g} {column.unit}, but fits {' or '.join(fitting)}. {_ADVICE}"
            )
            is_certain = rejected > _SHARE_TOO_HIGH * rows_in
            findings.append(UnitFinding(column.name, is_certain, sentence))
    return tuple(findings)


def knots_in_another_unit(column: Column, values: Sequence[float]) -> UnitFinding | None:
    """Tells the unit of wind speeds that were reported in whole knots and converted.

    Airports report whole knots. Converted, these are multiples of a number that tells the unit.

    Args:
        column: a wind speed.
        values: its different values, those of at least `MINIMUM_VALUES` rows.
    """
    positive = [value for value in values if value > 0]
    fine = sum(1 for value in positive if not float(value * 10).is_integer())
    if column.unit not in _KNOT_STEPS or len(positive) < 8 or fine < len(positive) / 2:
        return None
    for unit, step in _KNOT_STEPS.items():
        steps = [value / step for value in positive]
        on_steps = sum(1 for number in steps if abs(number - round(number)) < 0.01)
        if on_steps < _SHARE_EXPLAINED * len(positive):
            continue
        if unit == column.unit:
            return None
        sentence = (
            f"column {column.name!r}: nearly all values are multiples of {step:g}, which is one "
            f"knot in {unit}, not in {column.unit}. {_ADVICE}"
        )
        return UnitFinding(column.name, is_certain=True, sentence=sentence)
    return None


def _by_median(column: Column, found: FeatureStatistics) -> UnitFinding | None:
    quantity = _QUANTITIES.get(column.quantity.split(",")[0])
    if quantity is None or column.unit not in quantity.units or not found.quantiles:
        return None
    middle = found.quantiles[len(found.quantiles) // 2]
    factor, offset = quantity.units[column.unit]
    if quantity.lowest <= middle * factor + offset <= quantity.highest:
        return _too_cold(column, found, quantity)
    fitting = [
        unit
        for unit, (scale, shift) in quantity.units.items()
        if quantity.lowest <= middle * scale + shift <= quantity.highest
    ]
    usual = (f"{(limit - offset) / factor:.4g}" for limit in (quantity.lowest, quantity.highest))
    sentence = (
        f"column {column.name!r}: the median is {middle:.4g} {column.unit}, usual is "
        f"{' to '.join(usual)}" + (f"; it would fit {' or '.join(fitting)}" if fitting else "")
    )
    is_certain = quantity.is_certain and bool(fitting)
    return UnitFinding(
        column.name, is_certain, f"{sentence}. {_ADVICE if is_certain else 'Check its unit'}"
    )


def _too_cold(column: Column, found: FeatureStatistics, quantity: _Quantity) -> UnitFinding | None:
    """Returns a warning where degF that never get warm could be degC."""
    if column.unit != "degF" or quantity.units is not TEMPERATURES or found.maximum is None:
        return None
    lowest, highest = found.quantiles[1], found.maximum
    if highest > 47 or lowest < -40:
        return None
    sentence = (
        f"column {column.name!r}: no value is above {highest:g} degF ({(highest - 32) / 1.8:.1f} "
        "degC), which is a cold place, or degC. Check its unit"
    )
    return UnitFinding(column.name, is_certain=False, sentence=sentence)


def _by_extremes(column: Column, found: FeatureStatistics) -> UnitFinding | None:
    """Tells shares of the sky and directions by the end of their scale."""
    highest = found.maximum
    if highest is None or highest <= 0 or found.minimum == highest:
        return None
    whole = all(float(value).is_integer() for value in found.quantiles)
    likely = ""
    if column.quantity == "cloud_area_fraction" and column.unit == "percent":
        if highest <= 1:
            likely = "a fraction (0 to 1)"
        elif highest <= 8 and whole:
            likely = "okta (0 to 8)"
        elif highest <= 10:
            likely = "tenths (0 to 10)"
    elif column.quantity == "wind_from_direction" and column.unit == "degree":
        likely = "radians" if highest <= 2 * math.pi + 0.01 and not whole else ""
    elif column.quantity == "relative_humidity" and column.unit == "percent" and highest <= 1.1:
        likely = "a fraction (0 to 1)"
    if not likely:
        return None
    sentence = (
        f"column {column.name!r}: no value is above {highest:g}, where {column.maximum:g} "
        f"{column.unit} are possible; that looks like {likely}. {_ADVICE}"
    )
    return UnitFinding(column.name, is_certain=True, sentence=sentence)


def _by_rain(column: Column, found: FeatureStatistics) -> UnitFinding | None:
    period = next((period for period in _WETTEST_MEAN if column.quantity.endswith(period)), None)
    size = _MILLIMETRES.get(column.unit)
    if "precipitation" not in column.quantity or period is None or size is None or not found.mean:
        return None
    limit = _WETTEST_MEAN[period] / size
    if found.mean <= limit:
        return None
    sentence = (
        f"column {column.name!r}: the mean is {found.mean:.3g} {column.unit} in {period}, and the "
        f"wettest place on Earth has {limit:.3g}. Check its unit"
    )
    return UnitFinding(column.name, is_certain=False, sentence=sentence)


def _fitting_units(column: Column, values: Sequence[float]) -> list[str]:
    """Returns the units in which values outside the bounds would lie inside, and usually do."""
    quantity = _QUANTITIES.get(column.quantity.split(",")[0])
    if quantity is None or column.unit not in quantity.units or column.minimum is None:
        return []
    factor, offset = quantity.units[column.unit]
    low, high = column.minimum, column.maximum or column.minimum
    fitting: list[str] = []
    for unit, (scale, shift) in quantity.units.items():
        converted = [(value * scale + shift - offset) / factor for value in values]
        inside = sum(1 for value in converted if low <= value <= high)
        middle = median(converted) * factor + offset
        if (
            unit != column.unit
            and inside >= _SHARE_EXPLAINED * len(values)
            and quantity.lowest <= middle <= quantity.highest
        ):
            fitting.append(unit)
    return fitting
