"""The embedded Spark session."""

import os
import sys

import pytest
from pyspark.sql import SparkSession

from weather_assets.adapters.spark_io import spark_configuration, use_this_python


def test_the_session_takes_every_setting(spark: SparkSession) -> None:
    settings = dict(spark.sparkContext.getConf().getAll())

    expected = spark_configuration(2)
    # Spark appends its own options to ours.
    java_options = "spark.driver.extraJavaOptions"
    assert expected.pop(java_options) in settings[java_options]
    assert {key: settings[key] for key in expected} == expected


def test_workers_run_this_interpreter(spark: SparkSession) -> None:
    found = spark.sparkContext.parallelize([0], 1).map(lambda _: sys.executable).collect()

    assert found == [sys.executable]


def test_a_chosen_interpreter_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYSPARK_PYTHON", "/opt/python")

    use_this_python()

    assert os.environ["PYSPARK_PYTHON"] == "/opt/python"


@pytest.mark.parametrize("cores", [0, -1])
def test_a_session_needs_a_core(cores: int) -> None:
    with pytest.raises(ValueError, match="cores"):
        spark_configuration(cores)


def test_all_cores() -> None:
    assert spark_configuration("*")["spark.master"] == "local[*]"
