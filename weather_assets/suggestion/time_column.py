"""When rows were observed: the column, how its cells are written, and the steps from row to row.

Belongs here: timestamps and what follows from them (features of time, composite years). Does not
belong here: stations (`stations`), or what a cell in some format says
(`weather_assets.contract.cells`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from weather_assets.contract.cells import ISO8601, instant_of, timestamp_pattern
from weather_assets.contract.loading import listed
from weather_assets.suggestion.columns import Floats, Profile
from weather_assets.suggestion.names import is_calendar, may_be_time, words
from weather_assets.suggestion.notes import Note, Weight

_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%Y%m%d")
_CLOCKS = ("", " %H:%M", "T%H:%M", " %H:%M:%S", "T%H:%M:%S", " %H", "T%H", " %H%M", "_%H%M")
_OTHERS = ("%Y-%m-%d %H", "%Y-%m-%dT%H", "%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S")
FORMATS = (ISO8601, *(date + clock for clock in _CLOCKS for date in _DATES), *_OTHERS)
"""What is tried, in this order."""

_SHARE_READ = 0.9
_SECONDS_PER_DAY = 86_400
_DAYS_OF_SEASONS = 2 * 365
"""From two years on, a day of the year occurs often enough not to name one row."""
_OR_NO_TIME = (
    'or delete this table and say method = "hash" below (a random split of rows in order of time '
    "flatters the model)"
)
_TWELVE_HOUR_CLOCK = re.compile(r"\d\s*[ap]\.?m\.?\b|[A-Za-z]{3,}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TimeChoice:
    """When rows were observed.

    Attributes:
        column: header of the column; empty where the file has none.
        formats: how its cells can be read; more than one leaves the choice open, none says that
            no format reads it.
        has_offsets: whether every cell says its offset from UTC.
        seconds: instant of each row since 1970 in the first format, NaN where unread, [rows].
        notes: what is in doubt.
    """

    column: str
    formats: tuple[str, ...]
    has_offsets: bool
    seconds: Floats
    notes: tuple[Note, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether there is a time that a person must say how to read."""
        return bool(self.column) and len(self.formats) != 1

    @property
    def is_usable(self) -> bool:
        """Whether the rows have a time."""
        return bool(self.column) and len(self.formats) == 1


def find_time(profiles: Mapping[str, Profile], rows: int) -> TimeChoice:
    """Finds the timestamp of a file.

    Args:
        profiles: all columns.
        rows: how many rows they have.
    """
    nothing = np.full(rows, np.nan)
    readings = {
        name: reading
        for name, found in profiles.items()
        if (reading := _read(found)) and not (found.is_numeric and not may_be_time(name))
    }
    if not readings:
        return _unreadable(profiles, nothing)
    # The finer of two is the time of observation; the name settles the rest.
    name = max(
        readings, key=lambda name: (len(profiles[name].levels), may_be_time(name), -len(name))
    )
    notes = [_other_times(name, readings)] if len(readings) > 1 else []
    formats = readings[name]
    if formats[1:]:
        formats, note = _by_steps(profiles[name], formats)
        notes.append(note)
    has_offsets, unique = _instants(profiles[name], formats[0])
    seconds = _spread(profiles[name], unique)
    clock = _clock_elsewhere(name, profiles, seconds)
    if clock:
        notes.append(_divided(name, clock))
        return TimeChoice(name, (), has_offsets=False, seconds=nothing, notes=tuple(notes))
    unread = sum(count for text, count in profiles[name].levels.items() if np.isnan(unique[text]))
    if unread:
        sentence = f"{unread} cells cannot be read as {formats[0]}; their rows will be set aside"
        notes.append(Note(Weight.UNSURE, "[timestamp]", sentence))
    return TimeChoice(name, formats, has_offsets, seconds, tuple(notes))


def time_features(seconds: Floats, *, is_composite: bool, taken: Sequence[str]) -> tuple[str, ...]:
    """Returns the cyclic features that the times can carry.

    Args:
        seconds: instants, without NaN.
        is_composite: see `is_composite_year`.
        taken: names of columns, which may not occur twice.
    """
    features: list[str] = []
    if np.count_nonzero(np.diff(np.unique(seconds % _SECONDS_PER_DAY))):
        features.append("hour_of_day")
    span_days = (seconds.max() - seconds.min()) / _SECONDS_PER_DAY if len(seconds) else 0
    if span_days >= _DAYS_OF_SEASONS and not is_composite:
        features.append("day_of_year")
    return tuple(feature for feature in features if feature not in taken)


def is_composite_year(seconds: Floats) -> bool:
    """Tells whether the months are of different years, as in a typical meteorological year (TMY).

    Args:
        seconds: instants, without NaN.
    """
    if not len(seconds) or seconds.max() - seconds.min() < 400 * _SECONDS_PER_DAY:
        return False
    of_row = seconds.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    months, counts = np.unique(of_row, return_counts=True)
    # The last hour of a month may be stamped as the first instant of the next one.
    months = months[counts > 0.1 * counts.max()]
    return bool(len(months) >= 6 and len(np.unique(months % 12)) == len(months))


def modal_step(seconds: Floats, groups: npt.NDArray[np.int64]) -> tuple[float | None, float, float]:
    """Returns the usual step in time, its share among all steps, and the share of repeated times.

    Args:
        seconds: instants, NaN where there is none, [rows].
        groups: rows of different groups (stations, blocks of the sample) are not compared, [rows].

    Returns:
        The step in seconds; None where fewer than ten steps were seen.
    """
    known = ~np.isnan(seconds)
    order = np.lexsort((seconds[known], groups[known]))
    times, of = seconds[known][order], groups[known][order]
    steps = np.diff(times)[np.diff(of) == 0]
    ahead = steps[steps > 0]
    repeated = float(np.mean(steps == 0)) if len(steps) else 0.0
    if len(ahead) < 10:
        return None, 0.0, repeated
    values, counts = np.unique(ahead, return_counts=True)
    return float(values[counts.argmax()]), float(counts.max() / len(ahead)), repeated


