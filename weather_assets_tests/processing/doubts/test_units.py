"""Columns in another unit are told by where their values lie; honest columns are left alone."""

import math
from dataclasses import replace
from random import Random
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.contract.columns import Column, Kind
from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.quantities import QUANTITIES, Quantity
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import QUANTILE_COUNT, FeatureStatistics, TrainingStatistics
from weather_assets.processing.doubts.units import (
    UnitFinding,
    knots_in_another_unit,
    misfits_in_bounds,
    misfits_out_of_bounds,
)
from weather_assets.processing.parts.accounting import Counts

CONTRACTS = {contract.name: contract for contract in builtin_contracts()}
FIVE, NYC, SEATTLE = (CONTRACTS[name] for name in ("five_column", "nyc_hourly", "seattle_daily"))
YEAR = [15 - 12 * math.cos(day / 58) + day % 7 for day in range(365)]  # degC


def statistics_of(name: str, values: list[float]) -> TrainingStatistics:
    """Returns statistics of one feature, the quantiles from ordered values."""
    ordered = sorted(values)
    at = [round(k * (len(ordered) - 1) / (QUANTILE_COUNT - 1)) for k in range(QUANTILE_COUNT)]
    feature = FeatureStatistics(
        name,
        len(values),
        0,
        mean=sum(values) / len(values),
        standard_deviation=1.0,
        minimum=ordered[0],
        maximum=ordered[-1],
        quantiles=tuple(ordered[index] for index in at),
    )
    return TrainingStatistics(len(values), 10, (feature,))


def counts_of(name: str, rejected: int) -> Counts:
    return Counts(0, rejected, {"out_of_bounds": rejected}, {name: rejected}, {}, {}, {})


@pytest.mark.parametrize(
    ("contract", "name", "values"),
    [
        (FIVE, "Temperature", YEAR),
        (FIVE, "Temperature", [value - 45 for value in YEAR]),  # the Antarctic
        (FIVE, "Humidity", [4.0 + day % 30 for day in range(365)]),  # a desert
        (FIVE, "Cloud_Cover", [float(day % 4) * 25 for day in range(365)]),
        (FIVE, "Cloud_Cover", [0.0] * 365),
        (FIVE, "Pressure", [1013 + 10 * math.sin(day) for day in range(365)]),
        (FIVE, "Wind_Speed", [float(day % 25) for day in range(365)]),
        (NYC, "temp", [value * 1.8 + 32 for value in YEAR]),
        (NYC, "wind_dir", [float(day % 36) * 10 for day in range(365)]),
        (NYC, "precip", [0.0] * 300 + [0.2] * 65),
        (NYC, "wind_dir", [0.0] * 365),
        (SEATTLE, "precipitation", [0.0] * 200 + [12.0] * 165),
    ],
)
def test_honest_columns_are_left_alone(contract: Contract, name: str, values: list[float]) -> None:
    assert misfits_in_bounds(contract, statistics_of(name, values)) == ()


@pytest.mark.parametrize(
    ("contract", "name", "values", "word", "is_certain"),
    [
        (FIVE, "Temperature", [value + 40 for value in YEAR], "degF", True),
        (NYC, "temp", YEAR, "degC", False),
        (FIVE, "Humidity", [0.3 + 0.001 * day for day in range(365)], "fraction", True),
        (FIVE, "Cloud_Cover", [(day % 11) / 10 for day in range(365)], "fraction", True),
        (FIVE, "Cloud_Cover", [float(day % 9) for day in range(365)], "okta", True),
        (FIVE, "Cloud_Cover", [float(day % 11) for day in range(365)], "tenths", True),
        (FIVE, "Pressure", [760 + 7 * math.sin(day) for day in range(365)], "mmHg", False),
        (FIVE, "Wind_Speed", [0.02 * (day % 200) for day in range(365)], "m s-1", False),
        (NYC, "wind_dir", [(day % 36) * 0.1745 for day in range(365)], "radians", True),
        (NYC, "precip", [0.0] * 265 + [5.0] * 100, "wettest", False),
    ],
)
def test_other_units_are_named(
    contract: Contract, name: str, values: list[float], word: str, is_certain: bool
) -> None:
    (finding,) = misfits_in_bounds(contract, statistics_of(name, values))
    assert (finding.column, finding.is_certain) == (name, is_certain)
    assert word in finding.sentence
    assert repr(name) in finding.sentence


