"""Rows for training: Parquet to tensors, and which rank visits which rows in which order.

Belongs here: reading `weather.parquet`, the feature matrix, logical shards, the order of an epoch.
Does not belong here: what is done with a batch (`lightning_module`).

Shapes: N rows, F features, B rows of this rank in one step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch import Tensor

from weather_assets.contract.schema import Contract, Kind

LABEL_COLUMN = "label_encoded"
SPLIT_COLUMN = "split"
ORDER_COLUMN = "row_hash"


class TrainingDataError(ValueError):
    """The prepared rows cannot be trained on. The message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Rows in a reproducible order.

    Attributes:
        features_NF: float64, raw units, NaN for missing, categories as codes.
        labels_N: float64, 0 or 1.
    """

    features_NF: npt.NDArray[np.float64]
    labels_N: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """Returns N."""
        return len(self.labels_N)

    def take(self, indices: npt.NDArray[np.int64]) -> "LabelledRows":
        """Returns the rows at `indices`, in that order."""
        return LabelledRows(self.features_NF[indices], self.labels_N[indices])


def feature_matrix(table: pa.Table, contract: Contract) -> npt.NDArray[np.float64]:
    """Returns what the network takes.

    Args:
        table: rows with the contract's features as columns, in raw units, null for missing.
        contract: names the features and their order.

    Returns:
        float64 [N, F]; NaN for missing; a category is its position in `Feature.categories`.

    Raises:
        TrainingDataError: if a feature has no column, or a category is not among the contract's.
    """
    columns: list[npt.NDArray[np.float64]] = []
    for feature in contract.features:
        if feature.name not in table.column_names:
            raise TrainingDataError(
                f"no column {feature.name!r} among {table.column_names}; the rows are "
                f"prepared for another contract than {contract.name!r}: prepare them again"
            )
        column = table.column(feature.name)
        if feature.kind is Kind.CATEGORY:
            codes = pc.index_in(  # pyright: ignore[reportAttributeAccessIssue] - made at import
                column, value_set=pa.array(feature.categories, column.type)
            )
            if codes.null_count != column.null_count:
                found = sorted(set(column.unique().to_pylist()) - {*feature.categories, None})
                raise TrainingDataError(
                    f"column {feature.name!r} has {found}, which the contract does not declare; "
                    f"allowed are {list(feature.categories)}"
                )
            column = codes
        values = pc.fill_null(column.cast(pa.float64()), float("nan"))
        columns.append(values.to_numpy())
    return np.column_stack(columns).astype(np.float64, copy=False)


def read_split(path: Path, contract: Contract, split: str) -> LabelledRows:
    """Reads one split, in the order of the rows' content hashes: part files do not matter.

    Args:
        path: `weather.parquet`, a file or a folder of parts.
        contract: names the features.
        split: `train`, `validation` or `test`.

    Returns:
        The rows.

    Raises:
        TrainingDataError: if the split has no rows, or only one class, or a column is missing.
    """
    names = [*(feature.name for feature in contract.features), LABEL_COLUMN, ORDER_COLUMN]
    try:
        table = pq.read_table(path, columns=names, filters=[(SPLIT_COLUMN, "=", split)])
    except (OSError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise TrainingDataError(f"{path}: not readable as prepared rows: {error}") from error
    table = table.sort_by(ORDER_COLUMN)
    labels = table.column(LABEL_COLUMN).to_numpy().astype(np.float64)
    if not 0 < labels.sum() < len(labels):
        raise TrainingDataError(
            f"{path}: split {split!r} has {len(labels)} rows, {int(labels.sum())} of them with the "
            "event; both outcomes are needed: give more data, or a split that is less one-sided"
        )
    return LabelledRows(feature_matrix(table, contract), labels)


def validation_share(rows: LabelledRows, rank: int, world_size: int) -> LabelledRows:
    """Returns this rank's validation rows: every row is on exactly one rank, none is padded."""
    return rows.take(np.arange(rank, len(rows), world_size))


def shards_of_rank(row_count: int, shards: int, rank: int, world_size: int) -> list[range]:
    """Returns the logical shards of a rank, as ranges over all rows.

    Args:
        row_count: training rows in all.
        shards: number of logical shards.
        rank: this rank.
        world_size: number of ranks.

    Raises:
        TrainingDataError: if there are more ranks than shards.
    """
    if world_size > shards:
        raise TrainingDataError(
            f"{world_size} ranks cannot share {shards} logical shards; set logical_shards to at "
            f"least {world_size}"
        )
    bounds = [row_count * shard // shards for shard in range(shards + 1)]
    return [range(bounds[shard], bounds[shard + 1]) for shard in range(rank, shards, world_size)]


class EpochOrder:
    """Which of this rank's rows make up which step of which epoch.

    Every logical shard is shuffled by itself, seeded by (seed, epoch, shard), and a step takes the
    same fraction of each. So the rows of a step, over all ranks, do not depend on how many ranks
    there are; and a rank never needs to know rows that are not its own.
    """

    def __init__(
        self,
        row_count: int,
        rows_per_step: int,
        *,
        shards: int,
        rank: int,
        world_size: int,
        seed: int,
    ) -> None:
        """Divides the rows.

        Args:
            row_count: training rows over all ranks.
            rows_per_step: rows of one step over all ranks, at least.
            shards: number of logical shards.
            rank: this rank.
            world_size: number of ranks.
            seed: of the order.
        """
        self.steps = max(1, row_count // rows_per_step)
        self._own = list(range(rank, shards, world_size))
        self._sizes = [len(rows) for rows in shards_of_rank(row_count, shards, 0, 1)]
        self._seed = seed

    def step_sizes(self) -> list[int]:
        """Returns the number of rows of each step, over all ranks."""
        return [
            sum(self._cut(size, step) - self._cut(size, step - 1) for size in self._sizes)
            for step in range(1, self.steps + 1)
        ]

    def batches(self, epoch: int) -> Sequence[Tensor]:
        """Returns the rows of each step of an epoch: positions int64 [B] among this rank's rows.

        Args:
            epoch: 0 for the first.
        """
        start = 0
        orders: list[Tensor] = []
        for shard in self._own:
            generator = np.random.default_rng((self._seed, epoch, shard))
            orders.append(torch.from_numpy(start + generator.permutation(self._sizes[shard])))
            start += self._sizes[shard]
        return [
            torch.cat(
                [
                    order[self._cut(len(order), step) : self._cut(len(order), step + 1)]
                    for order in orders
                ]
            )
            for step in range(self.steps)
        ]

    def _cut(self, size: int, step: int) -> int:
        return size * step // self.steps
