"""Texts and numbers that stand for a missing value in one file.

Belongs here: finding them, and telling those that would hit valid values of other columns. Does not
belong here: what becomes of a row that lacks a value (`processing.cells.validation`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from weather_assets.contract.cells import MISSING_WORDS, SENTINELS, number_of
from weather_assets.contract.loading import listed
from weather_assets.suggestion.columns import Floats, Profile, profile
from weather_assets.suggestion.notes import Note, Weight

_CERTAIN_SIZE = 900.0
"""A smaller number, such as 99, must occur more than once to count as a sentinel."""


def find_markers(columns: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], list[Note]]:
    """Finds what stands for a missing value.

    Args:
        columns: the cells of each column, trimmed.

    Returns:
        The texts, the most frequent first, as the cells spell them, and what is in doubt.
    """
    texts: Counter[str] = Counter()
    seen: dict[str, list[str]] = {}
    numeric: list[Profile] = []
    for name, cells in columns.items():
        known = frozenset(text for text in set(cells) if text.casefold() in MISSING_WORDS)
        found = profile(name, cells, known)
        if found.is_numeric or not found.filled:
            numeric.append(found)
        else:
            known = frozenset(text for text in known if not _may_be_level(text))
        texts.update({text: cells.count(text) for text in known})
        for text in known:
            seen.setdefault(text, []).append(name)
    sentinels, notes = _all_sentinels(numeric)
    if texts:
        shown = "; ".join(f"{text!r} in {listed(seen[text])}" for text, _ in texts.most_common())
        notes.append(Note(Weight.SAID, "missing_markers", f"taken as missing: {shown}"))
    return tuple(text for text, _ in (texts + sentinels).most_common()), notes


def _may_be_level(text: str) -> bool:
    """Tells whether a text among texts may be one of them: M of letters, none of kinds."""
    return text.casefold() in {"none", "nil"} or (len(text) == 1 and text.isalpha())


def _all_sentinels(numeric: Sequence[Profile]) -> tuple[Counter[str], list[Note]]:
    """Returns how often each sentinel occurs, and what is in doubt."""
    sentinels: Counter[str] = Counter()
    notes: list[Note] = []
    for found in numeric:
        for text, value in _sentinels(found).items():
            if clash := _clashing(value, numeric):
                notes.append(_clash(found.name, text, clash))
                continue
            sentinels[text] += found.levels[text]
            sentence = (
                f"{text!r} in column {found.name!r} ({found.levels[text]} times) is far from its "
                "other values and taken as missing"
            )
            notes.append(Note(Weight.UNSURE, "missing_markers", sentence))
    return sentinels, notes


def _sentinels(found: Profile) -> dict[str, float]:
    """Returns numbers that come out of nowhere in one column, by their spellings."""
    numbers = found.observed
    rest = numbers[~np.isin(numbers, list(SENTINELS))]
    if not len(rest):
        return {}
    return {
        text: value
        for text, count in found.levels.items()
        if (value := number_of(text)) in SENTINELS
        and (abs(value) >= _CERTAIN_SIZE or count > 1)
        and _is_far(value, rest)
    }


def _is_far(value: float, rest: Floats) -> bool:
    low, high = np.quantile(rest, [0.005, 0.995])
    gap = low - value if value < low else value - high
    return bool(gap > max(high - low, 10.0))


def _clashing(value: float, numeric: Sequence[Profile]) -> str:
    """Returns the name of a column to which the number would be an ordinary value, or nothing."""
    for other in numeric:
        rest = other.observed[~np.isin(other.observed, list(SENTINELS))]
        if len(rest) and rest.min() <= value <= rest.max() and not _is_far(value, rest):
            return other.name
    return ""


def _clash(name: str, text: str, other: str) -> Note:
    return Note(
        Weight.UNSURE,
        "missing_markers",
        f"{text!r} in column {name!r} looks like a missing value, but is an ordinary one in "
        f"{other!r}, and markers hold for all columns: not listed, so these rows will be set aside "
        "if the bounds exclude it; empty the cells to keep the rows",
    )
