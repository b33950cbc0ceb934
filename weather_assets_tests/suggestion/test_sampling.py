"""Which rows are looked at: all of a small file, blocks spread over a large one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.suggestion.sampling import (
    MAXIMUM_BLOCKS,
    ROWS_PER_BLOCK,
    sample_of,
    spread_blocks,
)


def test_a_small_file_is_taken_whole() -> None:
    blocks, is_whole = spread_blocks(([str(n)] for n in range(2_500)), 10**6)
    assert is_whole
    found = sample_of(["n"], blocks, is_whole=is_whole)
    assert found.columns["n"] == [str(n) for n in range(2_500)]
    assert set(found.blocks.tolist()) == {0}


@given(st.integers(0, 90_000))
@settings(max_examples=15, deadline=None)
def test_blocks_are_spread_evenly_and_bounded(rows: int) -> None:
    cell = ["x"]
    blocks, is_whole = spread_blocks((cell for _ in range(rows)), 10**6)
    assert is_whole == (rows <= MAXIMUM_BLOCKS * ROWS_PER_BLOCK)
    assert len(blocks) <= MAXIMUM_BLOCKS
    if is_whole:
        assert sum(len(block) for block in blocks) == rows
    else:
        assert len(blocks) >= MAXIMUM_BLOCKS // 2


def test_a_large_file_is_seen_from_end_to_end() -> None:
    blocks, is_whole = spread_blocks(([str(n)] for n in range(100_000)), 10**6)
    firsts = [int(block[0][0]) for block in blocks]
    assert not is_whole
    assert set(np.diff(firsts).tolist()) == {8_000}
    assert firsts[-1] >= 90_000


def test_reading_ends_at_the_limit() -> None:
    blocks, is_whole = spread_blocks((["x"] for _ in range(5_001)), 5_000)
    assert not is_whole
    assert sum(len(block) for block in blocks) == 5_000


def test_records_of_another_width_are_counted() -> None:
    found = sample_of(["\ufeffa", " b ", ""], [[["1", " 2", "3"], ["1"], []]], is_whole=True)
    assert found.columns == {"a": ["1"], "b": ["2"]}
    assert (found.rows, found.broken, found.unnamed) == (1, 2, 1)
