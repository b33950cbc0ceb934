"""The table of physics: what weather files measure, in which units, and what is possible.

Belongs here: quantities, their units and conversions, limits of values and of columns with their
reasons and sources, and formulas that tie quantities together. Does not belong here: how a unit is
chosen (`weather_assets.suggestion`) or doubted (`weather_assets.processing`), or what columns are
called: names only propose, and rows that were processed must not depend on them.

A table of our own, because a library of units (cf-units: 12 MB with UDUNITS in C; pint: 0.25 s at
every start) would bring the 25 conversions, which never change, and neither the limits, which are
most of what is here, nor `okta` and `tenths`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from weather_assets.contract.columns import DAYS_PER_YEAR, Kind

MINIMUM_VALUES = 50
"""Fewer values than this may all be unusual, and tell no unit."""

HUMIDITY_AGREES_PERCENT, HUMIDITY_DISAGREES_PERCENT = 3.0, 6.0
"""Median difference of given humidity and the one that two temperatures imply: 0.3 % in the New
York file as it is, 10 % with both temperatures in degC, and more with one."""

WETTEST_YEAR_MM = 11_871.0
"""Mean of Mawsynram, the wettest place."""
POSSIBLE_YEAR_MM, TYPICAL_YEAR_MM = (1.0, 15_000.0), (100.0, 4_000.0)
"""Of a file, scaled to a year. A file may be of a wet season; 4,000 mm is wet anywhere, and 100 mm
is a desert."""

_KNOTS_SEEN, _SHARE_ON_STEPS = 8, 0.95
_RECORDS = "WMO World Weather and Climate Extremes Archive"
_CF = "CF Standard Name Table"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of a quantity.

    Attributes:
        factor: with `offset`, leads to the quantity's reference unit: value * factor + offset.
        offset: see `factor`.
        spellings: how people write it, case-folded, beside its UDUNITS spelling.
        system: `metric` or `imperial`, where the unit says which of them a file uses; else empty.
        digits: decimals that bounds in this unit are rounded to, outwards.
        words: what to call it where its UDUNITS spelling says too little.
        is_counted: whether values are whole numbers, or never are; None where either is usual.
    """

    factor: float
    offset: float = 0.0
    spellings: tuple[str, ...] = ()
    system: str = ""
    digits: int = 0
    words: str = ""
    is_counted: bool | None = None

    def to_reference(self, value: float) -> float:
        """Returns a value of this unit in the reference unit."""
        return value * self.factor + self.offset

    def from_reference(self, value: float) -> float:
        """Returns a value of the reference unit in this one."""
        return (value - self.offset) / self.factor

    def bounds(self, lowest: float, highest: float) -> tuple[float, float]:
        """Returns bounds that are given in the reference unit in this one, rounded outwards."""
        scale = 10.0**self.digits
        low, high = map(self.from_reference, (lowest, highest))
        # A millionth of a step: 100 / 0.01 must not become 10001 by rounding errors.
        return (
            math.floor(low * scale + 1e-6) / scale,
            math.ceil(high * scale - 1e-6) / scale,
        )


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity. Limits are in the reference unit.

    Attributes:
        name: CF standard name where there is one.
        units: by UDUNITS spelling; the first is the reference unit.
        bounds: lowest and highest value that is physically possible.
        possible: where the median of a column can lie.
        typical: where the median of most columns lies.
        reason: why the bounds are where they are.
        source: where they come from.
        family: quantities of one family come in one unit in one file.
        kind: numeric or circular.
        usual: where a median lies that needs no second look; one outside is in doubt, and proves
            nothing. None where a median outside of `possible` is the proof of another unit.
        highest_mean: the mean of a column is not above this.
        period: length of the circle.
        has_end: whether columns reach the end of the scale, so that their highest value tells the
            unit.
    """

    name: str
    units: Mapping[str, Unit]
    bounds: tuple[float, float]
    possible: tuple[float, float]
    typical: tuple[float, float]
    reason: str
    source: str
    family: str = ""
    kind: Kind = Kind.NUMERIC
    usual: tuple[float, float] | None = None
    highest_mean: float | None = None
    period: float | None = None
    has_end: bool = False

    def unit_called(self, text: str) -> str:
        """Returns the UDUNITS spelling of a unit in any of its spellings; empty if it is none."""
        if text in self.units:
            return text
        folded = text.strip().casefold()
        return next((name for name, unit in self.units.items() if folded in unit.spellings), "")


_TEMPERATURES = {
    "degC": Unit(1.0, 0.0, ("c", "°c", "degc", "deg c", "celsius", "centigrade"), "metric"),
    "degF": Unit(5 / 9, -160 / 9, ("f", "°f", "degf", "deg f", "fahrenheit"), "imperial"),
    "K": Unit(1.0, -273.15, ("k", "kelvin")),
}
_SPEEDS = {
    "m s-1": Unit(1.0, 0.0, ("m/s", "mps", "ms-1", "m s-1", "m s^-1", "ms"), "metric"),
    "km hour-1": Unit(
        1 / 3.6, 0.0, ("km/h", "kmh", "kph", "kmph", "km hour-1", "km h-1"), "metric"
    ),
    "mile hour-1": Unit(0.44704, 0.0, ("mph", "mi/h", "miles/h", "mile hour-1"), "imperial"),
    "knot": Unit(1852 / 3600, 0.0, ("kn", "kt", "kts", "knot", "knots")),
}
_PRESSURES = {
    "hPa": Unit(1.0, 0.0, ("hpa", "mb", "mbar", "millibar", "millibars")),
    "Pa": Unit(0.01, 0.0, ("pa",)),
    "kPa": Unit(10.0, 0.0, ("kpa",), digits=1),
    "inHg": Unit(33.8639, 0.0, ("inhg", "in hg"), "imperial", digits=1),
    "mmHg": Unit(1.333224, 0.0, ("mmhg", "mm hg", "torr")),
}
_MILLIMETRES = ("mm", "millimeter", "millimeters", "millimetre", "millimetres")
_INCHES = ("in", '"', "inch", "inches")
_DEPTHS = {
    "mm": Unit(1.0, 0.0, _MILLIMETRES, "metric"),
    "inch": Unit(25.4, 0.0, _INCHES, "imperial"),
    "cm": Unit(10.0, 0.0, ("cm",), "metric"),
}
_SHARES = {
    "percent": Unit(1.0, 0.0, ("%", "pct", "percent")),
    "1": Unit(100.0, 0.0, ("frac", "fraction", "0-1"), words="a fraction (0 to 1)"),
}

_ALL = (
    Quantity(  # the hottest month on record has a mean of 42.5 degC (Death Valley, July 2018)
        "air_temperature", _TEMPERATURES, (-90, 60), (-70, 45), (-5, 33),
        "beyond the coldest (-89.2 degC) and hottest (56.7 degC) air measured on Earth",
        _RECORDS, "temperature",
    ),
    Quantity(
        "dew_point_temperature", _TEMPERATURES, (-95, 38), (-80, 33), (-12, 27),
        "the highest dew point on record is 35 degC; very dry polar air lies below the coldest air",
        f"{_RECORDS}; Burt (2004), Extreme Weather", "temperature",
    ),
    Quantity(  # the driest deserts have monthly means of about 10 %
        "relative_humidity", _SHARES, (0, 100), (2, 100), (15, 100),
        "over water; surface stations do not report supersaturation",
        "WMO-No. 8 (2023), volume I, chapter 4", has_end=True,
    ),
    Quantity(  # a mean of 0.7 m/s may be a sheltered garden
        "wind_speed", _SPEEDS, (0, 408 / 3.6), (0.5, 20), (1.3, 7.5),
        "the strongest gust on record (408 km/h, Barrow Island, 1996)", _RECORDS, "wind",
        usual=(0.8, 20),
    ),
    Quantity(
        "wind_speed_of_gust", _SPEEDS, (0, 408 / 3.6), (1, 40), (4, 17),
        "the strongest gust on record (408 km/h, Barrow Island, 1996)", _RECORDS, "wind",
        usual=(2, 40),
    ),
    Quantity(  # stations lie up to 5,100 m high, but few above 2,000 m, where mmHg would lie
        "surface_air_pressure", _PRESSURES, (500, 1090), (540, 1060), (920, 1045),
        "from the highest settlements (about 5,100 m) to beyond the highest on record (1084.8 hPa)",
        f"{_RECORDS}; ICAO standard atmosphere", "pressure", usual=(795, 1060),
    ),
    Quantity(
        "air_pressure_at_mean_sea_level", _PRESSURES, (870, 1090), (950, 1060), (980, 1045),
        "the lowest (870 hPa, typhoon Tip) and beyond the highest (1084.8 hPa) on record",
        _RECORDS, "pressure",
    ),
    Quantity(
        "cloud_area_fraction",
        {**_SHARES,
         "okta": Unit(12.5, 0.0, ("okta", "oktas", "eighths"), words="okta (0 to 8)",
                      is_counted=True),
         "tenths": Unit(10.0, 0.0, ("tenths",), words="tenths (0 to 10)")},
        (0, 100), (0, 100), (0, 100), "a share of the sky", _CF, has_end=True,
    ),
    Quantity(
        "wind_from_direction",
        {"degree": Unit(1.0, 0.0, ("°", "deg", "degree", "degrees")),
         "radian": Unit(180 / math.pi, 0.0, ("rad", "radian", "radians"), digits=5,
                        words="radians", is_counted=False)},
        (0, 360), (0, 360), (0, 360), "compass bearing; calm is reported as 0, north as 360",
        "WMO-No. 306 (2019), Manual on Codes, table 0877", kind=Kind.CIRCULAR, period=360,
        has_end=True,
    ),
    Quantity(
        "visibility_in_air",
        {"km": Unit(1.0, 0.0, ("km",), "metric"),
         "mile": Unit(1.609344, 0.0, ("mi", "sm", "mile", "miles"), "imperial"),
         "m": Unit(0.001, 0.0, ("m", "meter", "meters", "metre", "metres"), "metric")},
        (0, 320), (0.05, 160), (4, 40),
        "what the curvature of the Earth and clean air allow from a high mountain",
        "WMO-No. 8 (2023), volume I, chapter 9", usual=(0.05, 160),
    ),
    Quantity(
        "precipitation_amount in one hour", _DEPTHS, (0, 406), (0, 406), (0, 406),
        "beyond the one-hour record of 305 mm (Holt, 1947)", _RECORDS, "precipitation",
        highest_mean=WETTEST_YEAR_MM / DAYS_PER_YEAR / 24,
    ),
    Quantity(
        "precipitation_amount in one day", _DEPTHS, (0, 1825), (0, 1825), (0, 1825),
        "the 24-hour record (Foc-Foc, La Reunion, 1966)", _RECORDS, "precipitation",
        highest_mean=WETTEST_YEAR_MM / DAYS_PER_YEAR,
    ),
    Quantity(
        "precipitation_amount", _DEPTHS, (0, 1825), (0, 1825), (0, 1825),
        "the 24-hour record (Foc-Foc, La Reunion, 1966)", _RECORDS, "precipitation",
    ),
    Quantity(
        "surface_snow_thickness",
        {"cm": Unit(1.0, 0.0, ("cm",), "metric"), "mm": Unit(0.1, 0.0, _MILLIMETRES, "metric"),
         "m": Unit(100.0, 0.0, ("m",), "metric", digits=1),
         "inch": Unit(2.54, 0.0, _INCHES, "imperial")},
        (0, 1182), (0, 1182), (0, 300),
        "the deepest snow measured (1,182 cm, Mount Ibuki, 1927)",
        "Japan Meteorological Agency, ranking of observations",
    ),
    Quantity(
        "surface_downwelling_shortwave_flux_in_air",
        {"W m-2": Unit(1.0, 0.0, ("w/m2", "w/m²", "w m-2", "wm2"))},
        (-20, 2000), (-5, 700), (-5, 500),
        "the solar constant is 1361 W m-2 and clouds can add to it; at night sensors read below 0",
        "Kopp and Lean (2011), Geophys. Res. Lett. 38; Yordanov et al. (2013), JPV 3",
    ),
)  # fmt: skip  # one record per quantity reads better than one value per line
QUANTITIES: Mapping[str, Quantity] = {quantity.name: quantity for quantity in _ALL}


def quantity_of(description: str) -> Quantity | None:
    """Returns what a contract's `quantity` names, as in `air_temperature, maximum`; None if new."""
    return QUANTITIES.get(description.partition(",")[0].strip())


