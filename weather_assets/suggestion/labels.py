"""What could be forecast: a flag of two values, an amount of precipitation, or a type of weather.

Belongs here: finding the label and its spellings, and the events that they mean. Does not belong
here: columns that give it away (`leaking_columns`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from weather_assets.contract.cells import normalise_label
from weather_assets.contract.loading import listed
from weather_assets.suggestion.columns import Floats, Profile
from weather_assets.suggestion.names import looks_ahead, may_be_label, words
from weather_assets.suggestion.notes import Note, Weight

_YES = frozenset(
    ("yes", "y", "true", "t", "1", "1.0", "rain", "raining", "rainy", "wet", "ja", "oui", "si")
)
_NO = frozenset(
    ("no", "n", "false", "f", "0", "0.0", "dry", "none", "nein", "non", "norain", "no_rain")
)
_RAIN_WORD = re.compile(r"rain|drizzle|shower|thunder|storm|wet|precip")
_FROZEN_WORD = re.compile(r"snow|sleet|hail|ice|graupel")
_DRY_WORD = re.compile(
    r"^(no|not|non|without|dry)\b|^no_|^norain|sun|clear|fair|fog|cloud|overcast"
)
_MAXIMUM_TYPES = 40
_STEP_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


@dataclass(frozen=True, slots=True)
class LabelChoice:
    """What is proposed as the label.

    Attributes:
        column: header of the column; empty where none was found.
        positive: spellings of the event; with `negative` empty too, and no threshold, open.
        negative: spellings of its absence.
        levels: all spellings seen, where positive and negative are open.
        threshold: for an amount: more than this is the event.
        lead: how far ahead, as a contract spells it; empty for the row's own time.
        lead_seconds: the same in seconds.
        event: the event in words.
        possible_lead: a lead that could be given where there is none.
        notes: what is in doubt.
    """

    column: str = ""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    threshold: float | None = None
    lead: str = ""
    lead_seconds: float = 0.0
    event: str = "rain"
    possible_lead: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether a person must fill something in."""
        return not self.column or (self.threshold is None and not self.positive)


def choose_label(
    profiles: Mapping[str, Profile], amounts: Sequence[str], step_seconds: float | None
) -> LabelChoice:
    """Chooses what to forecast.

    Args:
        profiles: the columns that may be it.
        amounts: those of them that are amounts of precipitation.
        step_seconds: from row to row at one station, where that is regular.

    Returns:
        A flag where there is one, else an amount, else a type of weather, else an open choice.
    """
    flags = sorted((name for name in profiles if _is_flag(profiles[name])), key=_flag_rank)
    wet_and_dry = [name for name in amounts if _has_both(profiles[name])]
    types = [name for name in profiles if name not in flags and _is_type(profiles[name])]
    rest = [*flags, *wet_and_dry, *types]
    if flags:
        choice = _flag(profiles[flags[0]])
        if (lead := _lead(step_seconds)[0]) and not looks_ahead(flags[0]):
            sentence = "the label is of the row's own time; to forecast it, say how far ahead"
            choice = _with_notes(choice, Note(Weight.UNSURE, "[label] lead", sentence))
            choice = replace(choice, possible_lead=lead)
    elif wet_and_dry:
        choice = _amount(wet_and_dry[0], step_seconds)
    elif types:
        choice = _type(profiles[types[0]])
    else:
        return _nothing(profiles)
    others = [name for name in rest if name != choice.column]
    if not others:
        return choice
    note = Note(Weight.UNSURE, "[label]", f"{listed(others)} could be the label instead")
    return _with_notes(choice, note)


