"""The quantities that weather files have: units, physical bounds with their sources, usual values.

Belongs here: physics and climate as data. Does not belong here: how a unit is chosen (`evidence`),
or how columns are called (`names`).

Unit names are those that `processing.doubts.units` checks again when the file is processed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from weather_assets.contract.schema import Kind

_RECORDS = "WMO World Weather and Climate Extremes Archive"
_CF = "CF Standard Name Table"


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of a quantity.

    Attributes:
        factor: with `offset`, leads to the quantity's reference unit: value * factor + offset.
        offset: see `factor`.
        system: `metric` or `imperial`, where the unit says which of them a file uses; else empty.
        digits: decimals that bounds in this unit are rounded to, outwards.
    """

    factor: float
    offset: float = 0.0
    system: str = ""
    digits: int = 0

    def to_reference(self, value: float) -> float:
        """Returns a value of this unit in the reference unit."""
        return value * self.factor + self.offset

    def bounds(self, lowest: float, highest: float) -> tuple[float, float]:
        """Returns bounds that are given in the reference unit in this one, rounded outwards."""
        scale = 10.0**self.digits
        low, high = ((limit - self.offset) / self.factor for limit in (lowest, highest))
        # A millionth of a step: 100 / 0.01 must not become 10001 by rounding errors.
        return (
            math.floor(low * scale + 1e-6) / scale,
            math.ceil(high * scale - 1e-6) / scale,
        )


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity.

    Attributes:
        name: CF standard name where there is one.
        units: by UDUNITS spelling; the first is the reference unit.
        bounds: lowest and highest value that is physically possible, in the reference unit.
        possible: where the median of a column can lie, in the reference unit.
        typical: where the median of most columns lies, in the reference unit.
        reason: why the bounds are where they are.
        source: where they come from.
        family: quantities of one family come in one unit in one file.
        kind: numeric or circular.
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


_TEMPERATURES = {
    "degC": Unit(1.0, system="metric"),
    "degF": Unit(5 / 9, -160 / 9, system="imperial"),
    "K": Unit(1.0, -273.15),
}
_SPEEDS = {
    "m s-1": Unit(1.0, system="metric"),
    "km hour-1": Unit(1 / 3.6, system="metric"),
    "mile hour-1": Unit(0.44704, system="imperial"),
    "knot": Unit(0.514444),
}
KNOT_STEPS = {"m s-1": 0.514444, "km hour-1": 1.852, "mile hour-1": 1.150779}
"""One knot in other units: speeds that were reported in whole knots are multiples of it."""
_PRESSURES = {
    "hPa": Unit(1.0),
    "Pa": Unit(0.01),
    "kPa": Unit(10.0, digits=1),
    "inHg": Unit(33.8639, system="imperial", digits=1),
    "mmHg": Unit(1.333224),
}
_DEPTHS = {
    "mm": Unit(1.0, system="metric"),
    "inch": Unit(25.4, system="imperial"),
    "cm": Unit(10.0, system="metric"),
}
_SHARES = {"percent": Unit(1.0), "1": Unit(100.0)}

