"""Rows to Parquet parts: what one task or this process writes of its share of the rows.

Belongs here: the tables that are written, and their files. Does not belong here: which rows a part
holds (`blocks`, `pipeline`), or rows that are compared with others first (`timed_parts`).

A part of `weather.parquet` has one row group for each split, so that a reader of one split skips
the others by the statistics in the footer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from weather_assets.contract.columns import Kind
from weather_assets.contract.schema import Contract, SplitMethod
from weather_assets.processing.cells.validation import Fault, fault_kinds
from weather_assets.processing.comparing.splitting import SPLITS, TRAIN, hash_splits
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.parts.fitting import sampled_rows
from weather_assets.processing.parts.summaries import (
    Summary,
    summary_of,
    summary_of_rejected,
    total,
)

REJECTED_SCHEMA = pa.schema(
    {
        "file": pa.string(),
        "line": pa.int64(),
        "column": pa.string(),
        "reason": pa.string(),
        "raw": pa.string(),
    }
)


@dataclass(frozen=True, slots=True)
class PartPaths:
    """Where one part's files go.

    Attributes:
        weather: its kept rows.
        rejected: its rejected rows.
        sample: its share of the rows that quantiles are computed from.
    """

    weather: Path
    rejected: Path
    sample: Path

    @classmethod
    def of(cls, folder: Path, name: str) -> "PartPaths":
        """Returns the paths of the part of that name."""
        return cls(
            *(folder / f"{kind}-{name}.parquet" for kind in ("weather", "rejected", "sample"))
        )


def is_row_by_row(contract: Contract) -> bool:
    """Tells whether label and split of a row depend on that row alone.

    Without a timestamp equal rows are separate observations, and all are kept.
    """
    return contract.timestamp is None and contract.split.method is SplitMethod.HASH


def weather_schema(contract: Contract) -> pa.Schema:
    """Returns the columns of `weather.parquet`."""
    fields: dict[str, pa.DataType] = {}
    for name in contract.header:
        column = contract.find(name)
        is_number = column is not None and column.kind is not Kind.CATEGORY
        fields[name] = pa.float64() if is_number else pa.string()
    if contract.timestamp is not None:
        fields[contract.timestamp.column] = pa.timestamp("us", "UTC")
        fields |= dict.fromkeys(contract.timestamp.features, pa.float64())
    fields |= {"label_encoded": pa.int32(), "split": pa.string()}
    if contract.label.lead is not None:
        fields["persistence"] = pa.float64()
    return pa.schema(fields | {"row_hash": pa.int64()})


def write_row_by_row(
    batches: Iterable[RowBatch], file: str, paths: PartPaths, contract: Contract, share: float
) -> Summary:
    """Divides rows one by one, and writes the kept and the rejected ones.

    Args:
        batches: the rows.
        file: the file that they are of.
        paths: where to write.
        contract: one that `is_row_by_row`.
        share: of the training rows, how many are kept aside for quantiles.
    """
    kept: list[pa.Table] = []
    rejected: list[pa.Table] = []
    for batch in batches:
        kept.append(_kept(batch, contract))
        rejected.append(_rejected(batch, file, contract))
    return write_weather(kept, paths.weather, paths.sample, contract, share) + write_rejected(
        rejected, paths.rejected
    )


def write_weather(
    tables: Sequence[pa.Table], path: Path, sample: Path, contract: Contract, share: float
) -> Summary:
    """Writes a part of `weather.parquet`, and its share of the rows for quantiles.

    Args:
        tables: kept rows; `split` may be dictionary-encoded.
        path: where to write.
        sample: where the rows for quantiles go.
        contract: names the columns.
        share: of the training rows, how many are kept aside for quantiles.
    """
    schema = weather_schema(contract)
    whole = pa.concat_tables(tables) if tables else schema.empty_table()
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    summaries: list[Summary] = []
    with pq.ParquetWriter(
        path,
        _as_written(whole, schema).schema,
        use_dictionary=texts,  # pyright: ignore[reportArgumentType] - a list is allowed
        store_schema=False,
    ) as writer:
        for split in SPLITS:
            rows = whole.filter(pc.call_function("equal", [whole["split"], split]))
            summaries.append(summary_of(split, rows, contract))
            if len(rows):
                writer.write_table(_as_written(rows, schema))
            if split == TRAIN:
                pq.write_table(sampled_rows(rows, contract, share), sample, use_dictionary=False)
    return total(summaries)


def write_rejected(tables: Sequence[pa.Table], path: Path) -> Summary:
    """Writes a part of `rejected.parquet`."""
    whole = pa.concat_tables([REJECTED_SCHEMA.empty_table(), *tables])
    pq.write_table(whole, path, store_schema=False)
    return summary_of_rejected(whole)


def _kept(batch: RowBatch, contract: Contract) -> pa.Table:
    """Returns the valid rows of a batch, divided."""
    is_valid = pa.array(batch.rows.faults == 0)
    valid = np.asarray(batch.rows.faults == 0)
    labels = batch.rows.events[valid].astype(np.int32)
    hashes = batch.rows.row_hashes[valid]
    splits = pa.DictionaryArray.from_arrays(
        pa.array(hash_splits(labels, hashes, contract)), pa.array(SPLITS)
    )
    values = [value.filter(is_valid) for value in batch.rows.values]
    return pa.Table.from_arrays(
        [*values, pa.array(labels), splits, pa.array(hashes)],
        names=[*contract.header, "label_encoded", "split", "row_hash"],
    )


def rejected_table(
    file: str,
    lines: pa.Array | pa.ChunkedArray,
    faults: Sequence[Fault],
    texts: pa.Array | pa.ChunkedArray,
) -> pa.Table:
    """Returns rejected rows of one file with the columns of `rejected.parquet`, [N] each."""
    return pa.Table.from_arrays(
        [
            pa.array([file] * len(faults), pa.string()),
            lines,
            pa.array([column for column, _ in faults], pa.string()),
            pa.array([reason for _, reason in faults], pa.string()),
            texts,
        ],
        schema=REJECTED_SCHEMA,
    )


def _rejected(batch: RowBatch, file: str, contract: Contract) -> pa.Table:
    faulty, kinds = np.flatnonzero(batch.rows.faults), fault_kinds(contract)
    faults = [kind for code in batch.rows.faults[faulty].tolist() if (kind := kinds[code])]
    texts = pa.array(batch.texts.at(faulty), pa.string())
    return rejected_table(file, pa.array(batch.lines[faulty]), faults, texts)


def _as_written(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Returns the columns in their order, and numbers and times in their types.

    Texts stay dictionary-encoded where they are: Parquet writes them so, and readers get strings.
    """
    columns: list[pa.ChunkedArray] = []
    for field in schema:
        column = rows[field.name]
        is_text = pa.types.is_dictionary(column.type)
        columns.append(column if is_text else column.cast(field.type))
    return pa.Table.from_arrays(columns, names=schema.names)
