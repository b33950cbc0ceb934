"""What is known of some prepared rows without looking at them again; summaries of parts add up.

Belongs here: counting kept and rejected rows, and everything else that is a sum over rows. Does not
belong here: how rows are written (`parts`), or what the sums of training rows mean (`fitting`).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa

from weather_assets.contract.schema import Contract
from weather_assets.processing.cells import hashing
from weather_assets.processing.comparing.splitting import SPLITS, TRAIN
from weather_assets.processing.parts.accounting import Counts
from weather_assets.processing.parts.fitting import FeatureSums, sums_of


@dataclass(frozen=True, slots=True)
class Summary:
    """Some rows of a version, or all of them.

    Attributes:
        rows: kept rows by split and label, as in `train/1`.
        content: two sums over mixed row hashes for each of these, modulo 2**64: equal for equal
            sets of rows, in any order and division.
        missing: kept rows by column in which it is missing.
        rejected: rejected rows by reason.
        rejected_columns: rejected rows by faulty column, where one is at fault.
        sums: of each feature over the training rows.
    """

    rows: Mapping[str, int] = field(default_factory=dict[str, int])
    content: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    missing: Mapping[str, int] = field(default_factory=dict[str, int])
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])
    rejected_columns: Mapping[str, int] = field(default_factory=dict[str, int])
    sums: tuple[FeatureSums, ...] = ()

    @property
    def kept(self) -> int:
        """Rows without a fault."""
        return sum(self.rows.values())

    @property
    def training_rows(self) -> int:
        """Rows that train."""
        return self.training_positive + self.rows.get(f"{TRAIN}/0", 0)

    @property
    def training_positive(self) -> int:
        """Rows that train, and whose label is 1."""
        return self.rows.get(f"{TRAIN}/1", 0)

    def __add__(self, other: Self) -> "Summary":
        """Returns the summary of the rows of both."""
        return Summary(
            rows=_added(self.rows, other.rows),
            content={
                key: _wrapped(self.content.get(key, (0, 0)), other.content.get(key, (0, 0)))
                for key in sorted({*self.content, *other.content})
            },
            missing=_added(self.missing, other.missing),
            rejected=_added(self.rejected, other.rejected),
            rejected_columns=_added(self.rejected_columns, other.rejected_columns),
            sums=tuple(mine + its for mine, its in zip(self.sums, other.sums, strict=True))
            if self.sums and other.sums
            else self.sums or other.sums,
        )

    def counts(self, contract: Contract) -> Counts:
        """Returns what became of the rows, for the report."""
        return Counts(
            kept=self.kept,
            rejected=sum(self.rejected.values()),
            rejected_by_reason=dict(self.rejected),
            rejected_by_column=dict(self.rejected_columns),
            rows_by_split={
                split: sum(self.rows.get(f"{split}/{label}", 0) for label in (0, 1))
                for split in SPLITS
            },
            positives_by_split={split: self.rows.get(f"{split}/1", 0) for split in SPLITS},
            missing_by_column={name: self.missing.get(name, 0) for name in contract.header},
        )

    def to_json(self) -> str:
        """Returns the summary as JSON; `from_json` is its inverse."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Returns the summary that `to_json` wrote."""
        fields = json.loads(text)
        fields["content"] = {key: tuple(sums) for key, sums in fields["content"].items()}
        fields["sums"] = tuple(FeatureSums(**sums) for sums in fields["sums"])
        return cls(**fields)


def total(summaries: Iterable[Summary]) -> Summary:
    """Returns the summary of all rows together."""
    whole = Summary()
    for summary in summaries:
        whole += summary
    return whole


def summary_of(split: str, rows: pa.Table, contract: Contract) -> Summary:
    """Summarises kept rows of one split.

    Args:
        split: its name.
        rows: with the columns of `weather.parquet`.
        contract: names them.
    """
    labels = rows["label_encoded"].to_numpy()
    hashes = rows["row_hash"].to_numpy()
    mixed = [hashing.hash_longs(np.full(len(hashes), salt, np.uint64), hashes) for salt in (1, 2)]
    counted: dict[str, int] = {}
    content: dict[str, tuple[int, int]] = {}
    for label in (0, 1):
        chosen = labels == label
        if chosen.any():
            counted[f"{split}/{label}"] = int(chosen.sum())
            content[f"{split}/{label}"] = (int(mixed[0][chosen].sum()), int(mixed[1][chosen].sum()))
    return Summary(
        rows=counted,
        content=content,
        missing={name: rows[name].null_count for name in contract.header},
        sums=sums_of(rows, contract) if split == TRAIN else (),
    )


def summary_of_rejected(rejected: pa.Table) -> Summary:
    """Summarises rejected rows, which have the columns of `rejected.parquet`."""
    return Summary(
        rejected=_counted(rejected["reason"]), rejected_columns=_counted(rejected["column"])
    )


def _counted(names: pa.ChunkedArray) -> dict[str, int]:
    counted = names.drop_null().value_counts().to_pylist()
    return dict(sorted((entry["values"], entry["counts"]) for entry in counted))


def _added(mine: Mapping[str, int], its: Mapping[str, int]) -> dict[str, int]:
    totals = Counter(mine)
    totals.update(its)
    return dict(sorted(totals.items()))


def _wrapped(mine: tuple[int, int], its: tuple[int, int]) -> tuple[int, int]:
    return (mine[0] + its[0]) % 2**64, (mine[1] + its[1]) % 2**64
