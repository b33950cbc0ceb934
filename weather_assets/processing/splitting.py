"""Which rows train, which choose, which judge.

Belongs here: the three ways to divide rows. Does not belong here: what is fitted on the training
rows (`fitting`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame

from weather_assets.contract.schema import Contract, SplitMethod
from weather_assets.processing import hashing, sql
from weather_assets.processing.outcomes import lead_microseconds
from weather_assets.processing.reasons import Reason
from weather_assets.processing.validation import value_column

TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLITS = (TRAIN, VALIDATION, TEST)

LAST_TRAINING_DAY, VALIDATION_DAYS, FIRST_TEST_DAY = 16, (19, 20), 22
"""Days of the month of `SplitMethod.DAY_OF_MONTH`; the days between separate weather systems."""


@dataclass(frozen=True, slots=True)
class Boundaries:
    """What has to be known of all rows before the first one can be put into a split.

    Attributes:
        expected_training_rows: about how many rows train (see `find_boundaries`).
        last_training: for a chronological split, the last instant of the training rows, in
            microseconds UTC: the first at which the share of rows up to it reaches
            `contract.split.train`. None for other methods and where no row is valid.
        last_validation: likewise, the last instant of the validation rows.
    """

    expected_training_rows: int
    last_training: int | None = None
    last_validation: int | None = None


def find_boundaries(labelled: DataFrame, contract: Contract) -> Boundaries:
    """Finds where the splits begin and end; runs a Spark job.

    Args:
        labelled: what `outcomes.with_labels` returns.
        contract: says how to divide.

    Returns:
        The boundaries, which no value of a held-out row has a part in: where a row's split depends
        on that row alone, the number of training rows is counted, else it is the training share of
        all valid rows.
    """
    if contract.split.method is not SplitMethod.CHRONOLOGICAL:
        split = _METHODS[contract.split.method](contract, Boundaries(0))
        counted = f"count_if(fault IS NULL AND {split} = {sql.text(TRAIN)})"
        return Boundaries(*labelled.selectExpr(counted).collect()[0])
    time, shares = _time(contract), contract.split
    instants = (
        f"CAST(percentile_disc({sql.double(share)}) WITHIN GROUP (ORDER BY {time}) "
        "FILTER (WHERE fault IS NULL) AS BIGINT)"
        for share in (shares.train, shares.train + shares.validation)
    )
    valid_rows, *boundaries = labelled.selectExpr("count_if(fault IS NULL)", *instants).collect()[0]
    return Boundaries(round(valid_rows * shares.train), *boundaries)


def with_split(labelled: DataFrame, contract: Contract, boundaries: Boundaries) -> DataFrame:
    """Adds `split` to valid rows and sets rows between two splits aside.

    Args:
        labelled: what `outcomes.with_labels` returns.
        contract: says how to divide.
        boundaries: what `find_boundaries` found in the same rows.

    Returns:
        The same rows, with `split` (null in rows with a fault) and `fault` filled (`split_gap`).
    """
    split = _METHODS[contract.split.method](contract, boundaries)
    divided = labelled.selectExpr("*", f"IF(fault IS NULL, {split}, NULL) AS split")
    gap = f"named_struct('column', CAST(NULL AS STRING), 'reason', {sql.text(Reason.SPLIT_GAP)})"
    unchanged = [name for name in labelled.columns if name != "fault"]
    return divided.selectExpr(
        *unchanged, f"IF(fault IS NULL AND split IS NULL, {gap}, fault) AS fault", "split"
    )


def hash_splits(
    labels: npt.NDArray[np.int32], row_hashes: npt.NDArray[np.int64], contract: Contract
) -> npt.NDArray[np.int8]:
    """Divides rows as `SplitMethod.HASH` does, without Spark.

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
    """Returns what `hash_fraction` gives, without Spark.

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


def hash_fraction(purpose: str, *values: str) -> str:
    """Returns SQL for a number in [0, 1) that depends on the values alone.

    Args:
        purpose: makes numbers for different purposes independent of one another.
        values: SQL of the values, none of them null.
    """
    bits = f"xxhash64({sql.text(purpose)}, {', '.join(values)})"
    # The upper 53 bits: what a double holds exactly.
    return f"(shiftrightunsigned({bits}, 11) * {sql.double(2.0**-53)})"


def _time(contract: Contract) -> str:
    if contract.timestamp is None:
        raise AssertionError(contract.name)  # Contract.__post_init__ refuses it
    return value_column(contract.header.index(contract.timestamp.column))


def _chronological(contract: Contract, boundaries: Boundaries) -> str:
    if boundaries.last_training is None or boundaries.last_validation is None:
        return "NULL"
    time = _time(contract)
    lead = contract.label.lead
    known = time if lead is None else f"{time} + {lead_microseconds(lead)}L"
    training, validation = f"{boundaries.last_training}L", f"{boundaries.last_validation}L"
    return sql.case(
        [
            (f"{known} <= {training}", sql.text(TRAIN)),
            (f"{time} <= {training}", "NULL"),
            (f"{known} <= {validation}", sql.text(VALIDATION)),
            (f"{time} <= {validation}", "NULL"),
        ],
        sql.text(TEST),
    )


def _by_hash(contract: Contract, boundaries: Boundaries) -> str:
    del boundaries  # a row's split depends on that row alone
    # The label as a salt draws each class by itself: stratified in expectation.
    fraction = hash_fraction("split", "label", "row_hash")
    split = contract.split
    return sql.case(
        [
            (f"{fraction} < {sql.double(split.train)}", sql.text(TRAIN)),
            (f"{fraction} < {sql.double(split.train + split.validation)}", sql.text(VALIDATION)),
        ],
        sql.text(TEST),
    )


def _by_day_of_month(contract: Contract, boundaries: Boundaries) -> str:
    del boundaries
    time = _time(contract)
    block = _block_of_days(time)
    if contract.label.lead is None:
        return block
    later = _block_of_days(f"{time} + {lead_microseconds(contract.label.lead)}L")
    return f"IF(coalesce({later}, {block}) = {block}, {block}, NULL)"


def _block_of_days(time: str) -> str:
    day = f"day({sql.date_of(time)})"
    low, high = VALIDATION_DAYS
    return sql.case(
        [
            (f"{day} <= {LAST_TRAINING_DAY}", sql.text(TRAIN)),
            (f"{day} BETWEEN {low} AND {high}", sql.text(VALIDATION)),
            (f"{day} >= {FIRST_TEST_DAY}", sql.text(TEST)),
        ]
    )


_METHODS: Mapping[SplitMethod, Callable[[Contract, Boundaries], str]] = {
    SplitMethod.CHRONOLOGICAL: _chronological,
    SplitMethod.HASH: _by_hash,
    SplitMethod.DAY_OF_MONTH: _by_day_of_month,
}
