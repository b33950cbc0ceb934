"""A sample of a file to a proposal: what each part of the contract would be, and what is in doubt.

Belongs here: the order in which the parts are found, and what one of them means for another. Does
not belong here: how any part is found, or how the result is written (`document`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from weather_assets.contract.limits import Limits
from weather_assets.contract.schema import OWN_COLUMNS, SplitMethod
from weather_assets.suggestion.columns import Floats, Profile, profile
from weather_assets.suggestion.labels import (
    LabelChoice,
    choose_label,
    events_ahead,
    events_of,
)
from weather_assets.suggestion.leaking_columns import find_leaks
from weather_assets.suggestion.markers import find_markers
from weather_assets.suggestion.measurements import (
    LeftOut,
    ProposedColumn,
    category_column,
    left_out,
    measured,
    quantity_column,
)
from weather_assets.suggestion.names import looks_ahead
from weather_assets.suggestion.notes import Note, Weight
from weather_assets.suggestion.proposal import Proposal
from weather_assets.suggestion.sampling import Sample
from weather_assets.suggestion.stations import Codes, codes_of, find_station
from weather_assets.suggestion.time_column import (
    TimeChoice,
    find_time,
    is_composite_year,
    modal_step,
    time_features,
)
from weather_assets.suggestion.unit_choice import choose_units
from weather_assets.suggestion.unit_evidence import Measured

_REGULAR = 0.8


def propose(sample: Sample, file: str) -> Proposal:
    """Proposes a contract for the file that a sample is from.

    Args:
        sample: some rows, or all.
        file: name of the file, for people.

    Returns:
        The proposal. Nothing in it is certain that its notes do not leave out.
    """
    markers, marker_notes = find_markers(sample.columns)
    missing = frozenset(markers)
    profiles = {name: profile(name, cells, missing) for name, cells in sample.columns.items()}
    series = _series(profiles, sample)
    label, columns, ignored = _parts(series, sample)
    composite = series.time.is_usable and is_composite_year(_known(series.time.seconds))
    names = [label.column, series.time.column, *(column.name for column in columns)]
    return Proposal(
        name=re.sub(r"[^a-z0-9]+", "_", file.casefold().split(".")[0]).strip("_") or "weather",
        file=file,
        rows=sample.rows,
        is_whole=sample.is_whole,
        markers=markers,
        time=series.time,
        features=time_features(_known(series.time.seconds), is_composite=composite, taken=names),
        station=series.station,
        label=label,
        split=_split(series.time, composite=composite),
        columns=columns,
        ignored=ignored,
        general=(
            *marker_notes,
            *_of_the_file(sample),
            *series.notes,
            *_of_the_split(series.time, composite=composite),
            *_of_the_features(columns),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Series:
    """The columns of a file, and how its rows follow one another.

    Attributes:
        profiles: all columns but the timestamp.
        time: the timestamp.
        station: column that says where, or nothing.
        codes: number of each row's station, [rows].
        step: from row to row at one station in seconds, where that is regular.
        notes: what is in doubt about place and step.
    """

    profiles: Mapping[str, Profile]
    time: TimeChoice
    station: str
    codes: Codes
    step: float | None
    notes: tuple[Note, ...]


def _series(profiles: Mapping[str, Profile], sample: Sample) -> _Series:
    time = find_time(profiles, sample.rows)
    rest = {name: found for name, found in profiles.items() if name != time.column}
    station, station_notes = find_station(_not_numbers(rest), time.seconds)
    codes = codes_of(rest[station]) if station else np.zeros(sample.rows, dtype=np.int64)
    step, step_notes = _step(time, sample, codes)
    return _Series(rest, time, station, codes, step, (*station_notes, *step_notes))


def _parts(
    series: _Series, sample: Sample
) -> tuple[LabelChoice, tuple[ProposedColumn, ...], tuple[LeftOut, ...]]:
    """Returns the label, the tables of the contract, and the columns that get none."""
    known = _measured(series)
    amounts = frozenset(
        name for name, column in known.items() if column.quantity.family == "precipitation"
    )
    may_be_label = {
        name: found
        for name, found in series.profiles.items()
        if name != series.station and name.casefold() not in OWN_COLUMNS
    }
    label = choose_label(may_be_label, [*filter(amounts.__contains__, may_be_label)], series.step)
    columns, ignored = _columns(series, known, sample, label)
    leaks = _leaks(columns, ignored, series, amounts, label)
    return (
        label,
        tuple(_as_leak(column, leaks.get(column.name)) for column in columns),
        tuple(_with_warning(column, leaks.get(column.name)) for column in ignored),
    )


def _known(seconds: Floats) -> Floats:
    return seconds[~np.isnan(seconds)]


def _not_numbers(profiles: Mapping[str, Profile]) -> Mapping[str, Profile]:
    """Returns the columns that may be a station: those whose name tells no quantity."""
    return {name: found for name, found in profiles.items() if measured(found, None) is None}


def _measured(series: _Series) -> dict[str, Measured]:
    found = {
        name: measured(column, series.step)
        for name, column in series.profiles.items()
        if name != series.station
    }
    return {
        name: column
        for name, column in found.items()
        # Two values under the name of an amount are a flag.
        if column is not None
        and not (column.quantity.family == "precipitation" and len(column.profile.levels) == 2)
    }


def _columns(
    series: _Series, known: Mapping[str, Measured], sample: Sample, label: LabelChoice
) -> tuple[tuple[ProposedColumn, ...], tuple[LeftOut, ...]]:
    """Returns the tables of the contract, in the file's order, and the columns that get none."""
    usable: dict[str, Measured] = {}
    ignored: list[LeftOut] = []
    for name, found in series.profiles.items():
        if name == series.station or (name == label.column and label.threshold is None):
            continue
        out = left_out(found, is_measured=name in known)
        if out is not None:
            ignored.append(out)
        elif name in known:
            usable[name] = known[name]
    units = choose_units(list(usable.values()), series.step)
    without_table = {column.name for column in ignored}
    columns: list[ProposedColumn] = []
    for name, found in series.profiles.items():
        if name in usable:
            columns.append(quantity_column(usable[name], units[name]))
        elif name == series.station or not (
            name in without_table or (name == label.column and label.threshold is None)
        ):
            columns.append(
                category_column(found, is_station=name == series.station, is_whole=sample.is_whole)
            )
    return tuple(columns), tuple(ignored)