def test_few_values_say_nothing() -> None:
    assert misfits_in_bounds(FIVE, statistics_of("Humidity", [0.1, 0.5, 0.9])) == ()


@pytest.mark.parametrize(
    ("contract", "name", "values", "unit"),
    [
        (FIVE, "Temperature", [60.1 + day % 35 for day in range(100)], "degF"),
        (FIVE, "Temperature", [value + 273.15 for value in YEAR], "K"),
        (FIVE, "Pressure", [29.9 + 0.01 * (day % 20) for day in range(100)], "inHg"),
        (FIVE, "Pressure", [101_325 + 10.0 * (day % 20) for day in range(100)], "Pa"),
        (NYC, "pressure", [101.3 + 0.1 * (day % 20) for day in range(100)], "kPa"),
        (NYC, "pressure", [760.0 + day % 20 for day in range(100)], "mmHg"),
        (NYC, "visib", [1609.0 * (1 + day % 10) for day in range(100)], "m"),
    ],
)
def test_values_out_of_bounds_name_the_unit_that_fits(
    contract: Contract, name: str, values: list[float], unit: str
) -> None:
    found = misfits_out_of_bounds(contract, {name: values}, counts_of(name, 100), 200)
    assert [finding.is_certain for finding in found] == [True]
    assert f"but fits {unit}." in found[0].sentence
    # A part of the rows may be anything: a warning. A few are just faulty.
    (warning,) = misfits_out_of_bounds(contract, {name: values}, counts_of(name, 20), 200)
    assert not warning.is_certain
    assert misfits_out_of_bounds(contract, {name: values}, counts_of(name, 4), 200) == ()


def test_a_sentinel_is_no_unit() -> None:
    sentinels = {"Temperature": [99.9] * 100}
    assert misfits_out_of_bounds(FIVE, sentinels, counts_of("Temperature", 100), 200) == ()


@pytest.mark.parametrize(
    ("step", "unit"), [(0.514444, "m s-1"), (1.852, "km hour-1"), (1.150779, None)]
)
def test_whole_knots_tell_the_unit(step: float, unit: str | None) -> None:
    values = [round(step * knots, 5) for knots in range(3, 40)]
    finding = knots_in_another_unit(NYC.column("wind_speed"), values)
    assert (finding is None) == (unit is None)
    assert finding is None or (finding.is_certain and f"one knot in {unit}" in finding.sentence)


def test_other_wind_speeds_have_no_steps() -> None:
    random = Random(1)
    anything = [random.uniform(0, 30) for _ in range(200)]
    whole = [float(value) for value in range(40)]
    tenths = [value / 10 for value in range(200)]
    column = Column("wind", "wind_speed", "mile hour-1", minimum=0, maximum=200)
    assert all(
        knots_in_another_unit(column, values) is None for values in (anything, whole, tenths)
    )


PROPOSED = [(quantity, unit) for quantity in QUANTITIES.values() for unit in quantity.units]
"""Every unit that `contract suggest` can put into a contract."""


def declared(quantity: Quantity, unit: str) -> Column:
    low, high = quantity.units[unit].bounds(*quantity.bounds)
    period = quantity.period and quantity.units[unit].from_reference(quantity.period)
    return Column("x", quantity.name, unit, quantity.kind, low, high, period)


def readings(quantity: Quantity, unit: str, share: float) -> list[float]:
    """Returns what a column like most columns holds in a unit; `share` says where it lies."""
    low, high = quantity.typical
    if quantity.has_end:
        low, high = quantity.bounds
    elif quantity.highest_mean is not None:
        high = quantity.highest_mean * 1.9
    middle, width = low + share * (high - low), (high - low) / 4
    scale = quantity.units[unit]
    found = [
        scale.from_reference(min(max(middle + width * (n % 101 - 50) / 50, low), high))
        for n in range(404)
    ]
    if quantity.has_end:
        found = [scale.from_reference(low + (high - low) * (n % 101) / 100) for n in range(404)]
    return [float(round(value)) for value in found] if scale.is_counted else found


