"""Raw files that are Parquet: their columns as the cells of a CSV file would be.

Belongs here: opening, and typed values as texts, so that the same rules hold for them. Does not
belong here: those rules (`validation`), or CSV (`records`).

Row n of a Parquet file counts as line n + 1: where it would stand in a CSV file with a header.
"""

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.validation import validate
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.files.raw_file import RawFileError, opened_parquet

ROWS_PER_BATCH = 300_000


class _RowTexts:
    """Rows as lines of CSV, written when they are asked for."""

    def __init__(self, columns: Sequence[pa.Array]) -> None:
        self._columns = columns

    def at(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """Returns the lines of some rows."""
        chosen = [column.take(pa.array(rows)).to_pylist() for column in self._columns]
        texts: list[str] = []
        for cells in zip(*chosen, strict=True):
            text = io.StringIO()
            csv.writer(text, lineterminator="").writerow(cells)
            texts.append(text.getvalue())
        return texts

    def column(self) -> pa.Array:
        """Returns the lines of all rows."""
        everything = np.arange(len(self._columns[0]), dtype=np.int64)
        return pa.array(self.at(everything), pa.string())


def parquet_batches(layout: Layout, contract: Contract) -> Iterator[list[RowBatch]]:
    """Yields the rows of a Parquet file, some hundred thousand at a time.

    Raises:
        RawFileError: if it is damaged, or a column of the contract holds no plain values.
    """
    before = 1
    with opened_parquet(layout.file) as parquet:
        for batch in parquet.iter_batches(ROWS_PER_BATCH):
            columns = [
                _texts(batch.column(position), layout, position)
                for position in range(batch.num_columns)
            ]
            cells = [
                pc.call_function("utf8_trim_whitespace", [columns[position]])
                for position in layout.positions
            ]
            lines = before + 1 + np.arange(len(batch), dtype=np.int64)
            rows = validate(cells, contract, labelled=layout.labelled)
            yield [RowBatch(lines, _RowTexts(columns), rows)]
            before += len(batch)


def _texts(column: pa.Array, layout: Layout, position: int) -> pa.Array:
    """Returns what would stand in the cells of a CSV file; nothing for what cannot."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_floating(kind):  # missing numbers of pandas
        is_nan = pc.call_function("is_nan", [column])
        column = pc.call_function("if_else", [is_nan, None, column])
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        if position not in layout.positions:
            return pa.nulls(len(column), pa.string())
        raise RawFileError(
            f"{layout.file.name}: column {layout.header[position]!r} holds values of type {kind}; "
            "allowed are numbers, texts and times"
        ) from error
