"""Which rows train, which choose, which judge.

Belongs here: the three ways to divide rows. Does not belong here: finding where a chronological
division divides (`dividing`), or what is fitted on the training rows (`fitting`).
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from weather_assets.contract.schema import Contract, SplitMethod
from weather_assets.processing.cells import hashing
from weather_assets.processing.cells.alike_timestamps import MICROSECONDS_PER_DAY
from weather_assets.processing.comparing.outcomes import lead_microseconds

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)
GAP = -1
"""Stands for a row between two splits, where others have an index into `SPLITS`."""

LAST_TRAINING_DAY, VALIDATION_DAYS, FIRST_TEST_DAY = 16, (19, 20), 22
"""Days of the month of `SplitMethod.DAY_OF_MONTH`; the days between separate weather systems."""

Instants = npt.NDArray[np.int64]
SplitCodes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Division:
    """Where a chronological division divides, in microseconds; instants are UTC.

    Attributes:
        gap_start: rows from here on forecast what is observed in the test window, or lie in it.
        test_start: first instant of the test window.
        block: of every period, so much time from its first instant on is for validation.
        period: of the blocks; the first one begins with 1970.
    """

    gap_start: int
    test_start: int
    block: int
    period: int

    def is_validation(self, times: Instants) -> npt.NDArray[np.bool_]:
        """Tells which instants before the gap are for validation, [N]."""
        return times % self.period < self.block


def chronological_splits(times: Instants, division: Division) -> SplitCodes:
    """Divides rows as `SplitMethod.CHRONOLOGICAL` does.

    The newest rows test, behind a gap of the lead; older ones train, but for blocks of time that
    recur and are for validation. There is no gap around those: an outcome that validation shares
    with training may make it choose a little too boldly, but it judges nothing.

    Args:
        times: of the rows, microseconds UTC, [N].
        division: where it divides.

    Returns:
        Index into `SPLITS`, or `GAP`, [N].
    """
    splits = division.is_validation(times).astype(np.int8)  # `TRAIN` or `VALIDATION`
    splits[times >= division.gap_start] = GAP
    splits[times >= division.test_start] = SPLITS.index(TEST)
    return splits


def day_of_month_splits(times: Instants, lead: timedelta | None) -> SplitCodes:
    """Divides rows as `SplitMethod.DAY_OF_MONTH` does.

    Args:
        times: of the rows, microseconds UTC, [N].
        lead: how much later than a row its outcome is known; both must be in the same split.

    Returns:
        Index into `SPLITS`, or `GAP`, [N].
    """
    splits = _block_of_days(times)
    if lead is not None:
        later = _block_of_days(times + lead_microseconds(lead))
        splits = np.where((later == splits) | (later == GAP), splits, GAP).astype(np.int8)
    return splits


def hash_splits(
    labels: npt.NDArray[np.int32], row_hashes: npt.NDArray[np.int64], contract: Contract
) -> SplitCodes:
    """Divides rows as `SplitMethod.HASH` does.

    Args:
        labels: 0 or 1, [N].
        row_hashes: [N].
        contract: says how large the shares are.

    Returns:
        Index into `SPLITS`, [N].
    """
    shares = contract.split
    # The label as a salt draws each class by itself: stratified in expectation.
    fractions = hash_fractions("split", row_hashes, labels)
    is_later = fractions >= shares.train + shares.validation
    return (fractions >= shares.train).astype(np.int8) + is_later.astype(np.int8)


def hash_fractions(
    purpose: str,
    row_hashes: npt.NDArray[np.int64],
    salts: npt.NDArray[np.int32] | None = None,
) -> npt.NDArray[np.float64]:
    """Returns numbers in [0, 1) that depend on the values alone.

    Args:
        purpose: makes numbers for different purposes independent of one another.
        row_hashes: [N].
        salts: hashed before them, where there are some, [N].
    """
    nothing = np.zeros(1, np.int32)
    start = hashing.hash_texts(hashing.seeds(1), nothing, [purpose])
    seed = np.full(len(row_hashes), start[0])
    if salts is not None:
        seed = hashing.hash_ints(seed, salts)
    return hashing.fractions(hashing.hash_longs(seed, row_hashes))


def is_chronological(contract: Contract) -> bool:
    """Tells whether a row's split depends on how many rows are older."""
    return contract.split.method is SplitMethod.CHRONOLOGICAL


def _block_of_days(times: Instants) -> SplitCodes:
    dates = (times // MICROSECONDS_PER_DAY).astype("datetime64[D]")
    days = (dates - dates.astype("datetime64[M]")).astype(np.int64) + 1
    splits = np.full(len(days), GAP, np.int8)
    low, high = VALIDATION_DAYS
    splits[days <= LAST_TRAINING_DAY] = SPLITS.index(TRAIN)
    splits[(days >= low) & (days <= high)] = SPLITS.index(VALIDATION)
    splits[days >= FIRST_TEST_DAY] = SPLITS.index(TEST)
    return splits