def events_of(choice: LabelChoice, profiles: Mapping[str, Profile]) -> Floats:
    """Returns for each row whether its own cell says the event: 1, 0, or NaN, [rows]."""
    found = profiles[choice.column]
    if choice.threshold is not None:
        return np.where(np.isnan(found.values), np.nan, found.values > choice.threshold)
    positive = {normalise_label(text) for text in choice.positive}
    negative = {normalise_label(text) for text in choice.negative}
    event_of = {
        text: 1.0 if normalise_label(text) in positive else 0.0
        for text in found.levels
        if normalise_label(text) in positive | negative
    }
    return np.array([event_of.get(cell, np.nan) for cell in found.cells], dtype=np.float64)


def events_ahead(
    events: Floats, seconds: Floats, stations: npt.NDArray[np.int64], lead_seconds: float
) -> Floats:
    """Returns for each row the event that its station sees `lead_seconds` later, NaN if unknown.

    Args:
        events: of each row's own time, [rows].
        seconds: instants, [rows].
        stations: number of each row's station, [rows].
        lead_seconds: the lead.
    """
    keys = zip(seconds.tolist(), stations.tolist(), strict=True)
    event_of = dict(zip(keys, events.tolist(), strict=True))
    return np.array(
        [
            event_of.get((instant + lead_seconds, station), np.nan)
            for instant, station in zip(seconds.tolist(), stations.tolist(), strict=True)
        ],
        dtype=np.float64,
    )


def _is_flag(found: Profile) -> bool:
    spelled = {normalise_label(text) for text in found.levels}
    if len(spelled) != 2:
        return len(spelled) == 1 and may_be_label(found.name) and bool(spelled & (_YES | _NO))
    return _says_rain(spelled) or may_be_label(found.name)


def _says_rain(spelled: set[str]) -> bool:
    return len(spelled) == 2 and sum(_names_rain(text) for text in spelled) == 1


def _flag_rank(name: str) -> tuple[bool, bool]:
    """What lies ahead is what is to be forecast; a name such as `y` says least."""
    return not looks_ahead(name), words(name) in {"y", "label", "target", "outcome"}


def _flag(found: Profile) -> LabelChoice:
    spellings = tuple(found.levels)
    spelled = {normalise_label(text) for text in spellings}
    event = "rain" + (" tomorrow" if "tomorrow" in words(found.name) else "")
    if len(spelled) < 2:
        sentence = (
            f"{found.name!r} has one value only ({listed(spellings)}) in the rows that were looked "
            "at; fill in both spellings, and look for a file that has both"
        )
        return _left_open(found, event, sentence)
    positive, negative = _divide(spelled)
    if not positive:
        sentence = f"nothing tells which of {listed(spellings)} in {found.name!r} means rain"
        return _left_open(found, event, sentence)
    notes: tuple[Note, ...] = ()
    if not (
        (positive in _YES or _names_rain(positive))
        and (negative in _NO or _DRY_WORD.search(negative))
    ):
        sentence = f"{positive!r} is taken as rain and {negative!r} as none"
        notes = (Note(Weight.UNSURE, "[label]", sentence),)
    elif words(found.name) in {"y", "label", "target", "outcome"} and not _says_rain(spelled):
        sentence = f"{found.name!r} is taken as rain or none, which neither name nor values say"
        notes = (Note(Weight.UNSURE, "[label]", sentence),)
    if missing := len(found.cells) - found.filled:
        sentence = (
            f"{missing} rows have no label and will be set aside; if a missing value means none "
            f"of {listed(spellings)}, write it out"
        )
        notes = (*notes, Note(Weight.UNSURE, "[label]", sentence))
    by_meaning = {
        meaning: tuple(text for text in spellings if normalise_label(text) == meaning)[:1]
        for meaning in (positive, negative)
    }
    return LabelChoice(
        found.name, by_meaning[positive], by_meaning[negative], event=event, notes=notes
    )


def _left_open(found: Profile, event: str, sentence: str) -> LabelChoice:
    notes = (Note(Weight.OPEN, "[label]", sentence),)
    return LabelChoice(found.name, levels=tuple(found.levels), event=event, notes=notes)


