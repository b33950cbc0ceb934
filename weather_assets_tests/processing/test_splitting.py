"""Which rows train, choose and judge."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession

from weather_assets.contract.schema import Contract, Split, SplitMethod
from weather_assets.processing.splitting import find_boundaries, with_split
from weather_assets_tests.processing.weather_files import AHEAD, SAME_HOUR, START, UNTIMED

HOUR = 3_600_000_000
SCHEMA = "value_0 bigint, label int, row_hash bigint, fault struct<column: string, reason: string>"


def labelled(spark: SparkSession, instants: list[int], contract: Contract = AHEAD) -> DataFrame:
    assert contract.timestamp is None or contract.header[0] == contract.timestamp.column
    rows = [(instant, index % 2, index * 7919, None) for index, instant in enumerate(instants)]
    return spark.createDataFrame(rows, SCHEMA)


def divided(rows: DataFrame, contract: Contract) -> list[str]:
    """Returns each row's split, or the reason why it has none, by instant."""
    found = with_split(rows, contract, find_boundaries(rows, contract)).orderBy("value_0").collect()
    return [row.split or row.fault.reason for row in found]


def test_time_order_with_a_gap_of_the_lead(spark: SparkSession) -> None:
    hours = [hour * HOUR for hour in (7, 0, 1, 2, 3, 4, 5, 6, 8, 9)]

    # 60 % of ten rows is reached at hour 5, 80 % at hour 7.
    assert divided(labelled(spark, hours), AHEAD) == [
        *["train"] * 5,
        "split_gap",
        "validation",
        "split_gap",
        "test",
        "test",
    ]


def test_no_instant_is_on_both_sides(spark: SparkSession) -> None:
    contract = replace(SAME_HOUR, split=Split(train=0.5, validation=0.25))
    # Half of the eight rows is reached within hour 1, which goes to training as a whole.
    hours = [hour * HOUR for hour in (0, 0, 0, 1, 1, 1, 2, 3)]

    found = divided(labelled(spark, hours, contract), contract)

    assert found == [*["train"] * 6, "test", "test"]


def test_rows_with_a_fault_have_no_split_and_move_no_boundary(spark: SparkSession) -> None:
    good = labelled(spark, [hour * HOUR for hour in range(10)])
    bad = good.selectExpr(
        "value_0 - 1 AS value_0",
        "label",
        "row_hash",
        "named_struct('column', 'temp', 'reason', 'not_a_number') AS fault",
    )

    found = divided(good.union(bad), AHEAD)

    assert found[1::2] == divided(good, AHEAD)
    assert set(found[0::2]) == {"not_a_number"}


def test_nothing_valid_is_no_crash(spark: SparkSession) -> None:
    assert divided(labelled(spark, []), AHEAD) == []


@pytest.mark.parametrize("lead_days", [None, 1])
def test_days_of_the_month(spark: SparkSession, lead_days: int | None) -> None:
    lead = None if lead_days is None else timedelta(days=lead_days)
    contract = replace(
        SAME_HOUR,
        label=replace(SAME_HOUR.label, lead=lead),
        split=Split(SplitMethod.DAY_OF_MONTH),
    )
    first = int(datetime(1969, 5, 1, tzinfo=START.tzinfo).timestamp()) * 1_000_000
    # The last microsecond of each day of a month before 1970.
    ends = [first + day * 24 * HOUR - 1 for day in range(1, 32)]

    found = divided(labelled(spark, ends, contract), contract)

    last = "test" if lead is None else "split_gap"  # its outcome belongs to the next training day
    assert found == [
        *["train"] * 16,
        *["split_gap"] * 2,
        *["validation"] * 2,
        "split_gap",
        *["test"] * 9,
        last,
    ]


def test_hash_is_stratified_and_stable(spark: SparkSession) -> None:
    rows = spark.range(20_000).selectExpr(
        "id AS value_0",
        "CAST(id % 10 = 0 AS INT) AS label",
        "xxhash64(id) AS row_hash",
        "CAST(NULL AS struct<column: string, reason: string>) AS fault",
    )
    boundaries = find_boundaries(rows, UNTIMED)

    whole = with_split(rows, UNTIMED, boundaries)
    shares = {
        (row.label, row.split): row.share
        for row in whole.groupBy("label", "split")
        .count()
        .selectExpr("label", "split", "count / sum(count) OVER (PARTITION BY label) AS share")
        .collect()
    }
    few = with_split(rows.where("value_0 < 100"), UNTIMED, find_boundaries(rows, UNTIMED))

    expected = {"train": 0.65, "validation": 0.10, "test": 0.25}
    # Four standard errors of a share of 2,000 rows are at most 0.045.
    assert {(label, split) for label in (0, 1) for split in expected} == set(shares)
    assert all(abs(share - expected[split]) < 0.045 for (_, split), share in shares.items())
    assert boundaries.expected_training_rows == whole.where("split = 'train'").count()
    assert few.exceptAll(whole).count() == 0
