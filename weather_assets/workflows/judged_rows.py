"""The prepared rows that a verdict is reached on: all of them, or of very many a sample.

Belongs here: reading `weather.parquet` for verification with bounded memory, and which of the rows
a model was trained on. Does not belong here: what the columns mean, or any score (`verification`).
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
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
    highest = {
        split: -(2**63) + int(most / counts[split] * 2**64)
        for split, most in JUDGED_ROWS.items()
        if counts[split] > most
    }
    if not highest:
        return pd.read_parquet(path)
    chosen = ~pc.field("split").isin(list(highest))
    for split, limit in highest.items():
        chosen |= (pc.field("split") == split) & (pc.field("row_hash") <= limit)
    return dataset.to_table(
        filter=chosen, batch_size=_BATCH_ROWS, batch_readahead=2, fragment_readahead=1
    ).to_pandas()


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
