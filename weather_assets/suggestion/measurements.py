"""One column of the file to one table of the contract, or to the list of those that are not read.

Belongs here: kind, bounds, categories, and why a column is left out. Does not belong here: the unit
(`unit_choice`), the label (`labels`) or how TOML is written (`document`).
"""

from dataclasses import dataclass

import numpy as np

from weather_assets.contract.columns import Kind
from weather_assets.contract.loading import listed
from weather_assets.contract.quantities import QUANTITIES
from weather_assets.contract.schema import OWN_COLUMNS
from weather_assets.suggestion.columns import Profile
from weather_assets.suggestion.names import (
    PRECIPITATION,
    is_calendar,
    is_row_number,
    is_whereabouts,
    may_be_code,
    meaning_of,
)
from weather_assets.suggestion.notes import Note, Weight
from weather_assets.suggestion.unit_choice import UnitChoice
from weather_assets.suggestion.unit_evidence import Measured, precipitation_quantity

_MAXIMUM_LEVELS, _ROWS_PER_LEVEL = 50, 5
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a column's values may be, in one unit.

    Attributes:
        unit: the unit.
        minimum: lowest possible value.
        maximum: highest possible value.
        period: length of the circle, for directions.
    """

    unit: str
    minimum: float
    maximum: float
    period: float | None = None


@dataclass(frozen=True, slots=True)
class ProposedColumn:
    """One table `[columns.<name>]`.

    Attributes:
        name: header of the column.
        quantity: what it measures.
        kind: numeric, circular or category.
        bounds: one: the choice; several: one per unit that may be filled in; none: a category.
        categories: every level seen.
        why: why this unit, as a clause.
        reason: why the bounds are where they are.
        source: where they come from.
        required: whether a missing cell sets the row aside.
        leak: why it is no feature, as a clause; empty for a feature.
        notes: what is in doubt.
    """

    name: str
    quantity: str
    kind: Kind = Kind.NUMERIC
    bounds: tuple[Bounds, ...] = ()
    categories: tuple[str, ...] = ()
    why: str = ""
    reason: str = ""
    source: str = ""
    required: bool = False
    leak: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def subject(self) -> str:
        """How notes call it."""
        return f"[columns.{self.name}]"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not read.

    Attributes:
        name: its header.
        why: the reason, as a clause.
        is_sure: whether there is nothing to check.
    """

    name: str
    why: str
    is_sure: bool = True

    def note(self) -> Note:
        """Returns what to say about it."""
        weight = Weight.SAID if self.is_sure else Weight.UNSURE
        return Note(weight, "ignored", f"{self.name!r} is left out: {self.why}")


def measured(found: Profile, step_seconds: float | None) -> Measured | None:
    """Returns a column of numbers together with its quantity, or None where the name tells none."""
    meaning = meaning_of(found.name)
    if not meaning.quantity or not found.is_numeric or found.is_constant:
        return None
    quantity = (
        precipitation_quantity(step_seconds)
        if meaning.quantity == PRECIPITATION
        else QUANTITIES[meaning.quantity]
    )
    return Measured(found, meaning, quantity)


def left_out(found: Profile, *, is_measured: bool) -> LeftOut | None:
    """Returns why a column is not read, or None where it can be a category or a quantity.

    Args:
        found: the column; neither time nor station nor label.
        is_measured: whether its quantity is known.
    """
    if found.name.casefold() in OWN_COLUMNS:
        why = "a column that is added has this name; rename it to use it"
        return LeftOut(found.name, why, is_sure=False)
    if not found.filled:
        return LeftOut(found.name, "it has no value")
    if found.is_constant:
        return LeftOut(found.name, f"it is {next(iter(found.levels))!r} in every row")
    return None if is_measured else (_without_weather(found) or _unusable(found))


def _without_weather(found: Profile) -> LeftOut | None:
    name = found.name
    if is_calendar(name):
        return LeftOut(name, "a part of the time, of which a timestamp says more")
    if is_whereabouts(name):
        return LeftOut(name, "it says where the station is, not what the weather is")
    if found.counts_rows or (is_row_number(name) and found.is_whole and len(found.levels) > 2):
        return LeftOut(name, "it numbers the rows")
    return None


