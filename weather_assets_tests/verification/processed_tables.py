"""Processed weather tables for tests, made by pandas alone.

A plain second implementation of what `weather_assets.processing` promises, good enough to verify
forecasts on: it drops what is out of bounds or unlabelled, and explains nothing.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from weather_assets.contract.columns import Kind
from weather_assets.contract.loading import recognise_header
from weather_assets.contract.schema import Contract, SplitMethod


def processed_table(path: Path) -> tuple[pd.DataFrame, Contract]:
    """Returns the processed table of a raw sample file and its contract."""
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    contract = recognise_header(list(raw.columns))
    # pandas ships no types that know what these operations return.
    table: Any = pd.DataFrame(index=raw.index)
    keep: Any = pd.Series(data=True, index=raw.index)
    for column in contract.columns:
        text = raw[column.name].mask(raw[column.name].isin(["", *contract.missing_markers]))
        if column.kind is Kind.CATEGORY:
            table[column.name] = text
        else:
            table[column.name] = text.astype(float)
            inside = table[column.name].between(column.minimum, column.maximum)
            keep &= inside | text.isna()
    if contract.timestamp is not None:
        when = pd.to_datetime(raw[contract.timestamp.column], utc=True)
        table[contract.timestamp.column] = when
        hour = when.dt.hour + when.dt.minute / 60
        table["hour_of_day"] = hour
        table["day_of_year"] = when.dt.dayofyear + hour / 24
    event = _event(raw, table, contract)
    if contract.label.lead is not None:
        table["persistence"] = event
    table["label_encoded"] = _lead(event, table, contract)
    hashes: Any = pd.util  # pyright: ignore[reportAttributeAccessIssue] (public, but not in types)
    table["row_hash"] = hashes.hash_pandas_object(raw, index=False).to_numpy().astype(np.int64)
    table = table[keep & table["label_encoded"].notna()].reset_index(drop=True)
    table["split"] = _split(table, contract)
    return table[table["split"] != "gap"].reset_index(drop=True), contract


def _event(raw: Any, table: Any, contract: Contract) -> Any:
    label = contract.label
    if label.threshold is None:
        return raw[label.column].str.strip().str.casefold().isin(label.positive).astype(float)
    values = table[label.column]
    return (values > label.threshold).astype(float).mask(values.isna())


def _lead(event: Any, table: Any, contract: Contract) -> Any:
    lead = contract.label.lead
    if lead is None or contract.timestamp is None:
        return event
    place = table[contract.station] if contract.station is not None else pd.Series("", event.index)
    known = pd.DataFrame(
        {"event": event, "place": place, "when": table[contract.timestamp.column] - lead}
    ).drop_duplicates(["place", "when"])
    issued = pd.DataFrame({"place": place, "when": table[contract.timestamp.column]})
    return issued.merge(known, how="left", on=["place", "when"])["event"].set_axis(event.index)


def _split(table: Any, contract: Contract) -> Any:
    names = ["train", "validation", "gap", "test"]
    when: Any = None if contract.timestamp is None else table[contract.timestamp.column]
    if contract.split.method is SplitMethod.HASH:
        rank = table.groupby("label_encoded")["row_hash"].rank(pct=True)
    elif contract.split.method is SplitMethod.DAY_OF_MONTH:
        day = when.dt.day
        conditions = [day <= 16, (day == 19) | (day == 20), day < 22]
        return np.select(conditions, names[:3], default="test")
    else:
        # The samples have events enough for the plain shares, and are long enough for whole blocks.
        days, edge = (when - pd.Timestamp(0, tz="UTC")) / pd.Timedelta("1D"), _older(contract)
        is_older = when.rank(pct=True) <= edge
        is_block = days % (2 * edge / contract.split.validation) < 2
        return np.select([is_older & ~is_block, is_older], names[:2], default="test")
    return np.select(
        [rank <= contract.split.train, rank <= _older(contract)], names[:2], default="test"
    )


def _older(contract: Contract) -> float:
    return contract.split.train + contract.split.validation
