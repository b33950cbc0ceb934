"""Raw files that are Parquet: their columns as the cells of a CSV file would be.

Belongs here: opening, and typed values as texts, so that the same rules hold for them. Does not
belong here: those rules (`validation`), or CSV (`records`).

Row n of a Parquet file counts as line n + 1: where it would stand in a CSV file with a header.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weather_assets.contract.cells import ISO8601
from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.validation import validate
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.files.expansion import Expansion
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.files.raw_file import RawFileError, opened_parquet, parquet_extent
from weather_assets.processing.files.records import MAXIMUM_RECORD_BYTES

ROWS_PER_BATCH = 300_000
BYTES_PER_BATCH = 64 << 20
"""Of pages that are decompressed together, and half of it of text that is written out together: a
dictionary holds a text once, however many rows have it."""
_LONGEST_FIXED_BYTES = 64
"""Of a value of fixed length: decimals and hashes; longer ones are no reading."""


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
    extent = parquet_extent(layout.file)
    batch_rows = min(ROWS_PER_BATCH, max(1, BYTES_PER_BATCH // max(1, extent.row_bytes)))
    before = 1
    with opened_parquet(layout.file) as parquet:
        expansion = Expansion.of(layout.file.path, layout.file.name)
        expansion.add(extent.rows * extent.columns)  # a cell has a character, and what ends it
        kinds = parquet.schema_arrow.types
        plain = [position for position, kind in enumerate(kinds) if _is_plain(kind)]
        for position in {*layout.positions}.difference(plain):
            raise _no_plain_values(layout, position, kinds[position])
        names = [layout.header[position] for position in plain]
        read_as = _with_typed_times(contract, layout, kinds)
        for whole in parquet.iter_batches(batch_rows, columns=names):
            for batch in _pieces(whole, layout, before, expansion):
                found = dict(zip(plain, batch.columns, strict=True))
                columns = [
                    _texts(found[position], layout, position)
                    if position in found
                    else pa.nulls(len(batch), pa.string())
                    for position in range(len(kinds))
                ]
                yield [_rows(columns, layout, read_as, before)]
                before += len(batch)


def _with_typed_times(contract: Contract, layout: Layout, kinds: Sequence[pa.DataType]) -> Contract:
    """Returns the contract by which times are read that are no texts: they have no format."""
    stamp = contract.timestamp
    if stamp is None or stamp.column not in layout.columns:
        return contract
    kind = kinds[layout.positions[layout.columns.index(stamp.column)]]
    is_text = _is_text(kind.value_type if pa.types.is_dictionary(kind) else kind)
    return contract if is_text else replace(contract, timestamp=replace(stamp, format=ISO8601))


def _rows(columns: Sequence[pa.Array], layout: Layout, contract: Contract, before: int) -> RowBatch:
    trimmed = [
        pc.call_function("utf8_trim_whitespace", [columns[position]])
        for position in layout.positions
    ]
    lines = before + 1 + np.arange(len(columns[0]), dtype=np.int64)
    rows = validate(trimmed, contract, labelled=layout.labelled)
    return RowBatch(lines, _RowTexts(columns), rows)


def _pieces(
    batch: pa.RecordBatch, layout: Layout, before: int, expansion: Expansion
) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a batch, as many at a time as may be written out together."""
    lengths = np.zeros(len(batch), dtype=np.int64)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        lengths += _text_bytes(column, name, layout)
    too_long = np.flatnonzero(lengths > MAXIMUM_RECORD_BYTES)
    if len(too_long):
        raise RawFileError(
            f"{layout.file.name}: row {before + int(too_long[0])} has {lengths[too_long[0]]} bytes "
            f"of text; at most {MAXIMUM_RECORD_BYTES} a row are read"
        )
    expansion.add(int(lengths.sum()))
    ends = np.cumsum(lengths)
    start = 0
    while start < len(batch):
        read = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, read + BYTES_PER_BATCH // 2, side="right"))
        stop = max(stop, start + 1)
        yield batch.slice(start, stop - start)
        start = stop


def _text_bytes(column: pa.Array, name: str, layout: Layout) -> npt.NDArray[np.int64]:
    """Returns how long each row's text is; 0 where it is no text, and so is short."""
    kind = column.type
    if not pa.types.is_dictionary(kind) or not _is_text(kind.value_type) or not len(column):
        return np.zeros(len(column), dtype=np.int64)
    column.dictionary.validate(full=True)  # that texts are UTF-8, on which Arrow relies
    known = pc.call_function("binary_length", [column.dictionary]).fill_null(0).to_numpy()
    longest = int(known.max(initial=0))
    if longest > MAXIMUM_RECORD_BYTES:
        raise RawFileError(
            f"{layout.file.name}: column {name!r} holds a text of {longest} bytes; at most "
            f"{MAXIMUM_RECORD_BYTES} a row are read. Take the column out, or shorten it"
        )
    codes = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return known[codes].astype(np.int64) if len(known) else np.zeros(len(column), dtype=np.int64)


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            *(pa.types.is_string, pa.types.is_large_string),
            *(pa.types.is_binary, pa.types.is_large_binary),
        )
    )


def _is_plain(kind: pa.DataType) -> bool:
    """Whether a column may be decoded: no columns in columns, nor long values in each row."""
    if pa.types.is_fixed_size_binary(kind):
        return kind.byte_width <= _LONGEST_FIXED_BYTES
    return not pa.types.is_nested(kind)


def _no_plain_values(layout: Layout, position: int, kind: pa.DataType) -> RawFileError:
    return RawFileError(
        f"{layout.file.name}: column {layout.header[position]!r} holds values of type {kind}; "
        "allowed are numbers, texts and times"
    )


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
        raise _no_plain_values(layout, position, kind) from error