def _unusable(found: Profile) -> LeftOut | None:
    name = found.name
    if found.has_units_in_cells or found.has_grouped_digits:
        examples = listed([text for text, _ in found.not_numbers.most_common(2)])
        what = "numbers with units" if found.has_units_in_cells else "numbers with separators"
        why = f"{what} in the cells ({examples}); leave plain numbers there to use it"
        return LeftOut(name, why, is_sure=False)
    if found.is_numeric and len(found.levels) > 2 and not _is_code(found):
        low, high = found.observed.min(), found.observed.max()
        why = (
            f"numbers from {low:g} to {high:g} of a quantity that its name does not tell; to use "
            "it, write a table for it, with unit and bounds"
        )
        return LeftOut(name, why, is_sure=False)
    if _has_too_many_levels(found) and not _is_code(found):
        return LeftOut(name, f"{len(found.levels):,} different texts are no categories")
    return None


def _is_code(found: Profile) -> bool:
    return found.is_whole and may_be_code(found.name) and not _has_too_many_levels(found)


def _has_too_many_levels(found: Profile) -> bool:
    limit = min(_MAXIMUM_LEVELS, max(2, found.filled // _ROWS_PER_LEVEL))
    return len(found.levels) > limit


def quantity_column(column: Measured, choice: UnitChoice) -> ProposedColumn:
    """Returns the table of a column of numbers."""
    units = (choice.unit,) if choice.unit else choice.others
    quantity = column.quantity
    bounds = tuple(_bounds(column, unit) for unit in units if unit in quantity.units)
    subject = f"[columns.{column.name}]"
    notes: list[Note] = []
    if not choice.unit:
        sentence = f"unit: {choice.why}; fill in unit and bounds"
        notes.append(Note(Weight.OPEN, subject, sentence))
    elif choice.others:
        sentence = f"unit {choice.unit}: {choice.why}; possible too: {' or '.join(choice.others)}"
        notes.append(Note(Weight.UNSURE, subject, sentence))
    notes += _rows_set_aside(column, bounds[0] if choice.unit else None, subject)
    detail = f", {column.meaning.detail}" if column.meaning.detail else ""
    return ProposedColumn(
        name=column.name,
        quantity=quantity.name + detail,
        kind=quantity.kind,
        bounds=bounds,
        why=choice.why if choice.is_certain else "",
        reason=quantity.reason,
        source=quantity.source,
        notes=tuple(notes),
    )


def category_column(found: Profile, *, is_station: bool, is_whole: bool) -> ProposedColumn:
    """Returns the table of a column of levels.

    Args:
        found: the column.
        is_station: whether it says where.
        is_whole: whether every row of the file was seen.
    """
    subject = f"[columns.{found.name}]"
    notes: list[Note] = []
    if found.is_numeric and not is_station:
        sentence = f"the numbers {listed(sorted(found.levels)[:_SHOWN])} are taken as categories"
        notes.append(Note(Weight.UNSURE, subject, sentence))
    if not is_whole:
        sentence = (
            f"categories: the {len(found.levels)} of the rows that were looked at; rows with "
            "others will be set aside"
        )
        notes.append(Note(Weight.UNSURE, subject, sentence))
    return ProposedColumn(
        name=found.name,
        quantity="platform_name" if is_station else f"{found.name}, as categories",
        kind=Kind.CATEGORY,
        categories=tuple(sorted(found.levels)),
        required=is_station,
        notes=tuple(notes),
    )


def _bounds(column: Measured, unit: str) -> Bounds:
    scale = column.quantity.units[unit]
    low, high = scale.bounds(*column.quantity.bounds)
    if column.quantity.period is None:
        return Bounds(unit, low, high)
    turn = scale.from_reference(column.quantity.period)
    if float(column.profile.observed.min()) < 0:
        half = high / 2
        return Bounds(unit, -half, half, turn)
    return Bounds(unit, low, high, turn)


def _rows_set_aside(column: Measured, bounds: Bounds | None, subject: str) -> list[Note]:
    notes: list[Note] = []
    texts = column.profile.not_numbers
    if texts:
        examples = listed([text for text, _ in texts.most_common(_SHOWN)])
        trace = ""
        if column.quantity.family == "precipitation" and {"T", "t"} & set(texts):
            trace = "; T is a trace, too little to measure: write 0 there to keep the rows"
        sentence = f"{texts.total()} cells are no numbers ({examples}); rows set aside{trace}"
        notes.append(Note(Weight.UNSURE, subject, sentence))
    if bounds is not None:
        values = column.profile.observed
        outside = values[(values < bounds.minimum) | (values > bounds.maximum)]
        if len(outside):
            examples = ", ".join(f"{value:g}" for value in np.unique(outside)[-_SHOWN:])
            sentence = (
                f"{len(outside)} values lie outside the bounds ({examples}); their rows will be "
                "set aside"
            )
            notes.append(Note(Weight.UNSURE, subject, sentence))
    return notes