def _read(found: Profile) -> tuple[str, ...]:
    """Returns the formats in which nearly all cells of a column are a time; two at most."""
    if len(found.levels) < 2:
        return ()
    some = dict(found.levels.most_common(50))
    fitting: list[str] = []
    for format_ in FORMATS:
        if not any(_instant(text, format_)[1] for text in some):
            continue
        read = sum(count for text, count in found.levels.items() if _instant(text, format_)[1])
        if read >= _SHARE_READ * found.filled:
            fitting.append(format_)
            if format_ == ISO8601:
                break
    return tuple(fitting[:2])


def _instants(found: Profile, format_: str) -> tuple[bool, dict[str, float]]:
    """Returns whether every readable cell has an offset, and the instant of each text, or NaN."""
    has_offsets = True
    seconds: dict[str, float] = {}
    for text in found.levels:
        has_offset, instant = _instant(text, format_)
        seconds[text] = instant.timestamp() if instant else np.nan
        has_offsets = has_offsets and (has_offset or instant is None)
    return has_offsets, seconds


def _instant(text: str, format_: str) -> tuple[bool, datetime | None]:
    """Returns whether a cell has an offset, and its instant (as UTC where it has none), or None."""
    match = timestamp_pattern(format_).fullmatch(text)
    if match is None:
        return False, None
    return bool(match.groupdict().get("offset")), instant_of(match, UTC)


def _spread(found: Profile, unique: Mapping[str, float]) -> Floats:
    return np.array([unique.get(cell, np.nan) for cell in found.cells], dtype=np.float64)


def _by_steps(found: Profile, formats: tuple[str, ...]) -> tuple[tuple[str, ...], Note]:
    """Chooses between day and month first by the order of rows, or leaves both."""
    shares: list[float] = []
    for format_ in formats:
        steps = np.diff(_spread(found, _instants(found, format_)[1]))
        ahead = steps[steps > 0]
        _, counts = np.unique(ahead, return_counts=True)
        backward = float(np.mean(steps < 0)) if len(steps) else 0.0
        shares.append(float(counts.max() / len(steps)) - backward if len(ahead) else -backward)
    first, second = formats
    if abs(shares[0] - shares[1]) < 0.1:
        sentence = (
            f"the cells of {found.name!r} can be read as {first} and as {second}; fill in column "
            "and format"
        )
        return formats, Note(Weight.OPEN, "[timestamp]", sentence)
    best, other = (first, second) if shares[0] > shares[1] else (second, first)
    sentence = f"{other} would read every cell too; with {best} the rows are in order of time"
    return (best,), Note(Weight.UNSURE, "[timestamp]", sentence)


def _clock_elsewhere(name: str, profiles: Mapping[str, Profile], seconds: Floats) -> str:
    """Returns the column that holds the hours of a column of days, or nothing."""
    days = seconds[~np.isnan(seconds)]
    if np.any(days % _SECONDS_PER_DAY) or len(np.unique(days)) > 0.9 * len(days):
        return ""
    for other, found in profiles.items():
        if other == name:
            continue
        clock = sum(
            count for text, count in found.levels.items() if re.match(r"\d{1,2}:\d\d", text)
        )
        if clock >= _SHARE_READ * found.filled > 0 or words(other) in {"hour", "hr", "time"}:
            return other
    return ""


def _divided(day: str, clock: str) -> Note:
    return Note(
        Weight.OPEN,
        "[timestamp]",
        f"the time is divided over {day!r} and {clock!r}, and a contract takes one column: join "
        f"them in the file and fill in column, {_OR_NO_TIME}",
    )


def _other_times(name: str, readings: Mapping[str, object]) -> Note:
    rest = [other for other in readings if other != name]
    return Note(
        Weight.UNSURE,
        "[timestamp]",
        f"{listed(rest)} could be the time of observation too; {name!r} tells more rows apart",
    )


def _unreadable(profiles: Mapping[str, Profile], nothing: Floats) -> TimeChoice:
    """Returns an open choice where a column is a time in no format, or that there is none."""
    for name, found in profiles.items():
        if not may_be_time(name) or is_calendar(name) or len(found.levels) < 0.05 * found.filled:
            continue
        examples = listed([text for text, _ in found.levels.most_common(2)])
        is_epoch = found.is_numeric and float(np.median(found.observed)) > 1e8
        is_written = not found.is_numeric and any(
            _TWELVE_HOUR_CLOCK.search(text) and re.search(r"\d", text) for text in found.levels
        )
        if is_epoch or is_written or (not found.is_numeric and len(found.levels) > 10):
            what = "seconds since 1970" if is_epoch else "a time"
            note = Note(
                Weight.OPEN,
                "[timestamp]",
                f"{name!r} looks like {what} ({examples}), which a contract cannot read: write "
                "2026-11-23T06:00:00Z or numbers of year, month and day in the file and fill in "
                f"column, {_OR_NO_TIME}",
            )
            return TimeChoice(name, (), has_offsets=False, seconds=nothing, notes=(note,))
    parts = [name for name in profiles if is_calendar(name)]
    notes: tuple[Note, ...] = ()
    if parts:
        notes = (
            Note(
                Weight.UNSURE,
                "[split]",
                f"{listed(parts)} may be parts of a time, and a contract takes one column: join "
                "them in the file, so that the newest rows test and not random ones",
            ),
        )
    return TimeChoice("", (), has_offsets=False, seconds=nothing, notes=notes)
