"""Rows as the learned layers take them, step by step: resident where they fit, else streamed.

Belongs here: encoding, and assembling the rows of a step. Does not belong here: the order
(`epoch_order`), the files (`row_files`), or what is done with a step (`lightning_module`).

Nothing in the encoding is learned, so rows that fit into memory are encoded once. Of more rows,
only those around the present step are in memory, and each step encodes its own.

Shapes: N rows of this rank, B of them in one step, F features, D encoded columns.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from weather_assets.forecasting.checkpoints import TrainingProgress
from weather_assets.forecasting.data import LabelledRows
from weather_assets.forecasting.epoch_order import EpochOrder, EpochVisits, Window
from weather_assets.forecasting.network import RainNetwork
from weather_assets.forecasting.row_files import RowFiles

RESIDENT_BYTES = 640 * 2**20
"""Most memory of a rank for encoded training rows: 970,000 five-column rows with piecewise-linear
columns; or 15 million without, and one of two ranks visits no more than 10 million."""
_READ_TOGETHER = 65_536
_ENCODED_TOGETHER = 1_024
"""Rows whose encoding, in float64 and with its intermediate results, still fits a core's cache."""


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Rows as the learned layers take them.

    Attributes:
        encoded_ND: in the precision of the weights, on the device of training.
        labels_N: likewise.
    """

    encoded_ND: Tensor
    labels_N: Tensor

    @classmethod
    def encode(
        cls, rows: LabelledRows, network: RainNetwork, device: torch.device
    ) -> "EncodedRows":
        """Encodes rows in float64 and keeps them in the precision of the network's weights.

        They are encoded where the network is: before training that is the CPU, also for a GPU.
        """
        weights = network.linear.weight
        features_NF = torch.from_numpy(rows.features_NF).to(weights.device)
        precision = weights.dtype
        encoded_ND = weights.new_empty(len(rows), network.preprocessing.width)
        together = _ENCODED_TOGETHER if weights.device.type == "cpu" else max(1, len(rows))
        with torch.no_grad():
            for first in range(0, len(rows), together):
                some = slice(first, first + together)
                encoded_ND[some] = network.encode(features_NF[some])
        labels_N = torch.from_numpy(rows.labels_N).to(precision)
        return cls(encoded_ND.to(device), labels_N.to(device))

    @classmethod
    def gather(
        cls, parts: Iterable[LabelledRows], rows: int, network: RainNetwork, device: torch.device
    ) -> "EncodedRows":
        """Encodes rows that come in parts, of which one at a time is held as it was.

        Args:
            parts: with at least one row each.
            rows: of all parts.
            network: encodes.
            device: where the encoded rows go.
        """
        weights = network.linear.weight
        encoded_ND = weights.new_empty(rows, network.preprocessing.width, device=device)
        labels_N = weights.new_empty(rows, device=device)
        first = 0
        for part in parts:
            some = slice(first, first + len(part))
            encoded = cls.encode(part, network, device)
            encoded_ND[some], labels_N[some] = encoded.encoded_ND, encoded.labels_N
            first += len(part)
        return cls(encoded_ND, labels_N)


class StepRows(Protocol):
    """Where the rows of a step come from."""

    def epoch(self, number: int, first_step: int) -> Iterator[EncodedRows]:
        """Yields the rows of each step of an epoch, from `first_step` to its last one."""
        ...


class ResidentRows:
    """Training rows of this rank, all encoded and in memory."""

    def __init__(self, rows: EncodedRows, order: EpochOrder) -> None:
        """Takes the rows of this rank's shards in turn, and their order."""
        self._rows = rows
        self._order = order
        self._visits = EpochVisits(order, self._load)
        self._offsets = [0, *accumulate(map(len, order.own))]

    def _load(self, shard: int, window: Window) -> Tensor:
        return torch.from_numpy(self._offsets[shard] + window.positions())

    def epoch(self, number: int, first_step: int) -> Iterator[EncodedRows]:
        """Yields the rows of each step of an epoch."""
        device = self._rows.labels_N.device
        visits = self._visits.of(number)
        for step in range(first_step, self._order.steps):
            picks = [
                content[part]
                for visit, place in zip(visits, self._order.places(step), strict=True)
                for content, part in visit.parts(place.start, place.stop)
            ]
            pick_B = torch.cat(picks).to(device)
            yield EncodedRows(self._rows.encoded_ND[pick_B], self._rows.labels_N[pick_B])