_ALL = (
    Quantity(
        "air_temperature", _TEMPERATURES, (-90, 60), (-70, 45), (-5, 33),
        "beyond the coldest (-89.2 degC) and hottest (56.7 degC) air measured on Earth",
        _RECORDS, "temperature",
    ),
    Quantity(
        "dew_point_temperature", _TEMPERATURES, (-95, 38), (-80, 33), (-12, 27),
        "the highest dew point on record is 35 degC; very dry polar air lies below the coldest air",
        f"{_RECORDS}; Burt (2004), Extreme Weather", "temperature",
    ),
    Quantity(
        "relative_humidity", _SHARES, (0, 100), (2, 100), (15, 100),
        "over water; surface stations do not report supersaturation",
        "WMO-No. 8 (2023), volume I, chapter 4",
    ),
    Quantity(
        "wind_speed", _SPEEDS, (0, 408 / 3.6), (0.5, 20), (1.3, 7.5),
        "the strongest gust on record (408 km/h, Barrow Island, 1996)", _RECORDS, "wind",
    ),
    Quantity(
        "wind_speed_of_gust", _SPEEDS, (0, 408 / 3.6), (1, 40), (4, 17),
        "the strongest gust on record (408 km/h, Barrow Island, 1996)", _RECORDS, "wind",
    ),
    Quantity(
        "surface_air_pressure", _PRESSURES, (500, 1090), (540, 1060), (920, 1045),
        "from the highest settlements (about 5,100 m) to beyond the highest on record (1084.8 hPa)",
        f"{_RECORDS}; ICAO standard atmosphere", "pressure",
    ),
    Quantity(
        "air_pressure_at_mean_sea_level", _PRESSURES, (870, 1090), (950, 1060), (980, 1045),
        "the lowest (870 hPa, typhoon Tip) and beyond the highest (1084.8 hPa) on record",
        _RECORDS, "pressure",
    ),
    Quantity(
        "cloud_area_fraction",
        {"percent": Unit(1.0), "1": Unit(100.0), "okta": Unit(12.5), "tenths": Unit(10.0)},
        (0, 100), (0, 100), (0, 100), "a share of the sky", _CF,
    ),
    Quantity(
        "wind_from_direction",
        {"degree": Unit(1.0), "radian": Unit(180 / math.pi, digits=5)},
        (0, 360), (0, 360), (0, 360), "compass bearing; calm is reported as 0, north as 360",
        "WMO-No. 306 (2019), Manual on Codes, table 0877", kind=Kind.CIRCULAR,
    ),
    Quantity(
        "visibility_in_air",
        {
            "km": Unit(1.0, system="metric"),
            "mile": Unit(1.609344, system="imperial"),
            "m": Unit(0.001, system="metric"),
        },
        (0, 320), (0.05, 160), (4, 40),
        "what the curvature of the Earth and clean air allow from a high mountain",
        "WMO-No. 8 (2023), volume I, chapter 9",
    ),
    Quantity(
        "precipitation_amount in one hour", _DEPTHS, (0, 406), (0, 406), (0, 406),
        "beyond the one-hour record of 305 mm (Holt, 1947)", _RECORDS, "precipitation",
    ),
    Quantity(
        "precipitation_amount in one day", _DEPTHS, (0, 1825), (0, 1825), (0, 1825),
        "the 24-hour record (Foc-Foc, La Reunion, 1966)", _RECORDS, "precipitation",
    ),
    Quantity(
        "precipitation_amount", _DEPTHS, (0, 1825), (0, 1825), (0, 1825),
        "the 24-hour record (Foc-Foc, La Reunion, 1966)", _RECORDS, "precipitation",
    ),
    Quantity(
        "surface_snow_thickness",
        {"cm": Unit(1.0, system="metric"), "mm": Unit(0.1, system="metric"),
         "m": Unit(100.0, system="metric", digits=1), "inch": Unit(2.54, system="imperial")},
        (0, 1182), (0, 1182), (0, 300),
        "the deepest snow measured (1,182 cm, Mount Ibuki, 1927)",
        "Japan Meteorological Agency, ranking of observations",
    ),
    Quantity(
        "surface_downwelling_shortwave_flux_in_air", {"W m-2": Unit(1.0)},
        (-20, 2000), (-5, 700), (-5, 500),
        "the solar constant is 1361 W m-2 and clouds can add to it; at night sensors read below 0",
        "Kopp and Lean (2011), Geophys. Res. Lett. 38; Yordanov et al. (2013), JPV 3",
    ),
)  # fmt: skip  # one record per quantity reads better than one value per line
QUANTITIES: Mapping[str, Quantity] = {quantity.name: quantity for quantity in _ALL}
