"""Parts of raw files whose rows are compared with others: as they are kept, and as they come out.

Belongs here: one part's rows by themselves, in order of time, with what others have to know of
them; and the same rows once it is known what becomes of each. Does not belong here: finding that
out (`windows`), or parts whose rows stand alone (`parts`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from weather_assets.contract.schema import Contract, SplitMethod
from weather_assets.processing.cells.features import time_feature
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.cells.timestamps import NO_INSTANT
from weather_assets.processing.cells.validation import fault_kinds
from weather_assets.processing.comparing.outcomes import OWN_FAULT, REASONS, Fates, is_labelled
from weather_assets.processing.comparing.row_keys import RowKeys
from weather_assets.processing.comparing.splitting import (
    GAP,
    SPLITS,
    SplitCodes,
    chronological_splits,
    day_of_month_splits,
    hash_splits,
)
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.parts.parts import (
    REJECTED_SCHEMA,
    PartPaths,
    weather_schema,
    write_rejected,
    write_weather,
)
from weather_assets.processing.parts.summaries import Summary

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


def write_divided(
    rows: Path,
    fates: Fates,
    file: str,
    contract: Contract,
    limits: tuple[int, ...],
    share: float,
    paths: PartPaths,
) -> Summary:
    """Writes what becomes of a part's rows: those that are kept, and those that are set aside.

    Args:
        rows: `TimedPaths.rows`.
        fates: of the rows that have a time and a station: the last ones.
        file: that they are of.
        contract: of the rows.
        limits: as `splitting.chronological_limits` gives them; empty for other divisions.
        share: of the training rows, how many are kept aside for quantiles.
        paths: where to write; a file that would have no row is not written.
    """
    values = [value_column(index) for index in range(len(contract.header))]
    table = read_rows(rows, contract, [*values, "event", "fault", "row_hash"])
    keyless = np.full(len(table) - len(fates), OWN_FAULT, np.int8)
    fates = np.concatenate([keyless, fates])
    splits = _splits(table, fates, contract, limits)
    is_kept = is_labelled(fates) & (splits != GAP)
    summary = Summary()
    if is_kept.any():
        kept = _prepared(table, fates, splits, np.flatnonzero(is_kept), contract)
        summary += write_weather([kept], paths.weather, paths.sample, contract, share)
    if not is_kept.all():
        aside = np.flatnonzero(~is_kept)
        texts = read_rows(rows, contract, ["line", "raw"]).take(pa.array(aside))
        faults = table["fault"].to_numpy()[aside]
        rejected = _rejected(texts, fates[aside], faults, file, contract)
        summary += write_rejected([rejected.sort_by("line")], paths.rejected)
    return summary


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


def _keys(batch: RowBatch, contract: Contract) -> RowKeys:
    """Returns all rows; the time of those that cannot be compared is `NO_INSTANT`."""
    rows = batch.rows
    if contract.timestamp is None:
        raise AssertionError(contract.name)  # `parts.is_row_by_row` is for those
    times = _instants(rows.values[contract.header.index(contract.timestamp.column)])
    stations = np.zeros(len(times), np.int32)
    if contract.station is not None:
        # All batches number the stations as the contract does.
        codes = rows.values[contract.header.index(contract.station)].indices
        stations = codes.fill_null(-1).to_numpy(zero_copy_only=False)
        times = np.where(stations < 0, NO_INSTANT, times)
    is_valid = (rows.faults == 0).astype(np.uint8)
    return RowKeys(times, stations, rows.row_hashes, rows.events, is_valid)


def _instants(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
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


def _times(table: pa.Table, contract: Contract) -> npt.NDArray[np.int64]:
    if contract.timestamp is None:
        raise AssertionError(contract.name)
    index = contract.header.index(contract.timestamp.column)
    return _instants(table[value_column(index)].combine_chunks())


def _splits(
    table: pa.Table, fates: Fates, contract: Contract, limits: tuple[int, ...]
) -> SplitCodes:
    """Divides rows; what it says of rows that have a fault means nothing."""
    method = contract.split.method
    if method is SplitMethod.HASH:
        labels = np.clip(fates, 0, 1).astype(np.int32)
        return hash_splits(labels, table["row_hash"].to_numpy(), contract)
    times = _times(table, contract)
    if method is SplitMethod.DAY_OF_MONTH:
        # Of a row without a time any will do; its own is too far from all calendars.
        return day_of_month_splits(np.where(times == NO_INSTANT, 0, times), contract.label.lead)
    return chronological_splits(times, limits)


def _prepared(
    table: pa.Table,
    fates: Fates,
    splits: SplitCodes,
    kept: npt.NDArray[np.intp],
    contract: Contract,
) -> pa.Table:
    """Returns kept rows with the columns of `weather.parquet`."""
    rows = table.take(pa.array(kept))
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        name: rows[value_column(index)] for index, name in enumerate(contract.header)
    }
    if contract.timestamp is not None:
        times = _times(rows, contract)
        columns |= {
            name: pa.array(time_feature(name, times)) for name in contract.timestamp.features
        }
    columns["label_encoded"] = pa.array(fates[kept].astype(np.int32))
    columns["split"] = pa.DictionaryArray.from_arrays(pa.array(splits[kept]), pa.array(SPLITS))
    if contract.label.lead is not None:
        events = rows["event"].to_numpy()
        columns["persistence"] = pa.array(events.astype(np.float64), mask=events < 0)
    columns["row_hash"] = rows["row_hash"]
    return pa.table(columns)


def _rejected(
    texts: pa.Table, fates: Fates, faults: npt.NDArray[np.int16], file: str, contract: Contract
) -> pa.Table:
    kinds = [kind or (None, None) for kind in fault_kinds(contract)]
    found = [
        kinds[fault] if fate == OWN_FAULT else (None, REASONS.get(fate, Reason.SPLIT_GAP))
        for fate, fault in zip(fates.tolist(), faults.tolist(), strict=True)
    ]
    return pa.Table.from_arrays(
        [
            pa.array([file] * len(found), pa.string()),
            texts["line"],
            pa.array([column for column, _ in found], pa.string()),
            pa.array([reason for _, reason in found], pa.string()),
            texts["raw"],
        ],
        schema=REJECTED_SCHEMA,
    )
