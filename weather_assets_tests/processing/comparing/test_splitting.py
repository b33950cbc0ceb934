"""Which rows train, choose and judge."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from weather_assets.processing.cells import hashing
from weather_assets.processing.comparing.splitting import (
    GAP,
    SPLITS,
    Division,
    SplitCodes,
    chronological_splits,
    day_of_month_splits,
    hash_splits,
)
from weather_assets_tests.processing.weather_files import UNTIMED

HOUR = 3_600_000_000


def in_words(codes: SplitCodes) -> list[str]:
    return ["gap" if code == GAP else SPLITS[code] for code in codes.tolist()]


def test_blocks_that_recur_validate_and_the_newest_rows_test() -> None:
    division = Division(gap_start=5, test_start=7, block=2, period=5)
    times = np.array([*range(-7, 9), -(2**53), 2**53], np.int64)

    assert in_words(chronological_splits(times, division)) == [
        *["train"] * 2,
        *["validation"] * 2,  # from -5 on: a multiple of the period, as 0 is
        *["train"] * 3,
        *["validation"] * 2,
        *["train"] * 3,
        *["gap"] * 2,
        *["test"] * 2,
        "train",
        "test",
    ]


@pytest.mark.parametrize("lead_days", [None, 1])
def test_days_of_the_month(lead_days: int | None) -> None:
    lead = None if lead_days is None else timedelta(days=lead_days)
    first = int(datetime(1969, 5, 1, tzinfo=UTC).timestamp()) * 1_000_000
    # The last microsecond of each day of a month before 1970.
    ends = np.array([first + day * 24 * HOUR - 1 for day in range(1, 32)], np.int64)

    last = "test" if lead is None else "gap"  # its outcome belongs to the next training day
    assert in_words(day_of_month_splits(ends, lead)) == [
        *["train"] * 16,
        *["gap"] * 2,
        *["validation"] * 2,
        "gap",
        *["test"] * 9,
        last,
    ]


def test_hash_is_stratified_and_stable() -> None:
    rows = np.arange(20_000)
    labels = (rows % 10 == 0).astype(np.int32)
    hashes = hashing.hash_longs(hashing.seeds(len(rows)), rows).view(np.int64)

    whole = hash_splits(labels, hashes, UNTIMED)

    for label in (0, 1):
        shares = np.bincount(whole[labels == label], minlength=3) / (labels == label).sum()
        # Four standard errors of a share of 2,000 rows are at most 0.045.
        assert np.abs(shares - [0.65, 0.10, 0.25]).max() < 0.045
    assert hash_splits(labels[:100], hashes[:100], UNTIMED).tolist() == whole[:100].tolist()
