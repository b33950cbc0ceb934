"""What the name of a column says: a quantity, a unit, or another role than a measurement's.

Belongs here: spellings that weather files in use have (ASOS, GHCN, Meteostat, Open-Meteo, the
Australian and other public sets; English, German, French and Spanish words). Does not belong here:
spellings of units (`weather_assets.contract.quantities`), or whether the values agree
(`unit_evidence`).
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from weather_assets.contract.quantities import QUANTITIES


class Meaning(NamedTuple):
    """What a name says.

    Attributes:
        quantity: a key of `QUANTITIES`; empty where the name says none.
        unit: its unit; empty where the name says none.
        detail: `maximum`, `minimum` or `mean` where the name says so, else empty.
    """

    quantity: str = ""
    unit: str = ""
    detail: str = ""


_AIR, _DEW, _WIND = "air_temperature", "dew_point_temperature", "wind_speed"
_GUST, _FROM = "wind_speed_of_gust", "wind_from_direction"
_SURFACE, _SEA_LEVEL = "surface_air_pressure", "air_pressure_at_mean_sea_level"
PRECIPITATION = "precipitation_amount"

# Headers whose names imply the unit: of the Iowa Environmental Mesonet's ASOS files, then of NOAA's
# Global Surface Summary of the Day.
_KNOWN: Mapping[str, Meaning] = {
    "tmpf": Meaning(_AIR, "degF"),
    "dwpf": Meaning(_DEW, "degF"),
    "tmpc": Meaning(_AIR, "degC"),
    "dwpc": Meaning(_DEW, "degC"),
    "sknt": Meaning(_WIND, "knot"),
    "p01i": Meaning(PRECIPITATION, "inch"),
    "p01m": Meaning(PRECIPITATION, "mm"),
    "alti": Meaning(_SEA_LEVEL, "inHg"),
    "vsby": Meaning("visibility_in_air", "mile"),
    "drct": Meaning(_FROM, "degree"),
    "relh": Meaning("relative_humidity", "percent"),
    "wdsp": Meaning(_WIND, "knot", "mean"),
    "mxspd": Meaning(_WIND, "knot", "maximum"),
    "stp": Meaning(_SURFACE, "hPa"),
    "sndp": Meaning("surface_snow_thickness", "inch"),
}

_NOT_WEATHER_AIR = (
    r"soil|water|sea surface|\bsst\b|feel|apparent|chill|heat index|bulb|index|indoor|"
    r"boden|wasser|gefue?hlt|innen|\bsol\b|ressentie|suelo"
)
_QUANTITIES: tuple[tuple[str, str, str], ...] = (
    # quantity, pattern that must be found, pattern that must not
    (_DEW, r"\bdew|\bdwp|\btd\b|\bdpt\b|taupunkt|\brosee|rocio", ""),
    (
        "relative_humidity",
        r"\bhum|\brh\b|\brhum\b|\brelh\b|feucht",
        r"specific|absolut|soil|indoor|boden|innen",
    ),
    ("surface_snow_thickness", r"snow (depth|thick|on ground)|\bsnwd\b|schneehoe?he", ""),
    (
        PRECIPITATION,
        (
            r"precip|\bprcp|rain|\bppt\b|\bpcp\b|\bp 01|\bprec\b|\btp\b|"
            r"niederschlag|regen|pluie|lluvia"
        ),
        r"prob|chance|\bpop\b|hours|days|wahrschein|dauer",
    ),
    (_FROM, r"\bdir|direction|bearing|\bwd\b|\bwdir\b|\bdrct\b|winddir|windrichtung", ""),
    (_GUST, r"gust|\bwpgt\b|peak wind|windspitze|\bbo(e|en)\b|rafale|\bracha", ""),
    (_WIND, r"wind|\bwspd|\bws\b|\bsknt\b|\bawnd\b|\bwnd|\bvent\b|viento", r"chill"),
    (
        _SEA_LEVEL,
        r"\bmslp?\b|\bslp\b|sea level|\bqnh\b|altimeter|meeres|niveau de la mer|nivel del mar",
        "",
    ),
    (_SURFACE, r"\bpres|\bbaro|\bp\b|\bqfe\b|\bps\b|druck", r"vapou?r|vapeur|dampf"),
    (
        "cloud_area_fraction",
        r"cloud|\bsky cover|\btcc\b|\bokta|\bcc\b|bewoe?lkung|bedeckung|nebulosite|nubosidad",
        r"height|base",
    ),
    ("visibility_in_air", r"\bvis|\bvsby\b|sichtweite", r"ultra"),
    (
        "surface_downwelling_shortwave_flux_in_air",
        r"solar|\bghi\b|shortwave|irradiance|globalstrahlung|rayonnement global|radiacion",
        "",
    ),
    (_AIR, r"temp|^(max|min)$|\bt(a|avg|max|min)?\b|\btmp|dry bulb", _NOT_WEATHER_AIR),
)
_DETAILS = (
    ("maximum", r"max|highest|hoe?chst"),
    ("minimum", r"min\b|minim|lowest|tiefst"),
    ("mean", r"mean|avg|mittel|moyenne|\bmedia\b"),
)

_HEIGHT = re.compile(r"[ _]?\b\d+ ?m\b", re.IGNORECASE)
"""`temperature_2m`: a height above ground, not a unit."""


def words(name: str) -> str:
    """Returns a name as lower-case words divided by single spaces, letters without their marks."""
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", name)
        if not unicodedata.combining(letter)
    )
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])", " ", bare)
    return " ".join(re.sub(r"[^0-9a-z]+", " ", spaced.casefold()).split())


def meaning_of(name: str) -> Meaning:
    """Returns what a column's name says about what it measures, and in which unit."""
    known = _KNOWN.get(name.strip().casefold())
    if known is not None:
        return known
    text = words(_HEIGHT.sub("", name))
    for quantity, present, absent in _QUANTITIES:
        if re.search(present, text) and not (absent and re.search(absent, text)):
            detail = next((what for what, pattern in _DETAILS if re.search(pattern, text)), "")
            return Meaning(quantity, _unit(name, quantity), detail)
    return Meaning()


