"""Who visits which rows when."""

from collections.abc import Generator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.forecasting import epoch_order
from weather_assets.forecasting.data import TrainingDataError
from weather_assets.forecasting.epoch_order import (
    EpochOrder,
    EpochVisits,
    ShardOrder,
    Window,
    shards_of_rank,
)

SMALL_WINDOW, SMALL_BLOCK = 40, 8


@pytest.fixture(scope="module", autouse=True)
def small_windows() -> Generator[None]:
    """Makes shards of a few dozen rows long ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epoch_order, "WINDOW_ROWS", SMALL_WINDOW)
        patch.setattr(epoch_order, "BLOCK_ROWS", SMALL_BLOCK)
        yield


def positions(shard: int, window: Window) -> list[int]:
    del shard
    return window.positions().tolist()


def steps_of_rank(order: EpochOrder, epoch: int) -> list[list[int]]:
    """Returns the rows of this rank's steps, by their position among all rows."""
    visits = EpochVisits(order, positions).of(epoch)
    return [
        [
            shard.start + position
            for shard, visit, place in zip(order.own, visits, order.places(step), strict=True)
            for content, part in visit.parts(place.start, place.stop)
            for position in content[part]
        ]
        for step in range(order.steps)
    ]


def steps(
    row_count: int, rows_per_step: int, ranks: int, epoch: int, seed: int = 5
) -> list[set[int]]:
    """Returns the rows of each step over all ranks; no row is in it twice."""
    orders = [
        EpochOrder(row_count, rows_per_step, shards=8, rank=rank, world_size=ranks, seed=seed)
        for rank in range(ranks)
    ]
    parts = [steps_of_rank(order, epoch) for order in orders]
    found: list[set[int]] = []
    for step, lists in enumerate(zip(*parts, strict=True)):
        rows = [row for rows in lists for row in rows]
        assert len(rows) == len(set(rows)) == orders[0].rows_in_step(step)
        found.append(set(rows))
    return found


@settings(max_examples=60, deadline=None)
@given(
    row_count=st.integers(1, 1500),
    rows_per_step=st.integers(1, 300),
    world_size=st.integers(1, 8),
    epoch=st.integers(0, 3),
)
def test_an_epoch_visits_every_row_once_in_steps_that_ignore_the_number_of_ranks(
    row_count: int, rows_per_step: int, world_size: int, epoch: int
) -> None:
    together = steps(row_count, rows_per_step, world_size, epoch)
    assert together == steps(row_count, rows_per_step, 1, epoch)
    assert sorted(row for step in together for row in step) == list(range(row_count))


@pytest.mark.parametrize("rows", [100, 1500])
def test_epochs_and_seeds_differ(rows: int) -> None:
    assert steps(rows, 10, 1, 0) == steps(rows, 10, 1, 0)
    assert steps(rows, 10, 1, 0)[0] != steps(rows, 10, 1, 1)[0]
    assert steps(rows, 10, 1, 0)[0] != steps(rows, 10, 1, 0, seed=6)[0]


def test_a_short_shard_is_shuffled_as_a_whole() -> None:
    window = ShardOrder(SMALL_WINDOW, (1, 2, 3)).window_at(17)
    expected = np.random.default_rng((1, 2, 3)).permutation(SMALL_WINDOW)
    assert window.positions().tolist() == expected.tolist()


@settings(max_examples=60, deadline=None)
@given(size=st.integers(SMALL_WINDOW + 1, 600), data=st.data())
def test_any_place_of_a_long_shard_is_found_at_once_and_read_in_blocks(
    size: int, data: st.DataObject
) -> None:
    """So that a run that is resumed in mid-epoch goes on with the rows that come next."""
    key = (7, 0, 1)
    whole: list[int] = []
    while len(whole) < size:
        window = ShardOrder(size, key).window_at(len(whole))
        assert window.start == len(whole)
        assert len(window.permutation) <= SMALL_WINDOW
        assert all(block.start % SMALL_BLOCK == 0 for block in window.blocks)
        whole += window.positions().tolist()
    assert sorted(whole) == list(range(size))
    place = data.draw(st.integers(0, size - 1))
    window = ShardOrder(size, key).window_at(place)
    assert window.positions()[place - window.start] == whole[place]


def test_one_window_of_a_shard_is_held_at_a_time() -> None:
    loaded: list[int] = []

    def load(shard: int, window: Window) -> list[int]:
        loaded.append(len(window.permutation))
        return positions(shard, window)

    order = EpochOrder(1600, 10, shards=8, rank=0, world_size=8, seed=5)
    visits = EpochVisits(order, load)
    for step in range(order.steps):
        place = order.places(step)[0]
        assert list(visits.of(0)[0].parts(place.start, place.stop))
    assert loaded == [SMALL_WINDOW] * 5


def test_more_ranks_than_shards_are_refused() -> None:
    with pytest.raises(TrainingDataError, match="logical_shards"):
        shards_of_rank(100, 2, 0, 3)