def _divide(spelled: set[str]) -> tuple[str, str]:
    """Returns which of two values means rain and which does not; nothing where neither says."""
    first, second = sorted(spelled)
    for one, other in ((first, second), (second, first)):
        if (one in _YES and other not in _YES) or (other in _NO and one not in _NO):
            return one, other
    for one, other in ((first, second), (second, first)):
        if _names_rain(one) and not _names_rain(other):
            return one, other
    return "", ""


def _names_rain(text: str) -> bool:
    return bool(_RAIN_WORD.search(text)) and not _DRY_WORD.search(text)


def _has_both(found: Profile) -> bool:
    return bool(np.any(found.observed > 0) and np.any(found.observed == 0))


def _amount(name: str, step_seconds: float | None) -> LabelChoice:
    lead, lead_seconds = _lead(step_seconds)
    limit = "more than 0 is taken as the event; 0.1 mm or 0.2 mm leave drizzle and dew out"
    if lead:
        step = (
            "the step from row to row" if lead_seconds == step_seconds else "not the step of a row"
        )
        sentence = f"{lead} ahead, {step}; any whole multiple of the step will do"
        when = {"1d": "tomorrow", "1h": "in the next hour"}.get(lead, f"{lead} ahead")
        event = f"precipitation {when}"
    else:
        event = "precipitation"
        sentence = (
            "the rows have no regular steps in time, so the label is of the row's own time; its "
            "column is no feature then"
        )
    notes = (
        Note(Weight.UNSURE, "[label] threshold", limit),
        Note(Weight.UNSURE, "[label] lead", sentence),
    )
    return LabelChoice(
        name, threshold=0.0, lead=lead, lead_seconds=lead_seconds, event=event, notes=notes
    )


def _lead(step_seconds: float | None) -> tuple[str, float]:
    """Returns the step as a lead; an hour where steps are shorter and divide it."""
    if step_seconds is None:
        return "", 0.0
    lead = 3_600.0 if step_seconds < 3_600 and 3_600 % step_seconds == 0 else step_seconds
    for size, unit in _STEP_UNITS:
        if lead % size == 0:
            return f"{lead / size:.0f}{unit}", lead
    return "", 0.0


def _is_type(found: Profile) -> bool:
    """Tells whether a column names types of weather, some with rain and some without."""
    if found.is_numeric or not 2 < len(found.levels) <= _MAXIMUM_TYPES:
        return False
    wet = [text for text in found.levels if _is_wet(text)]
    return 0 < len(wet) < len(found.levels)


def _is_wet(text: str) -> bool:
    folded = normalise_label(text)
    wet = _RAIN_WORD.search(folded) or _FROZEN_WORD.search(folded)
    return bool(wet) and not folded.startswith(("no ", "dry"))


def _type(found: Profile) -> LabelChoice:
    first: dict[str, str] = {}
    for text in found.levels:
        first.setdefault(normalise_label(text), text)
    positive = tuple(text for text in first.values() if _is_wet(text))
    negative = tuple(text for text in first.values() if not _is_wet(text))
    sentence = (
        f"types of weather: {listed(positive)} are taken as precipitation, {listed(negative)} as "
        "none"
    )
    notes = (Note(Weight.UNSURE, "[label]", sentence),)
    return LabelChoice(found.name, positive, negative, event="precipitation", notes=notes)


def _nothing(profiles: Mapping[str, Profile]) -> LabelChoice:
    two_valued = [name for name, found in profiles.items() if len(found.levels) == 2]
    hint = f"; two values have {listed(two_valued)}" if two_valued else ""
    sentence = (
        "no column says whether it rained: none has two values that mean rain or none, none is an "
        f"amount of precipitation{hint}; fill in column, and spellings or a threshold"
    )
    return LabelChoice(notes=(Note(Weight.OPEN, "[label]", sentence),))


def _with_notes(choice: LabelChoice, *notes: Note) -> LabelChoice:
    return replace(choice, notes=(*choice.notes, *notes))