def _unit(name: str, quantity: str) -> str:
    """Returns the unit that a name ends with, in brackets or behind a mark, or nothing."""
    bare = _HEIGHT.sub("", name).strip()
    for name_of_unit, unit in QUANTITIES[quantity].units.items():
        spellings = "|".join(map(re.escape, unit.spellings))
        if re.search(rf"(?:[\s_(\[./,-])(?:{spellings})\s*[)\]]?$", bare, re.IGNORECASE):
            return name_of_unit
        # A capital behind a small letter begins a word: TempC, WindSpeedMPH.
        for start in re.finditer(r"(?<=[a-z])(?=[A-Z])", bare):
            if bare[start.end() :].casefold() in unit.spellings:
                return name_of_unit
    return ""


def _found(pattern: str, name: str) -> bool:
    return re.search(pattern, words(name)) is not None


is_calendar = partial(
    _found,
    r"^(year|yr|month|mon|mo|day|dy|hour|hr|minute|week|weekday|season|quarter|doy|yday|"
    r"day of (week|month|year)|hour of day|is weekend)$",
)
"""Tells whether a column is a part of the time, such as `month`."""
may_be_time = partial(
    _found,
    r"\b(time|date|datetime|timestamp|valid|day|utc|datum|zeit|fecha|mess datum|observed|dt)\b|"
    r"(time|date)$",
)
"""Tells whether a name speaks of a time."""
may_be_place = partial(
    _found,
    r"\b(station|site|location|city|place|town|airport|origin|stn|icao|usaf|wmo id|sensor)\b|"
    r"\bregion\b",
)
"""Tells whether a name speaks of a place of observation."""
is_row_number = partial(_found, r"^(id|index|no|nr|row|row (id|number)|number|unnamed 0|record)$")
"""Tells whether a name is one of those that numbers of rows have."""
is_whereabouts = partial(_found, r"\b(lat|lon|lng|latitude|longitude|elev|elevation|altitude)\b")
"""Tells whether a column says where a station is."""
may_be_code = partial(_found, r"\b(code|type|condition|conditions|symbol|weather|sky)\b|summary")
"""Tells whether whole numbers under this name may be codes of categories."""
looks_ahead = partial(_found, r"tomorrow|\bnext\b|future|\bahead\b|forecast|risk")
"""Tells whether a name speaks of a time after the row's own."""
may_be_label = partial(
    _found,
    r"rain|precip|prcp|wet\b|\bwet|snow|storm|drizzle|umbrella|\blabel\b|\btarget\b|\by\b|outcome|"
    r"regen|niederschlag|pluie|lluvia",
)
"""Tells whether two values under this name may say whether it rained."""
