"""The table of physics against scipy's constants, the built-in contracts, and itself."""

import numpy as np
import pytest
from scipy import constants

from weather_assets.contract.columns import Kind
from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.quantities import (
    QUANTITIES,
    Quantity,
    Unit,
    implied_humidity_percent,
    knot_in,
    quantity_of,
    unit_of_whole_knots,
)

IN_SI = {
    "m s-1": 1.0,
    "km hour-1": constants.kmh,
    "mile hour-1": constants.mph,
    "knot": constants.knot,
    "hPa": 100.0,
    "Pa": 1.0,
    "kPa": 1000.0,
    "inHg": constants.mmHg * 25.4,
    "mmHg": constants.mmHg,
    "mm": 1e-3,
    "cm": 1e-2,
    "inch": constants.inch,
    "m": 1.0,
    "km": 1e3,
    "mile": constants.mile,
    "percent": 1e-2,
    "1": 1.0,
    "okta": 1 / 8,
    "tenths": 1 / 10,
    "degree": constants.degree,
    "radian": 1.0,
    "W m-2": 1.0,
}
SCALES = {"degC": "Celsius", "degF": "Fahrenheit", "K": "Kelvin"}
EVERY = [(quantity, name) for quantity in QUANTITIES.values() for name in quantity.units]
every_unit = pytest.mark.parametrize(
    ("quantity", "name"), EVERY, ids=[f"{quantity.name}-{name}" for quantity, name in EVERY]
)


@every_unit
def test_a_unit_is_converted_as_scipy_does(quantity: Quantity, name: str) -> None:
    reference = next(iter(quantity.units))
    unit = quantity.units[name]
    for value in (0.0, 12.5, -40.0, 1000.0):
        expected = (
            constants.convert_temperature(value, SCALES[name], SCALES[reference])
            if name in SCALES
            else value * IN_SI[name] / IN_SI[reference]
        )
        assert unit.to_reference(value) == pytest.approx(expected, rel=1e-6, abs=1e-9)
        assert unit.from_reference(unit.to_reference(value)) == pytest.approx(value, abs=1e-9)


@every_unit
def test_every_spelling_means_one_unit(quantity: Quantity, name: str) -> None:
    assert quantity.unit_called(name) == name
    for spelling in quantity.units[name].spellings:
        assert spelling == spelling.casefold()
        assert quantity.unit_called(f" {spelling.upper()} ") == name
    assert quantity.unit_called("furlong") == ""


@pytest.mark.parametrize("quantity", QUANTITIES.values(), ids=lambda quantity: quantity.name)
def test_what_is_usual_is_possible_and_has_a_reason(quantity: Quantity) -> None:
    ranges = [quantity.typical, quantity.usual or quantity.possible, quantity.possible]
    for (low, high), (lower, higher) in zip(ranges, [*ranges[1:], quantity.bounds], strict=True):
        assert lower <= low < high <= higher
    assert quantity.reason
    assert quantity.source
    assert (quantity.period is not None) == (quantity.kind is Kind.CIRCULAR)


def test_bounds_are_rounded_outwards() -> None:
    assert Unit(25.4).bounds(0, 406) == (0, 16)
    assert Unit(5 / 9, -160 / 9).bounds(-90, 60) == (-130, 140)
    assert Unit(0.01).bounds(0, 100) == (0, 10_000)


def test_the_builtin_contracts_are_in_the_table() -> None:
    for contract in builtin_contracts():
        for column in contract.columns:
            if column.kind is not Kind.CATEGORY:
                quantity = quantity_of(column.quantity)
                assert quantity is not None, column
                assert quantity.unit_called(column.unit) == column.unit


def test_a_detail_behind_a_comma_is_no_other_quantity() -> None:
    assert quantity_of("air_temperature, maximum") is QUANTITIES["air_temperature"]
    assert quantity_of("soil_temperature") is None


@pytest.mark.parametrize("unit", ["m s-1", "km hour-1", "mile hour-1"])
def test_whole_knots_tell_their_unit(unit: str) -> None:
    assert unit_of_whole_knots([round(knot_in(unit) * knots, 5) for knots in range(40)]) == unit
    assert unit_of_whole_knots([0.37 + 0.31 * number for number in range(40)]) == ""
    assert unit_of_whole_knots(map(float, range(40))) == ""


def test_the_humidity_is_that_of_an_observation() -> None:
    # Newark, 2013-01-01T06:00Z: 39.02 degF, dew point 26.06 degF, 59.37 %.
    fahrenheit = QUANTITIES["air_temperature"].units["degF"]
    found = implied_humidity_percent(np.array([39.02]), np.array([26.06]), (fahrenheit, fahrenheit))
    assert found == pytest.approx([59.37], abs=0.2)
