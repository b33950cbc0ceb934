"""One faulty row in words: what was found in it, and what is allowed.

Belongs here: reading a row's text again, for people. Does not belong here: finding faults
(`validation`), or looking at many rows together (`explanations`).
"""

from weather_assets.contract.cells import YEARS
from weather_assets.contract.columns import Kind
from weather_assets.contract.loading import listed
from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.cells.validation import Fault
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.files.records import cells_of

_RAW_CHARACTERS_SHOWN = 80


def problem_in(raw: str, fault: Fault, layout: Layout, contract: Contract) -> str:
    """Returns why a row was set aside: `column: reason 'found' (allowed: ...)`.

    Args:
        raw: its text.
        fault: the column at fault, where there is one, and the reason.
        layout: of its file.
        contract: what it must be.
    """
    column, reason = fault
    allowed = allowed_in(reason, column, contract)
    if reason is Reason.WRONG_NUMBER_OF_CELLS:
        found = f" {len(cells_of(raw, layout.dialect.delimiter) or [])}"
        allowed = f"{len(layout.header)}, as in the header"
    else:
        cell = "" if column is None else found_in(raw, column, layout)
        found = f" {listed([cell])}" if cell else ""
    where = "" if column is None else f"{column}: "
    return f"{where}{reason}{found}" + (f" (allowed: {allowed})" if allowed else "")


def found_in(raw: str, column: str | None, layout: Layout) -> str:
    """Returns what stands in a row: in a cell, or, where no column is at fault, at its beginning.

    Args:
        raw: its text, which can be divided into cells where a column is named.
        column: name of a column that was read.
        layout: of its file.
    """
    if column is None:
        return raw[:_RAW_CHARACTERS_SHOWN]
    cells = cells_of(raw, layout.dialect.delimiter) or []
    return cells[layout.positions[layout.columns.index(column)]].strip()


def allowed_in(reason: str, name: str | None, contract: Contract) -> str:
    """Returns what could stand in the cell that a reason is about; nothing where that is plain."""
    label = contract.label
    if reason == Reason.UNKNOWN_LABEL:
        return listed((*label.positive, *label.negative))
    if reason == Reason.NO_MEASUREMENT:
        return "at least one measurement"
    column = contract.find(name)
    if reason == Reason.INVALID_TIMESTAMP and contract.timestamp is not None:
        return f"{contract.timestamp.format} in the years {YEARS[0]} to {YEARS[1]}"
    if column is None:
        return ""
    if column.kind is Kind.CATEGORY:
        return listed(column.categories)
    return f"plain numbers from {column.minimum:g} to {column.maximum:g} {column.unit}"
