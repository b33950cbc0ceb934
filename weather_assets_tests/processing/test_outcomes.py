"""Duplicates, contradictions and labels that lie ahead."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from weather_assets.contract.schema import Contract
from weather_assets.processing.outcomes import with_labels
from weather_assets.processing.raw_files import RawFile
from weather_assets_tests.processing.weather_files import (
    AHEAD,
    SAME_HOUR,
    UNTIMED,
    header_of,
    stamp,
    validated_frame,
    write_csv,
)

Fate = str | int | None


def fates(spark: SparkSession, files: Sequence[RawFile], contract: Contract) -> dict[str, Fate]:
    """Returns, by file and line, the label of each valid row and the reason of each other one."""
    rows = with_labels(validated_frame(spark, files, contract), contract).collect()
    return {f"{row.file}:{row.line}": row.fault.reason if row.fault else row.label for row in rows}


def test_repeated_and_contradicting_rows(spark: SparkSession, tmp_path: Path) -> None:
    first = [
        f"{stamp(0)},10,rain",
        f"{stamp(1)},11,rain",
        f"{stamp(2)},12,rain",
        f"{stamp(3)},-99,rain",
        "never,10,rain",
        "never,10,rain",
    ]
    second = [
        f"{stamp(1)}, 11.0 ,RAIN",  # the same values in another spelling
        f"{stamp(2)},12,no rain",
        f"{stamp(2)},12,rain",
        f"{stamp(3)},13,rain",  # its twin was invalid, and says nothing against it
    ]
    header = header_of(SAME_HOUR)
    files = [
        write_csv(tmp_path, "b.csv", [header, *second]),
        write_csv(tmp_path, "a.csv", [header, *first]),
    ]

    assert fates(spark, files, SAME_HOUR) == {
        "a.csv:2": 1,
        "a.csv:3": 1,
        "a.csv:4": "contradicting_rows",
        "a.csv:5": "out_of_bounds",
        "a.csv:6": "invalid_timestamp",
        "a.csv:7": "invalid_timestamp",
        "b.csv:2": "duplicate_row",
        "b.csv:3": "contradicting_rows",
        "b.csv:4": "contradicting_rows",
        "b.csv:5": 1,
    }


def test_without_time_equal_rows_are_separate_observations(
    spark: SparkSession, tmp_path: Path
) -> None:
    file = write_csv(tmp_path, "w.csv", [header_of(UNTIMED), "1,2,rain", "1,2,rain"])

    assert fates(spark, [file], UNTIMED) == {"w.csv:2": 1, "w.csv:3": 1}


def test_the_label_is_what_the_station_observes_one_lead_later(
    spark: SparkSession, tmp_path: Path
) -> None:
    expected: dict[str, Fate] = {
        f"{stamp(0)},A,1,0,0": 1,
        f"{stamp(1)},A,1,0,2.5": 0,
        f"{stamp(2)},A,1,0,0": 1,
        # An outcome counts although another cell of its row is wrong.
        f"{stamp(3)},A,99,0,0.1": "out_of_bounds",
        f"{stamp(4)},A,1,0,0": "outcome_missing",  # nothing at hour 5
        f"{stamp(6)},A,1,0,": "outcome_missing",  # the rain at hour 7 is impossible
        f"{stamp(7)},A,1,0,-1": "out_of_bounds",
        f"{stamp(8)},A,1,0,0": "outcome_missing",  # hour 9 was observed both ways
        f"{stamp(9)},A,1,0,0": "contradicting_rows",
        f"{stamp(9)},A,1,0,1": "contradicting_rows",
        f"{stamp(10)},A,1,0,0": 1,  # hour 11 contradicts itself, but not about rain
        f"{stamp(11)},A,1,0,3": "contradicting_rows",
        f"{stamp(11)},A,1,0,4": "contradicting_rows",
        # Another station's weather is no outcome.
        f"{stamp(1)},B,1,0,0": "outcome_missing",
        f"{stamp(3)},C,1,0,0": "unknown_category",
    }
    file = write_csv(tmp_path, "w.csv", [header_of(AHEAD), *expected])

    found = fates(spark, [file], AHEAD)

    assert [found[f"w.csv:{line}"] for line in range(2, len(expected) + 2)] == list(
        expected.values()
    )


@pytest.mark.parametrize("partitions", [1, 5])
def test_partitioning_does_not_matter(spark: SparkSession, tmp_path: Path, partitions: int) -> None:
    header = header_of(SAME_HOUR)
    rows = [f"{stamp(hour % 4)},{hour % 3},rain" for hour in range(24)]
    files = [write_csv(tmp_path, "w.csv", [header, *rows])]
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    try:
        found = fates(spark, files, SAME_HOUR)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(before))

    # Each hour comes with all three temperatures.
    assert set(found.values()) == {"contradicting_rows"}
