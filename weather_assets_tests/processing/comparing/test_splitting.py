"""Which rows train, choose and judge."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.contract.schema import Split
from weather_assets.processing.cells import hashing
from weather_assets.processing.comparing.splitting import (
    GAP,
    SPLITS,
    Boundaries,
    SplitCodes,
    boundary_ranks,
    chronological_limits,
    chronological_splits,
    day_of_month_splits,
    hash_splits,
)
from weather_assets_tests.processing.weather_files import UNTIMED

HOUR = 3_600_000_000


def in_words(codes: SplitCodes) -> list[str]:
    return ["gap" if code == GAP else SPLITS[code] for code in codes.tolist()]


def divided(times: list[int], split: Split, lead: timedelta | None) -> list[str]:
    """Returns each row's split, in order of time."""
    in_time = sorted(times)
    training, validation = (in_time[rank] for rank in boundary_ranks(len(times), split))
    limits = chronological_limits(Boundaries(training, validation), lead)
    return in_words(chronological_splits(np.array(in_time, np.int64), limits))


def test_time_order_with_a_gap_of_the_lead() -> None:
    hours = [hour * HOUR for hour in (7, 0, 1, 2, 3, 4, 5, 6, 8, 9)]

    # 60 % of ten rows is reached at hour 5, 80 % at hour 7.
    assert divided(hours, Split(train=0.6, validation=0.2), timedelta(hours=1)) == [
        *["train"] * 5,
        "gap",
        "validation",
        "gap",
        "test",
        "test",
    ]


def test_no_instant_is_on_both_sides() -> None:
    # Half of the eight rows is reached within hour 1, which goes to training as a whole.
    hours = [hour * HOUR for hour in (0, 0, 0, 1, 1, 1, 2, 3)]

    found = divided(hours, Split(train=0.5, validation=0.25), None)

    assert found == [*["train"] * 6, "test", "test"]


@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=40),
    st.tuples(st.integers(1, 8), st.integers(1, 8)).filter(lambda shares: sum(shares) < 10),
    st.integers(0, 30),
)
def test_nothing_that_trains_was_known_later_than_what_judges(
    times: list[int], tenths: tuple[int, int], lead: int
) -> None:
    split = Split(train=tenths[0] / 10, validation=tenths[1] / 10)
    found = divided(times, split, timedelta(microseconds=lead))
    by_split = {
        name: [time for time, its in zip(sorted(times), found, strict=True) if its == name]
        for name in SPLITS
    }
    for earlier, later in (("train", "validation"), ("validation", "test"), ("train", "test")):
        if by_split[earlier] and by_split[later]:
            assert max(by_split[earlier]) + lead < min(by_split[later])
    # Without the gap, the share is reached at the last training row, and not before.
    plain = divided(times, split, None).count("train")
    last = sorted(times)[plain - 1]
    assert 10 * plain >= tenths[0] * len(times)
    assert 10 * sum(time < last for time in times) < tenths[0] * len(times)


def test_shares_are_decimal_fractions() -> None:
    # In binary, 0.1 + 0.2 is more than 0.3, and one row too many would be needed.
    assert boundary_ranks(10, Split(train=0.1, validation=0.2)) == (0, 2)


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