def _leaks(
    columns: tuple[ProposedColumn, ...],
    ignored: tuple[LeftOut, ...],
    series: _Series,
    amounts: frozenset[str],
    label: LabelChoice,
) -> dict[str, str]:
    """Returns why columns give the label away; nothing for the column that it is read from."""
    if label.is_open:
        return {}
    events = events_of(label, series.profiles)
    if label.lead:
        events = events_ahead(events, series.time.seconds, series.codes, label.lead_seconds)
    is_ahead = bool(label.lead) or looks_ahead(label.column)
    judged = [column.name for column in columns if not column.required]
    judged += [column.name for column in ignored if not column.is_sure]
    if not label.lead and label.column in judged:
        judged.remove(label.column)
    leaks = find_leaks(
        {name: series.profiles[name] for name in judged},
        frozenset[str]() if is_ahead else amounts,
        events,
    )
    return leaks if label.lead or label.threshold is None else {**leaks, label.column: ""}


def _as_leak(column: ProposedColumn, why: str | None) -> ProposedColumn:
    if why is None:
        return column
    if not why:
        return replace(column, leak="the label is read from it")
    sentence = f"feature = false: {why}; say true if it is known when the forecast is made"
    notes = (*column.notes, Note(Weight.UNSURE, column.subject, sentence))
    return replace(column, leak=why, notes=notes)


def _with_warning(column: LeftOut, why: str | None) -> LeftOut:
    return replace(column, why=f"{column.why}; beware: {why}") if why else column


def _step(time: TimeChoice, sample: Sample, stations: Codes) -> tuple[float | None, list[Note]]:
    """Returns the regular step in time at one station, if there is one, and what is in doubt."""
    if not time.is_usable:
        return None, []
    groups = sample.blocks * (int(stations.max(initial=0)) + 2) + stations
    step, share, _ = modal_step(time.seconds, groups)
    if step is not None and share >= _REGULAR and step % 60 == 0:
        where = " at each station" if stations.any() else ""
        sentence = f"a row every {_spelled(step)}{where} ({share:.0%} of steps)"
        return step, [Note(Weight.SAID, "[timestamp]", sentence)]
    usual = "" if step is None else f"; the most frequent is {step:g} s, {share:.0%} of all"
    sentence = f"the steps from row to row are not regular{usual}"
    return None, [Note(Weight.UNSURE, "[timestamp]", sentence)]


def _spelled(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h")):
        if seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} min"


def _split(time: TimeChoice, *, composite: bool) -> SplitMethod:
    if not time.column:
        return SplitMethod.HASH
    return SplitMethod.DAY_OF_MONTH if composite else SplitMethod.CHRONOLOGICAL


def _of_the_split(time: TimeChoice, *, composite: bool) -> list[Note]:
    notes: list[Note] = []
    if composite:
        sentence = (
            "the months are of different years, as in a typical meteorological year: blocks of "
            "days, and no day of the year, which would name the year"
        )
        notes.append(Note(Weight.UNSURE, "[split]", sentence))
    if not time.column:
        sentence = (
            "rows without a time are divided at random (by a hash); if they are in order of time, "
            "that flatters the model"
        )
        notes.append(Note(Weight.UNSURE, "[split]", sentence))
    if time.is_usable and not time.has_offsets and "utc" not in time.column.casefold():
        sentence = (
            "no cell says its offset from UTC; name the zone (such as Europe/Berlin) if the times "
            "are local"
        )
        notes.append(Note(Weight.UNSURE, "[timestamp] timezone", sentence))
    return notes


def _of_the_file(sample: Sample) -> list[Note]:
    notes: list[Note] = []
    if sample.broken:
        sentence = (
            f"{sample.broken} records are not divided as the header is; they will be set aside"
        )
        notes.append(Note(Weight.UNSURE, "file", sentence))
    if sample.unnamed:
        sentence = f"{sample.unnamed} columns have no name and are not read"
        notes.append(Note(Weight.SAID, "file", sentence))
    if sample.rows < Limits().minimum_rows:
        sentence = f"{sample.rows} rows are few to tell units, label and leaks from"
        notes.append(Note(Weight.UNSURE, "file", sentence))
    return notes


def _of_the_features(columns: tuple[ProposedColumn, ...]) -> list[Note]:
    if not all(column.leak for column in columns):
        return []
    sentence = "no column can be a feature; write a table [columns.<name>] for one"
    return [Note(Weight.OPEN, "[columns]", sentence)]
