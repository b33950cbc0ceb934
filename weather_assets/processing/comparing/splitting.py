"""Which rows train, which choose, which judge.

Belongs here: the three ways to divide rows. Does not belong here: what is fitted on the training
rows (`fitting`).
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from weather_assets.contract.schema import Contract, Split, SplitMethod
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
class Boundaries:
    """Where the splits of a chronological division end, in microseconds UTC.

    Attributes:
        last_training: last instant of the training rows.
        last_validation: last instant of the validation rows.
    """

    last_training: int
    last_validation: int


def boundary_ranks(rows: int, split: Split) -> tuple[int, int]:
    """Returns the rows at which a chronological division ends training and validation.

    Args:
        rows: how many have no fault; at least one.
        split: the shares.

    Returns:
        Counted from 0 in order of time, the first row at which the share of rows up to it reaches
        the training share, and likewise for both shares together. All rows of its instant belong
        to the same split.
    """
    # As the decimal fractions that people write: 0.1 + 0.2 is 0.3.
    train, validation = Fraction(str(split.train)), Fraction(str(split.validation))
    return math.ceil(rows * train) - 1, math.ceil(rows * (train + validation)) - 1


def chronological_limits(boundaries: Boundaries, lead: timedelta | None) -> tuple[int, ...]:
    """Returns the four instants at which training, its gap, validation and its gap have ended.

    A row belongs to the split in which its outcome is known; if it was made in the one before, to
    neither.

    Args:
        boundaries: where the splits end.
        lead: how much later than a row its outcome is known.

    Returns:
        The first instant behind each of the four, not descending, in microseconds UTC.
    """
    shift = 0 if lead is None else lead_microseconds(lead)
    training, validation = boundaries.last_training + 1, boundaries.last_validation + 1
    limits = (training - shift, training, validation - shift, validation)
    return tuple(max(limits[: index + 1]) for index in range(len(limits)))


def chronological_splits(times: Instants, limits: tuple[int, ...]) -> SplitCodes:
    """Divides rows as `SplitMethod.CHRONOLOGICAL` does.

    Args:
        times: of the rows, microseconds UTC, [N].
        limits: what `chronological_limits` returns.

    Returns:
        Index into `SPLITS`, or `GAP`, [N].
    """
    codes = np.array([0, GAP, 1, GAP, 2], np.int8)
    return codes[np.searchsorted(np.array(limits, np.int64), times, side="right")]


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