@dataclass(frozen=True, eq=False)
class StreamedRows:
    """Training rows of this rank, read window by window and encoded step by step.

    Attributes:
        files: of all ranks.
        name: of the set of rows.
        order: of visiting this rank's rows.
        network: encodes; must be in the precision of training already.
        device: of training.
    """

    files: RowFiles
    name: str
    order: EpochOrder
    network: RainNetwork
    device: torch.device

    @cached_property
    def _visits(self) -> EpochVisits[LabelledRows]:
        return EpochVisits(self.order, self._load)

    def _load(self, shard: int, window: Window) -> LabelledRows:
        first = self.order.own[shard].start
        blocks = [
            self.files.read(self.name, first + block.start, first + block.stop)
            for block in window.blocks
        ]
        return join(blocks).take(window.permutation)

    def epoch(self, number: int, first_step: int) -> Iterator[EncodedRows]:
        """Yields the rows of each step of an epoch."""
        visits = self._visits.of(number)
        for step in range(first_step, self.order.steps):
            parts = [
                LabelledRows(content.features_NF[part], content.labels_N[part])
                for visit, place in zip(visits, self.order.places(step), strict=True)
                for content, part in visit.parts(place.start, place.stop)
            ]
            yield EncodedRows.encode(join(parts), self.network, self.device)


def step_rows(
    files: RowFiles,
    name: str,
    order: EpochOrder,
    network: RainNetwork,
    device: torch.device,
) -> StepRows:
    """Returns this rank's training rows: resident if they fit, else streamed. Both visit alike.

    Args:
        files: of all ranks.
        name: of the set of rows (`row_files.ROW_SETS`).
        order: of visiting this rank's rows.
        network: encodes.
        device: of training.
    """
    rows = sum(map(len, order.own))
    wanted = rows * (network.preprocessing.width + 1) * network.linear.weight.element_size()
    if wanted > RESIDENT_BYTES:
        return StreamedRows(files, name, order, network, device)
    own = (
        files.read(name, first, min(first + _READ_TOGETHER, shard.stop))
        for shard in order.own
        for first in range(shard.start, shard.stop, _READ_TOGETHER)
    )
    return ResidentRows(EncodedRows.gather(own, rows, network, device), order)


def join(parts: list[LabelledRows]) -> LabelledRows:
    """Returns the rows of all parts in turn; at least one part."""
    return LabelledRows(
        np.concatenate([part.features_NF for part in parts]),
        np.concatenate([part.labels_N for part in parts]),
    )


Stretch = Iterator[tuple[Tensor, Tensor, int]]
"""For each step encoded rows [B, D], labels [B], and the number of its rows over all ranks."""


@dataclass(frozen=True, slots=True)
class StretchBatches:
    """The steps up to the next validation, as the one batch of what Lightning takes for an epoch.

    Attributes:
        rows: of this rank.
        order: of visiting them.
        progress: says which step is next.
        steps: between two validations: part of an epoch, or several.
    """

    rows: StepRows
    order: EpochOrder
    progress: TrainingProgress
    steps: int

    def __len__(self) -> int:
        """Returns the number of batches: one."""
        return 1

    def __iter__(self) -> Iterator[Stretch]:
        """Yields the steps, whose rows are assembled one step at a time."""
        yield self._stretch()

    def _stretch(self) -> Stretch:
        step, last = self.progress.step, self.progress.step + self.steps
        while step < last:
            epoch, within = divmod(step, self.order.steps)
            for rows in self.rows.epoch(epoch, within):
                if step == last:
                    return
                yield (
                    rows.encoded_ND,
                    rows.labels_N,
                    self.order.rows_in_step(step % self.order.steps),
                )
                step += 1

    def row_count(self) -> int:
        """Returns the rows of these steps, over all ranks."""
        first = self.progress.step
        return sum(
            self.order.rows_in_step(step % self.order.steps)
            for step in range(first, first + self.steps)
        )
