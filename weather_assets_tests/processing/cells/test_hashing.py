"""Our hashes against Spark's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from weather_assets.processing.cells import hashing
from weather_assets.processing.comparing.splitting import hash_fractions, hash_splits
from weather_assets_tests.processing.weather_files import UNTIMED

LENGTHS = (4, 8, 9, 12, 23, 31, 32, 33, 36, 40, 47, 63, 64, 71, 100)
TEXTS = ("", "a", "rain", "no rain", "é", *(("0123456789" * 10)[:length] for length in LENGTHS))


def test_values_hash_as_in_spark(spark: SparkSession) -> None:
    generator = np.random.default_rng(3)
    rows = 300
    longs = generator.integers(-(2**63), 2**63, rows)
    doubles = np.concatenate([generator.normal(size=rows - 3), [0.0, np.nan, np.inf]])
    ints = generator.integers(-(2**31), 2**31, rows).astype(np.int32)
    codes = (np.arange(rows) % len(TEXTS)).astype(np.int32)
    frame = spark.createDataFrame(
        [
            (int(long), float(double), int(small), TEXTS[code])
            for long, double, small, code in zip(longs, doubles, ints, codes, strict=True)
        ],
        "a bigint, b double, c int, d string",
    )
    expected = [row[0] for row in frame.selectExpr("xxhash64(a, b, c, d)").collect()]

    hashed = hashing.hash_longs(hashing.seeds(rows), longs)
    hashed = hashing.hash_longs(hashed, doubles)
    hashed = hashing.hash_texts(hashing.hash_ints(hashed, ints), codes, TEXTS)

    assert hashed.view(np.int64).tolist() == expected


def test_rows_are_divided_by_sparks_hash(spark: SparkSession) -> None:
    def fraction(purpose: str, values: str) -> str:
        return f"shiftrightunsigned(xxhash64('{purpose}', {values}), 11)"

    frame = spark.range(3000).selectExpr("CAST(id % 2 AS INT) AS label", "xxhash64(id) AS hash")
    sql = (fraction("quantiles", "hash"), fraction("split", "label, hash"))
    rows = frame.selectExpr("label", "hash", *sql).toPandas()
    labels, hashes = rows.label.to_numpy(np.int32), rows.hash.to_numpy()
    quantiles, split = (rows.iloc[:, column] * 2.0**-53 for column in (2, 3))

    assert (hash_fractions("quantiles", hashes) == quantiles).all()
    assert (hash_fractions("split", hashes, labels) == split).all()
    splits = hash_splits(labels, hashes, UNTIMED)
    assert (splits == np.digitize(split, [0.65, 0.65 + 0.10])).all()


@given(st.integers(1, 5))
def test_more_rows_than_are_hashed_at_once(times: int) -> None:
    rows = 16_384 * times + 3
    values = np.arange(rows)
    hashed = hashing.hash_longs(hashing.seeds(rows), values)
    last = hashing.hash_longs(hashing.seeds(3), values[-3:])
    assert hashed[-3:].tolist() == last.tolist()
    assert len(np.unique(hashed)) == rows


def test_fractions_are_below_one() -> None:
    extremes = np.array([0, 2**64 - 1], np.uint64)
    assert hashing.fractions(extremes).tolist() == pytest.approx([0.0, 1.0], abs=1e-15)
    assert hashing.fractions(extremes).max() < 1.0
