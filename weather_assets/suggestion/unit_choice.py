"""The unit of each column: named, implied by the values, by its neighbours, or left open.

Belongs here: the choice and its reason. Does not belong here: what values allow (`unit_evidence`).

A name decides if the values allow it. Values decide where they allow one unit alone. Else columns
of one family (temperatures) and one file (metric or not) are taken to be alike, and what is typical
comes before what is merely possible; all of that is said as a doubt. Where it does not single out
one unit, the line stays open.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from weather_assets.contract.quantities import unit_of_whole_knots
from weather_assets.suggestion.unit_evidence import (
    Measured,
    possible_units,
    temperatures_by_humidity,
    typical_units,
)

_ORDER = ("temperature", "pressure", "wind", "precipitation", "")


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """The unit of one column.

    Attributes:
        unit: the unit; empty where it is left open.
        others: units that are possible too; where `unit` is empty, all that may be chosen.
        why: the reason, as a clause.
    """

    unit: str
    others: tuple[str, ...] = ()
    why: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether nothing else is possible."""
        return bool(self.unit) and not self.others


def choose_units(
    columns: Sequence[Measured], step_seconds: float | None
) -> Mapping[str, UnitChoice]:
    """Chooses the unit of every column.

    Args:
        columns: columns of numbers whose quantity is known, each with values.
        step_seconds: from row to row at one station, where that is regular.
    """
    possible = {column.name: possible_units(column, step_seconds) for column in columns}
    chosen: dict[str, UnitChoice] = {}
    for column in columns:
        found = _certain(column, possible[column.name])
        if found is not None:
            chosen[column.name] = found
    chosen |= _by_humidity(columns, chosen)
    rest = [column for column in columns if column.name not in chosen]
    for column in sorted(rest, key=lambda column: _rank(column.quantity.family)):
        chosen[column.name] = _weighed(column, possible[column.name], step_seconds, chosen, columns)
    return chosen


def _rank(family: str) -> int:
    return _ORDER.index(family)


def _certain(column: Measured, possible: Sequence[str]) -> UnitChoice | None:
    """Returns what name, values, or the steps of whole knots leave no doubt about."""
    named = column.meaning.unit
    if named:
        # Depths in centimetres are possible where they are named, and not expected elsewhere.
        if named in possible or (column.quantity.family == "precipitation" and named == "cm"):
            return UnitChoice(named, why="by its name")
        return UnitChoice(
            "",
            tuple(dict.fromkeys((named, *possible))),
            f"the name says {named}, but {_range(column)} "
            + (f"would fit {' or '.join(possible)}" if possible else "fit no unit"),
        )
    if column.quantity.family == "wind" and (
        unit := unit_of_whole_knots(column.profile.observed.tolist())
    ):
        return UnitChoice(unit, why=f"nearly all values are whole knots in {unit}")
    if not possible:
        return UnitChoice(
            "", tuple(column.quantity.units), f"{_range(column)} fit none of its units"
        )
    if len(possible) == 1:
        reason = "has no other unit" if len(column.quantity.units) == 1 else "fit no other unit"
        subject = column.quantity.name if len(column.quantity.units) == 1 else _range(column)
        return UnitChoice(possible[0], why=f"{subject} {reason}")
    return None


def _by_humidity(
    columns: Sequence[Measured], chosen: Mapping[str, UnitChoice]
) -> dict[str, UnitChoice]:
    """Returns the units of a temperature and a dew point that the humidity implies, if it does."""
    found: list[Measured] = []
    for quantity in ("air_temperature", "dew_point_temperature", "relative_humidity"):
        alike = [column for column in columns if column.quantity.name == quantity]
        if len(alike) != 1:
            return {}
        found += alike
    air, dew, humidity = found
    scale = humidity.quantity.units.get(chosen.get(humidity.name, UnitChoice("")).unit)
    if scale is None or (air.name in chosen and dew.name in chosen):
        return {}
    units = temperatures_by_humidity(air, dew, humidity.profile.values * scale.factor)
    if units is None:
        return {}
    why = f"together with {humidity.name!r} no other unit gives the dew point"
    pairs = zip((air, dew), units, strict=True)
    return {
        column.name: UnitChoice(unit, why=why)
        for column, unit in pairs
        if column.name not in chosen
    }


def _weighed(
    column: Measured,
    possible: Sequence[str],
    step_seconds: float | None,
    chosen: Mapping[str, UnitChoice],
    columns: Sequence[Measured],
) -> UnitChoice:
    """Returns the unit that speaks for itself among several, or an open choice."""
    values = _range(column)
    for other in columns:
        alike = chosen.get(other.name)
        if (
            alike is not None
            and column.quantity.family
            and other.quantity.family == column.quantity.family
            and alike.unit in possible
        ):
            return _unsure(possible, alike.unit, f"as for {other.name!r}, {values} allow it")
    typical = typical_units(column, possible, step_seconds)
    system = _system(columns, chosen)
    in_system = [unit for unit in possible if column.quantity.units[unit].system == system]
    pool = typical or list(possible)
    likely = [unit for unit in pool if unit in in_system] if system else []
    where = f"the file's other units are {system}"
    if len(likely) == 1:
        return _unsure(possible, likely[0], f"{values} allow it and {where}")
    if len(typical) == 1 and (not in_system or typical[0] in in_system or not system):
        return _unsure(possible, typical[0], f"{values} are typical in it, and unusual in others")
    clash = f"; typical would be {' or '.join(typical)}, but {where}" if in_system else ""
    return UnitChoice(
        "", tuple(possible), f"{values} are possible in {' and in '.join(possible)}{clash}"
    )


def _unsure(possible: Sequence[str], unit: str, why: str) -> UnitChoice:
    return UnitChoice(unit, tuple(other for other in possible if other != unit), why)


def _system(columns: Iterable[Measured], chosen: Mapping[str, UnitChoice]) -> str:
    """Returns the system that the units chosen so far are of, certain ones first; or nothing."""
    for certain in (True, False):
        votes = Counter(
            column.quantity.units[choice.unit].system
            for column in columns
            if (choice := chosen.get(column.name)) is not None
            and choice.unit
            and choice.is_certain >= certain
        )
        votes.pop("", None)
        if len(votes) == 1:
            return next(iter(votes))
    return ""


def _range(column: Measured) -> str:
    low, high = column.profile.quantiles(0.01, 0.99)
    return f"values {low:.4g} to {high:.4g}"
