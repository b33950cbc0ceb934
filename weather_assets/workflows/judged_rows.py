"""The prepared rows that a verdict is reached on: all of them, or of very many a sample.

Belongs here: reading `weather.parquet` for verification with bounded memory, which of the rows a
model was trained on, and whether it can be asked about them. Does not belong here: what the columns
mean, or any score (`verification`).
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from weather_assets.contract.schema import Contract, Split, SplitMethod

JUDGED_ROWS = {"train": 250_000, "validation": 250_000, "test": 1_000_000}
"""About how many rows of a split are read, at most. The baselines are fitted on the training rows:
logistic regression has long converged by then, and gradient boosting takes a minute. A million test
rows tell apart Brier scores that differ by less than a thousandth."""

_BATCH_ROWS = 131_072


def read_judged_rows(path: Path) -> pd.DataFrame:
    """Returns the rows to judge on, in the order of the file.

    Of a split with more rows than `JUDGED_ROWS` has room for, those with the lowest hashes are
    taken: the same ones every time, and as good as drawn by lot, since a hash says nothing of its
    row. Candidate, champion and baselines are judged on the same rows.

    Args:
        path: `weather.parquet`, a file or a folder of parts.
    """
    dataset = ds.dataset(path, format="parquet")
    counts = _rows_by_split(dataset)
    if all(counts[split] <= most for split, most in JUDGED_ROWS.items()):
        return pd.read_parquet(path)
    return _sampled(
        dataset,
        {split: (pc.field("split") == split, counts[split]) for split in JUDGED_ROWS},
    )


def read_rows_around(path: Path, column: str, begin: datetime, end: datetime) -> pd.DataFrame:
    """Returns the rows up to a time as training rows, and those up to a later one as test rows.

    However they were divided before; of very many a sample, as `read_judged_rows` takes it.

    Args:
        path: `weather.parquet`, a file or a folder of parts.
        column: of the rows' times.
        begin: the first time, with a zone.
        end: the second one, with a zone.
    """
    dataset = ds.dataset(path, format="parquet")
    kind = dataset.schema.field(column).type
    first, last = (pa.scalar(time, kind) for time in (begin, end))
    sides = {
        "train": pc.field(column) <= first,
        "test": (pc.field(column) > first) & (pc.field(column) <= last),
    }
    rows = _sampled(
        dataset, {split: (side, dataset.count_rows(filter=side)) for split, side in sides.items()}
    )
    times: Any = pd.to_datetime(rows[column], utc=True)
    rows["split"] = np.where(times <= pd.Timestamp(begin), "train", "test")
    return rows


def _sampled(dataset: ds.Dataset, parts: Mapping[str, tuple[pc.Expression, int]]) -> pd.DataFrame:
    """Returns the rows of some parts, each a condition and the number of rows that it holds."""
    chosen = pc.scalar(value=False)
    for split, (part, count) in parts.items():
        share = min(1.0, JUDGED_ROWS[split] / max(count, 1))
        is_drawn = pc.field("row_hash") <= min(-(2**63) + int(share * 2**64), 2**63 - 1)
        chosen |= part & is_drawn
    return dataset.to_table(
        filter=chosen, batch_size=_BATCH_ROWS, batch_readahead=2, fragment_readahead=1
    ).to_pandas()


def answers(trained_for: Contract, contract: Contract) -> bool:
    """Tells whether a model forecasts what rows are labelled with, from features that they have.

    Args:
        trained_for: contract of the rows that trained the model.
        contract: of the rows.
    """
    events = [
        (label.column, label.threshold, label.lead) for label in (trained_for.label, contract.label)
    ]
    return events[0] == events[1] and trained_for.features == contract.features


def seen_rows(
    rows: pd.DataFrame, contract: Contract, learned_until: str | None, split: Split
) -> npt.NDArray[np.bool_]:
    """Returns which test rows [N] have trained a model's judged weights, or chosen its recipe.

    By hash or by day of the month a row is in the same split for ever. In time, what is newer than
    all that a model learned is new to it.

    Args:
        rows: test rows of the present division.
        contract: of the rows.
        learned_until: time of the newest row that the model learned from (ISO 8601); None where
            that was not recorded, or rows have no time.
        split: how rows were divided for the model.
    """
    if split.method is SplitMethod.CHRONOLOGICAL and contract.timestamp is not None:
        if learned_until is not None:
            times: Any = pd.to_datetime(rows[contract.timestamp.column], utc=True)
            return (times <= pd.Timestamp(learned_until)).to_numpy(dtype=bool)
        return np.zeros(len(rows), np.bool_)  # as versions were judged that do not say it
    return np.full(len(rows), split != contract.split)


def _rows_by_split(dataset: ds.Dataset) -> Counter[str]:
    if dataset.count_rows() <= min(JUDGED_ROWS.values()):
        return Counter()
    counts: Counter[str] = Counter()
    for batch in dataset.to_batches(columns=["split"], batch_size=_BATCH_ROWS):
        for pair in batch.column("split").value_counts().to_pylist():
            counts[pair["values"]] += pair["counts"]
    return counts
