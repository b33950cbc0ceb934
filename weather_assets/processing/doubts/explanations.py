"""Rejected rows in words: where the first of each kind stands, what was found, what to do.

Belongs here: looking at the rows in `rejected.parquet` again, for people. Does not belong here:
finding faults (`validation`), one row in words (`problems`), or how many are too many (`gates`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.dataset as ds

from weather_assets.contract.cells import with_decimal_point
from weather_assets.contract.loading import listed
from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.doubts.problems import allowed_in, found_in
from weather_assets.processing.files.layouts import Layout

_ROWS_LOOKED_AT = 5_000
_CELLS_SHOWN = 4

_ADVICE: Mapping[str, str] = {
    Reason.RECORD_TOO_LONG: "look for a missing line end, or for data that is no text",
    Reason.INVALID_ENCODING: "save the file as CSV, UTF-8",
    Reason.NUL_BYTE: "save the file as CSV, UTF-8; it may have been copied in part",
    Reason.UNTERMINATED_QUOTE: 'close the quote, or double it ("") where it belongs to the text',
    Reason.MALFORMED_QUOTE: 'put the whole cell in quotes, and double those inside ("")',
    Reason.REPEATED_HEADER: "take the repeated headers out",
    Reason.WRONG_NUMBER_OF_CELLS: (
        "divide rows as the header is divided, and put cells that hold the delimiter (such as "
        "decimal commas) in quotes"
    ),
    Reason.INVALID_TIMESTAMP: "give `format` and `timezone` in a contract.toml, or rewrite them",
    Reason.NOT_A_NUMBER: (
        "leave units and thousands separators out; name texts for a missing value in "
        "`missing_markers` of a contract.toml"
    ),
    Reason.OUT_OF_BOUNDS: (
        "correct the values, name sentinels in `missing_markers` of a contract.toml, or give the "
        "unit and bounds there"
    ),
    Reason.UNKNOWN_CATEGORY: "correct them, or list them in `categories` of a contract.toml",
    Reason.UNKNOWN_LABEL: (
        "correct them, or list the spellings as `positive` and `negative` in a contract.toml"
    ),
    Reason.MISSING_REQUIRED_VALUE: "fill them in, or leave the rows out",
    Reason.MISSING_LABEL: "fill them in, or leave the rows out",
    Reason.NO_MEASUREMENT: "leave the rows out",
    Reason.CONTRADICTING_ROWS: (
        "leave one row per station and time; where rows are of several stations, name their "
        "column as `station` in a contract.toml"
    ),
    Reason.DUPLICATE_ROW: "leave the repetitions out",
}


@dataclass(frozen=True, slots=True)
class Example:
    """Rejected rows of one reason and column.

    Attributes:
        reason: the reason code.
        column: the column at fault, where there is one.
        file: the file of the first such row.
        line: its line.
        found: what stands there, the most frequent cells first (or the row's text).
    """

    reason: str
    column: str | None
    file: str
    line: int
    found: tuple[str, ...]

    def sentence(self, contract: Contract) -> str:
        """Returns where, what was found, what is allowed and what to do."""
        where = f"{self.file} line {self.line}" + (
            f", column {self.column!r}" if self.column is not None else ""
        )
        allowed = allowed_in(self.reason, self.column, contract)
        advice = _ADVICE.get(self.reason, "")
        return f"{self.reason}: {where}: found {listed(self.found)}" + "".join(
            f"; {clause}" for clause in (allowed and f"allowed {allowed}", advice) if clause
        )


def examples_of(rejected: Path, layouts: Sequence[Layout]) -> list[Example]:
    """Returns one example per reason and column, the most frequent first.

    Args:
        rejected: the folder of `rejected.parquet`, of which the first rows are looked at.
        layouts: the files that were read.
    """
    layout_of = {layout.file.name: layout for layout in layouts}
    rows = ds.dataset(str(rejected), format="parquet").head(_ROWS_LOOKED_AT).to_pylist()
    first: dict[tuple[str, str | None], tuple[str, int]] = {}
    found: dict[tuple[str, str | None], Counter[str]] = {}
    for row in rows:
        if row["reason"] not in _ADVICE:  # set aside for its place in time alone
            continue
        key = (row["reason"], row["column"])
        first.setdefault(key, (row["file"], row["line"]))
        text = found_in(row["raw"], row["column"], layout_of[row["file"]])
        found.setdefault(key, Counter())[text] += 1
    by_frequency = sorted(first, key=lambda key: -found[key].total())
    return [
        Example(
            reason,
            column,
            *first[reason, column],
            tuple(cell for cell, _ in found[reason, column].most_common(_CELLS_SHOWN)),
        )
        for reason, column in by_frequency
    ]


def numbers_out_of_bounds(rejected: Path, layouts: Sequence[Layout]) -> dict[str, list[float]]:
    """Returns, by column, numbers for which the first rejected rows were set aside."""
    layout_of = {layout.file.name: layout for layout in layouts}
    rows = ds.dataset(str(rejected), format="parquet").head(_ROWS_LOOKED_AT).to_pylist()
    numbers: dict[str, list[float]] = {}
    for row in rows:
        if row["reason"] != Reason.OUT_OF_BOUNDS:
            continue
        layout = layout_of[row["file"]]
        cell = found_in(row["raw"], row["column"], layout)
        if layout.dialect.decimal_mark == ",":
            cell = with_decimal_point(cell)
        numbers.setdefault(row["column"], []).append(float(cell))
    return numbers
