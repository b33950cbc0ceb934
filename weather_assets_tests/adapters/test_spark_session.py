"""The embedded Spark session."""

import sys

import pytest
from pyspark.sql import SparkSession

from weather_assets.adapters.spark_session import SparkSettings, spark_configuration
from weather_assets.foundation.settings import SettingError


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


@pytest.mark.parametrize("cores", [0, -1])
def test_a_session_needs_a_core(cores: int) -> None:
    with pytest.raises(ValueError, match="cores"):
        spark_configuration(cores)


def test_all_cores() -> None:
    assert spark_configuration("*")["spark.master"] == "local[*]"


def test_a_cluster_is_used_where_its_master_is_named() -> None:
    chosen = SparkSettings("spark://master:7077").configuration
    assert chosen["spark.master"] == "spark://master:7077"
    assert chosen["spark.authenticate"] == "true"
    embedded = SparkSettings().configuration
    assert embedded == spark_configuration("*")
    shared = {key for key in embedded if not key.startswith(("spark.driver.", "spark.master"))}
    assert len(shared) >= 3
    assert {key: chosen[key] for key in shared} == {key: embedded[key] for key in shared}


def test_a_master_has_an_address() -> None:
    with pytest.raises(SettingError, match=r"master is 'master:7077'; .*spark://host:7077"):
        SparkSettings("master:7077")
