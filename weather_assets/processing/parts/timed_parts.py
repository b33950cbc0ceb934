"""Parts of raw files whose rows are compared with others, as they are kept until then.

Belongs here: one part's rows by themselves, in order of time, with what others have to know of
them. Does not belong here: what becomes of them (`windows` finds it out, `divided_rows` writes it),
or parts whose rows stand alone (`parts`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.timestamps import NO_INSTANT
from weather_assets.processing.comparing.row_keys import RowKeys
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.parts.parts import (
    weather_schema,
)

_RAW_COMPRESSION = "zstd"
"""Of raw texts, which are read only where a row is set aside: half of Snappy's size."""


@dataclass(frozen=True, slots=True)
class TimedPart:
    """A part as it is kept.

    Attributes:
        name: among the parts of its file.
        rows: how many it has.
        keyed: how many of them have a time and a station: its last ones.
        first: lowest time of those, in microseconds UTC.
        last: highest time of those.
    """

    name: str
    rows: int
    keyed: int
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class TimedPaths:
    """Where the files of such a part are.

    Attributes:
        rows: its rows, each with its values, its own fault, its line and text.
        keys: those that have a time and a station, as `RowKeys`.
    """

    rows: Path
    keys: Path

    @classmethod
    def of(cls, folder: Path, name: str) -> "TimedPaths":
        """Returns the paths of the part of that name."""
        return cls(folder / f"rows-{name}.parquet", folder / f"keys-{name}.arrow")


def write_rows(
    batches: Iterable[RowBatch], folder: Path, name: str, contract: Contract
) -> TimedPart:
    """Writes rows as they are kept until it is known what becomes of them.

    Rows without time or station come first, the others in order of time; equal times in the order
    of the file.

    Args:
        batches: the rows.
        folder: where to write.
        name: of the part.
        contract: one with a timestamp.
    """
    several = list(batches)
    schema = _rows_schema(contract)
    table = pa.concat_tables([schema.empty_table(), *(_table(each, schema) for each in several)])
    keys = RowKeys.joined(_keys(each, contract) for each in several)
    if (np.diff(keys.times) < 0).any():
        order = np.argsort(keys.times, kind="stable")
        table, keys = table.take(pa.array(order)), keys.chosen(order)
    paths = TimedPaths.of(folder, name)
    texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    compressions = dict.fromkeys(schema.names, "snappy") | {"raw": _RAW_COMPRESSION}
    pq.write_table(
        table,
        paths.rows,
        use_dictionary=texts,  # pyright: ignore[reportArgumentType] - a list is allowed
        compression=compressions,  # pyright: ignore[reportArgumentType] - a mapping is allowed
        write_statistics=False,
    )
    keyless = int(np.searchsorted(keys.times, NO_INSTANT, side="right"))
    keyed = keys.chosen(slice(keyless, None))
    keyed.save(paths.keys)
    if not len(keyed):
        return TimedPart(name, len(table), 0)
    return TimedPart(name, len(table), len(keyed), int(keyed.times[0]), int(keyed.times[-1]))


def read_rows(path: Path, contract: Contract, columns: Iterable[str]) -> pa.Table:
    """Returns columns of rows that were kept.

    Args:
        path: `TimedPaths.rows`.
        contract: of the rows.
        columns: any of `line` and `raw`; `value_0`, `value_1`, ... in the order of
            `contract.header` (as in `ValidatedRows.values`); `event`, `fault` and `row_hash` (as
            there).
    """
    schema = _rows_schema(contract)
    names = list(columns)
    texts = [name for name in names if pa.types.is_dictionary(schema.field(name).type)]
    return pq.read_table(path, columns=names, read_dictionary=texts)


def value_column(index: int) -> str:
    """Returns the name of the column with the values of `contract.header[index]`.

    Numbered, because a contract's column may be called `line` or `raw`.
    """
    return f"value_{index}"


def _table(batch: RowBatch, schema: pa.Schema) -> pa.Table:
    rows = batch.rows
    columns = [
        pa.array(batch.lines),
        batch.texts.column(),
        *rows.values,
        pa.array(rows.events),
        pa.array(rows.faults),
        pa.array(rows.row_hashes),
    ]
    return pa.Table.from_arrays(columns, names=schema.names).cast(schema)


def time_column(contract: Contract) -> int:
    """Returns the position of the times in the header."""
    if contract.timestamp is None:
        raise AssertionError(f"{contract.name!r} has no timestamp: `parts.is_row_by_row` is for it")
    return contract.header.index(contract.timestamp.column)


def _keys(batch: RowBatch, contract: Contract) -> RowKeys:
    """Returns all rows; the time of those that cannot be compared is `NO_INSTANT`."""
    rows = batch.rows
    times = instants(rows.values[time_column(contract)])
    stations = np.zeros(len(times), np.int32)
    if contract.station is not None:
        # All batches number the stations as the contract does.
        codes = rows.values[contract.header.index(contract.station)].indices
        stations = codes.fill_null(-1).to_numpy(zero_copy_only=False)
        times = np.where(stations < 0, NO_INSTANT, times)
    is_valid = (rows.faults == 0).astype(np.uint8)
    return RowKeys(times, stations, rows.row_hashes, rows.events, is_valid)


def instants(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Returns the times of a column, `NO_INSTANT` where there is none."""
    return pc.fill_null(values, NO_INSTANT).to_numpy(zero_copy_only=False)


def _rows_schema(contract: Contract) -> pa.Schema:
    values: dict[str, pa.DataType] = {}
    for index, kind in enumerate(weather_schema(contract).types[: len(contract.header)]):
        if pa.types.is_timestamp(kind):
            values[value_column(index)] = pa.int64()
        elif pa.types.is_string(kind):
            values[value_column(index)] = pa.dictionary(pa.int32(), pa.string())
        else:
            values[value_column(index)] = kind
    return pa.schema(
        {"line": pa.int64(), "raw": pa.string()}
        | values
        | {"event": pa.int8(), "fault": pa.int16(), "row_hash": pa.int64()}
    )
