"""Whole columns in another unit than the contract says, told by where their values lie.

Belongs here: holding columns against the table of physics (`weather_assets.contract.quantities`).
Does not belong here: its numbers, bounds of single values (the contract has them), or what becomes
of a finding (`gates`).

Only what physics rules out is certain. What is merely unusual (a mean wind of 0.7 m/s may be a
sheltered garden) is a warning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from weather_assets.contract.columns import Column, Kind
from weather_assets.contract.quantities import (
    MINIMUM_VALUES,
    QUANTITIES,
    Quantity,
    knot_in,
    quantity_of,
    unit_of_whole_knots,
)
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import FeatureStatistics, TrainingStatistics
from weather_assets.processing.parts.accounting import Counts

_SHARE_OUT_OF_BOUNDS, _SHARE_TOO_HIGH = 0.03, 0.2
_DIFFERENT_VALUES = 5
_SHARE_EXPLAINED = 0.95
_ROUNDING = 1.01
_LARGEST_COUNT = 10.0
"""Scales that end here count something; on longer ones, whole numbers are rounded."""


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
        found, declared = by_name.get(column.name), _declared(column)
        if found is None or found.count < MINIMUM_VALUES or declared is None:
            continue
        finding = (
            _by_highest(column, found, *declared)
            or _by_median(column, found, *declared)
            or _by_mean(column, found, *declared)
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
                f"{column.maximum:g}{_behind(column)}, but fits {' or '.join(fitting)}. {_ADVICE}"
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
    own = QUANTITIES["wind_speed"].unit_called(column.unit)
    unit = unit_of_whole_knots(values)
    if not own or not unit or unit == own:
        return None
    sentence = (
        f"column {column.name!r}: nearly all values are multiples of {knot_in(unit):g}, which is "
        f"one knot in {unit}, not in {column.unit}. {_ADVICE}"
    )
    return UnitFinding(column.name, is_certain=True, sentence=sentence)


def _declared(column: Column) -> tuple[Quantity, str] | None:
    """Returns a column's quantity and unit, where the table of physics has both."""
    quantity = quantity_of(column.quantity)
    unit = "" if quantity is None else quantity.unit_called(column.unit)
    return None if quantity is None or not unit else (quantity, unit)


def _behind(column: Column) -> str:
    """Returns the unit as it stands behind a number, where a share has none."""
    return "" if column.unit == "1" else f" {column.unit}"


def _words(quantity: Quantity, unit: str) -> str:
    return quantity.units[unit].words or unit


def _by_median(
    column: Column, found: FeatureStatistics, quantity: Quantity, unit: str
) -> UnitFinding | None:
    if quantity.kind is Kind.CIRCULAR or not found.quantiles:
        return None
    middle = found.quantiles[len(found.quantiles) // 2]
    lowest, highest = quantity.usual or quantity.possible
    if lowest <= quantity.units[unit].to_reference(middle) <= highest:
        return _too_cold(column, found, quantity, unit)
    fitting = [
        _words(quantity, name)
        for name, other in quantity.units.items()
        if lowest <= other.to_reference(middle) <= highest
    ]
    usual = (f"{quantity.units[unit].from_reference(limit):.4g}" for limit in (lowest, highest))
    sentence = (
        f"column {column.name!r}: the median is {middle:.4g}{_behind(column)}, usual is "
        f"{' to '.join(usual)}" + (f"; it would fit {' or '.join(fitting)}" if fitting else "")
    )
    is_certain = quantity.usual is None and bool(fitting)
    return UnitFinding(
        column.name, is_certain, f"{sentence}. {_ADVICE if is_certain else 'Check its unit'}"
    )


def _too_cold(
    column: Column, found: FeatureStatistics, quantity: Quantity, unit: str
) -> UnitFinding | None:
    """Returns a warning where degF that never get warm could be degC."""
    if unit != "degF" or found.maximum is None:
        return None
    lowest, highest = found.quantiles[1], found.maximum
    if highest > 47 or lowest < -40:
        return None
    sentence = (
        f"column {column.name!r}: no value is above {highest:g} degF "
        f"({quantity.units[unit].to_reference(highest):.1f} degC), which is a cold place, or degC. "
        "Check its unit"
    )
    return UnitFinding(column.name, is_certain=False, sentence=sentence)


def _by_highest(
    column: Column, found: FeatureStatistics, quantity: Quantity, unit: str
) -> UnitFinding | None:
    """Tells shares of the sky and directions by the end of their scale."""
    highest = found.maximum
    if not quantity.has_end or highest is None or highest <= 0 or found.minimum == highest:
        return None
    is_whole = all(float(value).is_integer() for value in found.quantiles)
    ends = {name: each.from_reference(quantity.bounds[1]) for name, each in quantity.units.items()}
    if is_whole and ends[unit] <= _LARGEST_COUNT:
        return None  # a sky that never has more than one okta is possible
    likely = [
        name
        for name, end in ends.items()
        if end < ends[unit]
        and highest <= _ROUNDING * end
        and quantity.units[name].is_counted in (None, is_whole)
    ]
    if not likely:
        return None
    sentence = (
        f"column {column.name!r}: no value is above {highest:g}, where {column.maximum:g} "
        f"{column.unit} are possible; that looks like "
        f"{_words(quantity, min(likely, key=ends.__getitem__))}. {_ADVICE}"
    )
    return UnitFinding(column.name, is_certain=True, sentence=sentence)


def _by_mean(
    column: Column, found: FeatureStatistics, quantity: Quantity, unit: str
) -> UnitFinding | None:
    if quantity.highest_mean is None or found.mean is None:
        return None
    limit = quantity.units[unit].from_reference(quantity.highest_mean)
    if found.mean <= limit:
        return None
    sentence = (
        f"column {column.name!r}: the mean is {found.mean:.3g} {column.unit} of {quantity.name}, "
        f"and the wettest place on Earth has {limit:.3g}. Check its unit"
    )
    return UnitFinding(column.name, is_certain=False, sentence=sentence)


def _fitting_units(column: Column, values: Sequence[float]) -> list[str]:
    """Returns the units in which values outside the bounds would lie inside, and usually do."""
    declared = _declared(column)
    if declared is None or column.minimum is None or column.maximum is None:
        return []
    quantity, own = declared
    lowest, highest = quantity.usual or quantity.possible
    fitting: list[str] = []
    for name, unit in quantity.units.items():
        in_reference = [unit.to_reference(value) for value in values]
        converted = [quantity.units[own].from_reference(value) for value in in_reference]
        inside = sum(1 for value in converted if column.minimum <= value <= column.maximum)
        is_usual = lowest <= median(in_reference) <= highest
        if (
            name != own
            and inside >= _SHARE_EXPLAINED * len(values)
            and (is_usual or quantity.kind is Kind.CIRCULAR)
        ):
            fitting.append(_words(quantity, name))
    return fitting
