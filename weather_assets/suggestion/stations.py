"""Where rows were observed: the column that tells rows of one time apart.

Belongs here: stations. Does not belong here: places as numbers (latitude), which are left out.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from weather_assets.suggestion.columns import Floats, Profile
from weather_assets.suggestion.names import may_be_place
from weather_assets.suggestion.notes import Note, Weight

Codes = npt.NDArray[np.int64]

_MAXIMUM_STATIONS = 2_000
_UNIQUE = 0.99


def find_station(profiles: Mapping[str, Profile], seconds: Floats) -> tuple[str, list[Note]]:
    """Finds the column that says where a row was observed.

    Args:
        profiles: the columns that may be it.
        seconds: instant of each row, NaN where unknown, [rows].

    Returns:
        Its name or nothing, and what is in doubt.
    """
    candidates = {
        name: found
        for name, found in profiles.items()
        if 2 <= len(found.levels) <= min(_MAXIMUM_STATIONS, max(2, found.filled // 5))
        and found.filled == len(found.cells)
        and (not found.is_numeric or (found.is_whole and may_be_place(name)))
    }
    has_time = not np.isnan(seconds).all()
    repeats = has_time and _distinct(seconds, np.zeros(len(seconds), dtype=np.int64)) < _UNIQUE
    named = [name for name in candidates if may_be_place(name)]
    if not repeats:
        return (named[0] if named else ""), []
    told = {name: _distinct(seconds, codes_of(candidates[name])) for name in candidates}
    telling = [name for name in told if told[name] >= _UNIQUE]
    for name in [name for name in telling if may_be_place(name)] or named:
        return name, [] if name in telling else [_still_repeating(name)]
    if telling:
        sentence = f"{telling[0]!r} tells rows of one time apart, so it is taken as the station"
        return telling[0], [Note(Weight.UNSURE, "station", sentence)]
    sentence = (
        "rows share their time with others, and no column tells them apart; if they are of several "
        "stations, name the column, else rows that contradict one another will be set aside"
    )
    return "", [Note(Weight.UNSURE, "station", sentence)]


def codes_of(found: Profile) -> Codes:
    """Returns a number for each cell that is equal for equal cells, [rows]."""
    number = {text: index for index, text in enumerate(found.levels)}
    return np.array([number.get(cell, -1) for cell in found.cells], dtype=np.int64)


def _distinct(seconds: Floats, codes: Codes) -> float:
    """Returns the share of rows whose time no other row of the same code has."""
    known = ~np.isnan(seconds)
    pairs = np.column_stack([seconds[known], codes[known]])
    return len(np.unique(pairs, axis=0)) / max(1, len(pairs))


def _still_repeating(name: str) -> Note:
    return Note(
        Weight.UNSURE,
        "station",
        f"{name!r} by its name, yet rows share station and time; those that contradict one another "
        "will be set aside",
    )
