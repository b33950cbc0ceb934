"""Rows that were compared with others, once it is known what becomes of each.

Belongs here: one part's rows as they come out: kept with label, split and features of time, or set
aside with a reason. Does not belong here: finding out what becomes of them (`windows`), or the rows
before that (`timed_parts`).
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weather_assets.contract.schema import Contract, SplitMethod
from weather_assets.processing.cells.features import time_feature
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.cells.timestamps import NO_INSTANT
from weather_assets.processing.cells.validation import fault_kinds
from weather_assets.processing.comparing.outcomes import OWN_FAULT, REASONS, Fates, is_labelled
from weather_assets.processing.comparing.splitting import (
    GAP,
    SPLITS,
    Division,
    SplitCodes,
    chronological_splits,
    day_of_month_splits,
    hash_splits,
)
from weather_assets.processing.parts.parts import (
    PartPaths,
    rejected_table,
    write_rejected,
    write_weather,
)
from weather_assets.processing.parts.summaries import Summary
from weather_assets.processing.parts.timed_parts import (
    instants,
    read_rows,
    time_column,
    value_column,
)


def write_divided(
    rows: Path,
    fates: Fates,
    file: str,
    contract: Contract,
    division: Division | None,
    share: float,
    paths: PartPaths,
) -> Summary:
    """Writes what becomes of a part's rows: those that are kept, and those that are set aside.

    Args:
        rows: `TimedPaths.rows`.
        fates: of the rows that have a time and a station: the last ones.
        file: that they are of.
        contract: of the rows.
        division: where a chronological division divides; None for the others, and where no row
            has a label.
        share: of the training rows, how many are kept aside for quantiles.
        paths: where to write; a file that would have no row is not written.
    """
    values = [value_column(index) for index in range(len(contract.header))]
    table = read_rows(rows, contract, [*values, "event", "fault", "row_hash"])
    keyless = np.full(len(table) - len(fates), OWN_FAULT, np.int8)
    fates = np.concatenate([keyless, fates])
    splits = _splits(table, fates, contract, division)
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


def _times(table: pa.Table, contract: Contract) -> npt.NDArray[np.int64]:
    return instants(table[value_column(time_column(contract))].combine_chunks())


def _splits(
    table: pa.Table, fates: Fates, contract: Contract, division: Division | None
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
    if division is None:
        return np.full(len(table), GAP, np.int8)
    return chronological_splits(times, division)


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
    kinds = fault_kinds(contract)
    found = [
        (kinds[fault] if fate == OWN_FAULT else None) or (None, REASONS.get(fate, Reason.SPLIT_GAP))
        for fate, fault in zip(fates.tolist(), faults.tolist(), strict=True)
    ]
    return rejected_table(file, texts["line"], found, texts["raw"])