def knot_in(unit: str) -> float:
    """Returns one knot in another unit of speed."""
    return _SPEEDS["knot"].factor / _SPEEDS[unit].factor


def unit_of_whole_knots(speeds: Iterable[float]) -> str:
    """Returns the unit in which all speeds are multiples of one knot, or nothing.

    Airports report whole knots; converted, they are multiples of a number that tells the unit.
    """
    positive = {speed for speed in speeds if speed > 0}
    fine = sum(1 for speed in positive if not float(speed * 10).is_integer())
    if len(positive) < _KNOTS_SEEN or fine < len(positive) / 2:
        return ""
    for unit in (name for name in _SPEEDS if name != "knot"):
        steps = [speed / knot_in(unit) for speed in positive]
        on_steps = sum(1 for number in steps if abs(number - round(number)) < 0.01)
        if on_steps >= _SHARE_ON_STEPS * len(positive):
            return unit
    return ""


def implied_humidity_percent(air: Any, dew: Any, units: tuple[Unit, Unit]) -> Any:
    """Returns the relative humidity that an air temperature and a dew point imply.

    Magnus formula with the constants of Alduchov and Eskridge (1996), J. Appl. Meteorol. 35.

    Args:
        air: temperatures as an array of numpy, which this layer need not import, [N].
        dew: dew points likewise.
        units: of both.
    """
    # Temperatures that are none (in a unit that is tried) must not overflow.
    air_exponent, dew_exponent = (
        17.625 * celsius / (243.04 + celsius)
        for values, unit in zip((air, dew), units, strict=True)
        for celsius in ((values * unit.factor + unit.offset).clip(-100.0, 100.0),)
    )
    return 100.0 * math.e ** (dew_exponent - air_exponent)