def findings(column: Column, values: list[float]) -> list[UnitFinding]:
    """Returns what the gate says of a column, as `suspicions` puts its parts together."""
    contract = replace(FIVE, columns=(*FIVE.columns, column))
    low, high = column.minimum or 0.0, column.maximum or 0.0
    inside = [value for value in values if low <= value <= high]
    outside = [value for value in values if not low <= value <= high]
    counts = counts_of("x", len(outside))
    found = misfits_out_of_bounds(contract, {"x": outside}, counts, len(values))
    if inside:
        found += misfits_in_bounds(contract, statistics_of("x", inside))
    return list(found)


@pytest.mark.parametrize(
    ("quantity", "unit"), PROPOSED, ids=[f"{each.name}-{unit}" for each, unit in PROPOSED]
)
@given(share=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_every_unit_that_can_be_proposed_is_known(
    quantity: Quantity, unit: str, share: float
) -> None:
    own = declared(quantity, unit)
    assert not [each for each in findings(own, readings(quantity, unit, share)) if each.is_certain]
    low, high = quantity.usual or quantity.possible
    for other in quantity.units.keys() - {unit}:
        values = readings(quantity, other, share)
        assert own.minimum is not None
        assert own.maximum is not None
        beyond = sum(not own.minimum <= value <= own.maximum for value in values)
        middle = quantity.units[unit].to_reference(median(values))
        is_odd = quantity.kind is Kind.NUMERIC and not low <= middle <= high
        words = quantity.units[other].words or other
        sentences = [each.sentence for each in findings(own, values)]
        if beyond > 0.5 * len(values) or (is_odd and not beyond):
            assert any(words in sentence for sentence in sentences), (other, sentences)


@pytest.mark.parametrize(
    ("quantity", "unit"), PROPOSED, ids=[f"{each.name}-{unit}" for each, unit in PROPOSED]
)
def test_a_median_that_is_not_usual_is_doubted_in_every_unit(quantity: Quantity, unit: str) -> None:
    usual = quantity.usual or quantity.possible
    for limit, bound in zip(usual, quantity.bounds, strict=True):
        steps = [limit + (bound - limit) * (50 + day % 5) / 100 for day in range(365)]
        values = [quantity.units[unit].from_reference(step) for step in steps]
        is_odd = limit != bound or limit > (quantity.highest_mean or math.inf)
        assert bool(findings(declared(quantity, unit), values)) == is_odd


def test_a_unit_is_known_in_any_spelling() -> None:
    values = [value + 40 for value in YEAR]
    for unit in ("degC", "\u00b0C", "Celsius"):
        column = replace(FIVE.column("Temperature"), unit=unit)
        (finding,) = misfits_in_bounds(
            replace(FIVE, columns=(column,)), statistics_of("Temperature", values)
        )
        assert finding.is_certain
        assert f"{unit}, usual is" in finding.sentence
    column = replace(FIVE.column("Temperature"), unit="apples")
    contract = replace(FIVE, columns=(column,))
    assert misfits_in_bounds(contract, statistics_of("Temperature", values)) == ()


@pytest.mark.parametrize(
    ("unit", "values", "likely"),
    [
        ("okta", [float(day % 2) for day in range(365)], ""),  # a sky that is clear, or nearly
        ("okta", [day % 11 / 10 for day in range(365)], "a fraction"),
        ("tenths", [float(day % 9) for day in range(365)], ""),
        ("tenths", [day % 11 / 10 for day in range(365)], "a fraction"),
        ("1", [day % 11 / 10 for day in range(365)], ""),
    ],
)
def test_shares_of_the_sky_in_other_units(unit: str, values: list[float], likely: str) -> None:
    found = findings(declared(QUANTITIES["cloud_area_fraction"], unit), values)
    assert [likely in finding.sentence for finding in found] == [True] * bool(likely)


def test_directions_have_no_median() -> None:
    column = Column("x", "wind_from_direction", "degree", Kind.CIRCULAR, -180, 180, 360)
    assert findings(column, [float(day % 90) - 120 for day in range(365)]) == []
