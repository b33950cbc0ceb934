"""Columns that give the label away: known only once it is, or the label in other words.

Belongs here: telling them by values, and by what they measure. Does not belong here: the check of
processed rows (`processing.doubts.leaks`), which sees all of them and has the last word.
"""

from collections.abc import Mapping

import numpy as np

from weather_assets.contract.agreement import ROWS_PER_CLASS, SEPARATING_AUC, separation
from weather_assets.suggestion.columns import Floats, Profile
from weather_assets.suggestion.names import looks_ahead

_LIKE_THE_LABEL_AUC = 0.9
"""From here on an amount of precipitation beside a rain flag is of the same time as the flag."""
_ROWS_PER_LEVEL = 5


def find_leaks(
    profiles: Mapping[str, Profile], amounts: frozenset[str], events: Floats
) -> dict[str, str]:
    """Finds columns that must not be features.

    Args:
        profiles: the columns that would be features.
        amounts: those of them that are precipitation, in a file whose label is of the row's own
            time; empty where it lies ahead.
        events: the label of each row: 1, 0 or NaN, [rows].

    Returns:
        By column, what speaks against it, as a clause.
    """
    if min(np.count_nonzero(events == 1), np.count_nonzero(events == 0)) < ROWS_PER_CLASS:
        return {
            name: "precipitation of the row's own time is the label in other words"
            for name in profiles
            if name in amounts
        }
    found = {
        name: _against(column, events, is_amount=name in amounts)
        for name, column in profiles.items()
    }
    return {name: why for name, why in found.items() if why}


def _against(found: Profile, events: Floats, *, is_amount: bool) -> str:
    codes = _ordered(found, events)
    missing = np.isnan(codes) & ~np.isnan(events)
    if missing.any() and _is_exactly(missing, events):
        return "it is missing exactly where the label is of one kind"
    found_area = _separation(codes, events)
    area = f"(ROC AUC {found_area:.3f})"
    if found_area >= SEPARATING_AUC:
        return (
            f"by itself it tells rows with the event from those without {area}, so it is known "
            "only afterwards, or the label in other words"
        )
    if is_amount and found_area >= _LIKE_THE_LABEL_AUC:
        return f"precipitation of the label's own time is the label in other words {area}"
    return "its name speaks of a time after the row's own" if looks_ahead(found.name) else ""


def _is_exactly(missing: np.ndarray, events: Floats) -> bool:
    known = ~np.isnan(events)
    labels = events[known] == 1
    return bool(np.array_equal(missing[known], labels) or np.array_equal(missing[known], ~labels))


def _ordered(found: Profile, events: Floats) -> Floats:
    """Returns numbers as they are, and levels by how often the event comes with them."""
    if found.is_numeric and len(found.levels) > 2:
        return found.values
    rates: dict[str, float] = {}
    sums: dict[str, list[float]] = {}
    for cell, event in zip(found.cells, events.tolist(), strict=True):
        if cell and not np.isnan(event):
            sums.setdefault(cell, []).append(event)
    for level, seen in sums.items():
        # A level of few rows is pure by chance.
        rates[level] = float(np.mean(seen)) if len(seen) >= _ROWS_PER_LEVEL else np.nan
    return np.array([rates.get(cell, np.nan) for cell in found.cells], dtype=np.float64)


def _separation(values: Floats, events: Floats) -> float:
    """Returns the ROC AUC in the direction that suits; 0.5 where too few rows tell."""
    known = ~np.isnan(values) & ~np.isnan(events)
    with_event, without = values[known & (events == 1)], values[known & (events == 0)]
    if min(len(with_event), len(without)) < ROWS_PER_CLASS:
        return 0.5
    return separation(with_event, without)
