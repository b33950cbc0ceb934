"""Which rank visits which rows in which order.

Belongs here: logical shards, the shuffled order of an epoch, and its division into steps. Does not
belong here: reading the rows (`row_files`), or what is done with a batch (`lightning_module`).
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from weather_assets.forecasting.data import TrainingDataError

_Content = TypeVar("_Content")

WINDOW_ROWS = 65_536
"""Rows of a shard that are shuffled together and, where rows are streamed, held in memory. A shard
of no more rows is shuffled as a whole. In a longer one blocks are shuffled, then the rows of every
16 blocks: on disk, rows lie in the order of their hashes, so that any block is a fair sample."""
BLOCK_ROWS = 4_096
"""Rows that are read in one piece: 160 KiB of five columns, which a disk reads at full speed."""


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


@dataclass(frozen=True, eq=False, slots=True)
class Window:
    """Rows of a shard that follow one another in the order of an epoch.

    Attributes:
        start: place of the first of them in that order.
        blocks: their positions in the shard.
        permutation: of the rows of all blocks in turn, int64.
    """

    start: int
    blocks: tuple[range, ...]
    permutation: npt.NDArray[np.int64]

    @property
    def stop(self) -> int:
        """Place behind the last of them."""
        return self.start + len(self.permutation)

    def positions(self) -> npt.NDArray[np.int64]:
        """Returns the positions of the rows in the shard, in the order of their visits."""
        if len(self.blocks) == 1:
            return self.blocks[0].start + self.permutation
        rows = np.concatenate([np.arange(block.start, block.stop) for block in self.blocks])
        return rows[self.permutation]


class ShardOrder:
    """The order in which one epoch visits the rows of one logical shard.

    It depends on the shard's size and the key alone, and any place in it is found without going
    through those before.
    """

    def __init__(self, size: int, key: tuple[int, int, int]) -> None:
        """Shuffles the blocks.

        Args:
            size: rows of the shard.
            key: seed, epoch and number of the shard.
        """
        self._key = key
        self._whole = size <= WINDOW_ROWS
        if self._whole:
            self._windows = [(range(size),)]
            self._starts = [0, size]
            return
        starts = range(0, size, BLOCK_ROWS)
        blocks = [range(start, min(start + BLOCK_ROWS, size)) for start in starts]
        shuffled = [blocks[index] for index in np.random.default_rng(key).permutation(len(blocks))]
        together = WINDOW_ROWS // BLOCK_ROWS
        self._windows = [
            tuple(shuffled[first : first + together]) for first in range(0, len(blocks), together)
        ]
        self._starts = [0, *accumulate(sum(map(len, window)) for window in self._windows)]

    def window_at(self, place: int) -> Window:
        """Returns the window of a place, 0 for the row that is visited first."""
        index = bisect_right(self._starts, place) - 1
        key = self._key if self._whole else (*self._key, index)
        start, stop = self._starts[index : index + 2]
        permutation = np.random.default_rng(key).permutation(stop - start)
        return Window(start, self._windows[index], permutation)


@dataclass(eq=False, slots=True)
class ShardVisit(Generic[_Content]):
    """Goes through one shard in the order of an epoch, with one window's content at a time.

    Attributes:
        order: of the shard.
        load: returns what is to be kept of a window while its rows are visited.
    """

    order: ShardOrder
    load: Callable[[Window], _Content]
    _current: tuple[Window, _Content] | None = None

    def parts(self, start: int, stop: int) -> Iterator[tuple[_Content, slice]]:
        """Yields the contents with rows of the places from `start` to `stop`, and where in them."""
        while start < stop:
            current = self._current
            if current is None or not current[0].start <= start < current[0].stop:
                self._current = None  # two windows would be in memory while the next is loaded
                window = self.order.window_at(start)
                self._current = current = (window, self.load(window))
            window, content = current
            end = min(stop, window.stop)
            yield content, slice(start - window.start, end - window.start)
            start = end


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
        self.own = shards_of_rank(row_count, shards, rank, world_size)
        self._numbers = range(rank, shards, world_size)
        self._sizes = [len(rows) for rows in shards_of_rank(row_count, shards, 0, 1)]
        self._seed = seed

    def shards(self, epoch: int) -> list[ShardOrder]:
        """Returns the order of each of this rank's shards (`own`) in an epoch, 0 for the first."""
        return [
            ShardOrder(len(rows), (self._seed, epoch, number))
            for rows, number in zip(self.own, self._numbers, strict=True)
        ]

    def places(self, step: int) -> list[slice]:
        """Returns which places of each of this rank's shards a step of an epoch takes."""
        return [self._places(len(rows), step) for rows in self.own]

    def rows_in_step(self, step: int) -> int:
        """Returns the number of rows of a step of an epoch, over all ranks."""
        places = [self._places(size, step) for size in self._sizes]
        return sum(place.stop - place.start for place in places)

    def _places(self, size: int, step: int) -> slice:
        return slice(size * step // self.steps, size * (step + 1) // self.steps)


@dataclass(eq=False, slots=True)
class EpochVisits(Generic[_Content]):
    """A rank's visits to its shards in the present epoch, kept from one validation to the next.

    Attributes:
        order: of this rank.
        load: returns what is to be kept of a window of one of its shards, 0 for the first.
    """

    order: EpochOrder
    load: Callable[[int, Window], _Content]
    _number: int = -1
    _visits: "list[ShardVisit[_Content]]" = field(default_factory=list["ShardVisit[_Content]"])

    def of(self, number: int) -> list[ShardVisit[_Content]]:
        """Returns the visits of an epoch, one per shard."""
        if number != self._number:
            self._number = number
            self._visits = [
                ShardVisit(shard, partial(self.load, index))
                for index, shard in enumerate(self.order.shards(number))
            ]
        return self._visits
