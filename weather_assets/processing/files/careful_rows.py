"""The records of a text to validated rows, one record after the other: the careful way.

Belongs here: any text, however damaged, at some 10 microseconds a row. Does not belong here:
dividing bytes into records (`records`), deciding whether a value is valid (`validation`), or the
shortcut for text without irregularities (`plain_rows`), which gives the same rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weather_assets.contract.cells import fold_header, with_decimal_point
from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.cells.validation import ValidatedRows, validate
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.files.records import Record

RECORDS_PER_BATCH = 8192
"""Records per batch: large enough that Arrow's fixed cost per batch does not count."""


class Texts(Protocol):
    """The exact text of each row of a batch."""

    def at(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """Returns the texts of some rows, without their line ends."""
        ...

    def column(self) -> pa.Array:
        """Returns the texts of all rows, as strings."""
        ...


@dataclass(frozen=True, slots=True)
class RowBatch:
    """Rows as they were read.

    Attributes:
        lines: 1-based physical line of the file on which each row starts, [N].
        texts: what stands there.
        rows: what it says.
    """

    lines: npt.NDArray[np.int64]
    texts: Texts
    rows: ValidatedRows


class _ListedTexts:
    """Texts that are in memory already."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts

    def at(self, rows: npt.NDArray[np.int64]) -> list[str]:
        return [self._texts[row] for row in rows.tolist()]

    def column(self) -> pa.Array:
        return pa.array(self._texts, pa.string())


def row_batches(
    records: Iterable[Record], layout: Layout, contract: Contract, lines_before: int
) -> Iterator[RowBatch]:
    """Yields records as validated rows.

    Args:
        records: without the header.
        layout: where the columns are.
        contract: what the cells must be.
        lines_before: physical lines of the file before the first of the records' text.
    """
    following = iter(records)
    while batch := list(islice(following, RECORDS_PER_BATCH)):
        yield _batch(batch, layout, contract, lines_before)


def folded_header(layout: Layout) -> list[str]:
    """Returns the header's cells as they are compared with those of a row."""
    return [fold_header(cell) for cell in layout.header]


def shape_problem(cells: Sequence[str], header: Sequence[str]) -> Reason | None:
    """Tells whether a record has the header's number of cells, and is not the header again.

    Args:
        cells: of the record.
        header: what `folded_header` returns.
    """
    if len(cells) != len(header):
        return Reason.WRONG_NUMBER_OF_CELLS
    # The first cell decides in nearly every row; folding all cells of all rows would be slow.
    if fold_header(cells[0]) == header[0] and [fold_header(cell) for cell in cells] == header:
        return Reason.REPEATED_HEADER
    return None


def _batch(
    records: Sequence[Record], layout: Layout, contract: Contract, lines_before: int
) -> RowBatch:
    header = folded_header(layout)
    nothing = [None] * len(layout.header)
    problems: list[Reason | None] = []
    rows: list[Sequence[str | None]] = []
    for record in records:
        problem = record.problem or shape_problem(record.cells, header)
        problems.append(problem)
        rows.append(nothing if problem else record.cells)
    by_position = list(zip(*rows, strict=True))
    has_comma = layout.dialect.decimal_mark == ","
    cells = [
        pa.array(
            _trimmed(by_position[position], swap_marks=has_comma and index in layout.numbers),
            pa.string(),
        )
        for index, position in enumerate(layout.positions)
    ]
    return RowBatch(
        lines=np.array([record.line for record in records], np.int64) + lines_before,
        texts=_ListedTexts([record.raw for record in records]),
        rows=validate(cells, contract, problems, labelled=layout.labelled),
    )


def _trimmed(cells: Sequence[str | None], *, swap_marks: bool) -> list[str | None]:
    if swap_marks:
        return [None if cell is None else with_decimal_point(cell.strip()) for cell in cells]
    return [None if cell is None else cell.strip() for cell in cells]
