"""Training statistics against numpy."""

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from weather_assets.contract.schema import Column, Contract, Kind, Label, Split, SplitMethod
from weather_assets.processing.fitting import fit

CONTRACT = Contract(
    name="fitted",
    title="",
    columns=(
        Column("pressure", "air_pressure", "Pa", minimum=50_000, maximum=109_000),
        Column("humidity", "specific_humidity", "kg kg-1", minimum=0, maximum=0.05),
        Column("steady", "air_temperature", "degC", minimum=-90, maximum=60),
        Column("never", "air_temperature", "degC", minimum=-90, maximum=60),
        Column("sky", "sky", kind=Kind.CATEGORY, categories=("clear", "grey", "black")),
    ),
    label=Label("Rain", positive=("rain",), negative=("no rain",)),
    split=Split(SplitMethod.HASH),
)


@pytest.fixture(scope="module")
def prepared(spark: SparkSession) -> DataFrame:
    return (
        spark.range(0, 3000, 1, 3)
        .selectExpr(
            "IF(id % 7 = 0, NULL, 101325.7 + 800 * sin(id)) AS pressure",
            "0.004 + 0.003 * cos(id * id) AS humidity",
            "21.3 AS steady",
            "CAST(NULL AS DOUBLE) AS never",
            "element_at(array('clear', 'grey', NULL), CAST(id % 3 + 1 AS INT)) AS sky",
            "CAST(id % 5 = 0 AS INT) AS label_encoded",
            "IF(id % 4 = 0, 'test', 'train') AS split",
            "xxhash64(id) AS row_hash",
        )
        .selectExpr("CAST(steady AS DOUBLE) AS steady", "* EXCEPT (steady)")
    )


def test_agrees_with_numpy(prepared: DataFrame) -> None:
    table = prepared.where("split = 'train'").toPandas()

    statistics = fit(prepared, CONTRACT, 2250)

    assert statistics.training_rows == len(table)
    assert statistics.training_positive == table.label_encoded.sum()
    assert [feature.name for feature in statistics.features] == list(CONTRACT.header[:-1])
    pressure, humidity, steady, never, sky = statistics.features
    for feature in (pressure, humidity):
        values = table[feature.name].dropna().to_numpy()
        assert (feature.count, feature.missing) == (len(values), len(table) - len(values))
        assert feature.mean == pytest.approx(values.mean(), rel=1e-12)
        assert feature.standard_deviation == pytest.approx(values.std(), rel=1e-9)
        assert (feature.minimum, feature.maximum) == (values.min(), values.max())
        expected = np.quantile(values, np.arange(33) / 32)
        np.testing.assert_allclose(feature.quantiles, expected, rtol=1e-14)
    assert (steady.mean, steady.standard_deviation) == (21.3, 0.0)
    assert (never.count, never.missing, never.mean) == (0, len(table), None)
    assert sky.level_counts == {
        "clear": (table.sky == "clear").sum(),
        "grey": (table.sky == "grey").sum(),
        "black": 0,
    }
    assert sky.count + sky.missing == len(table)


def test_bytes_depend_on_the_training_rows_alone(prepared: DataFrame) -> None:
    # A sample of half of the rows, as for data sets that are large.
    other = prepared.selectExpr(
        "* EXCEPT (pressure)", "IF(split = 'test', 60000.0D, pressure) AS pressure"
    )

    texts = {
        fit(rows, CONTRACT, 400_000).to_json()
        for rows in (prepared, other.orderBy("row_hash").repartition(7), other.coalesce(1))
    }

    assert len(texts) == 1
    # The sample shows: quantiles of all rows reach the extremes.
    whole, half = (
        fit(prepared, CONTRACT, 1).features[0],
        fit(prepared, CONTRACT, 400_000).features[0],
    )
    assert half.maximum == whole.maximum
    assert half.quantiles != whole.quantiles


def test_no_training_row_is_no_crash(prepared: DataFrame) -> None:
    statistics = fit(prepared.where("split = 'test'"), CONTRACT, 0)

    assert statistics.training_rows == 0
    assert [feature.count for feature in statistics.features] == [0] * 5
