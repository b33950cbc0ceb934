"""What tests of several packages share: one Spark session, because starting one takes seconds.

Belongs here: fixtures that are too expensive to have twice, and what concerns the whole process.
Does not belong here: test data, or dealing out tests to processes (`distribution`).
"""

import gc
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from pyspark.sql import SparkSession

from weather_assets.adapters.spark_environment import set_spark_environment
from weather_assets.adapters.spark_session import spark_configuration

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
pytest_plugins = ("weather_assets_tests.distribution",)

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collects tests without the garbage collector.

    That imports everything, torch and Spark and Dagster and MLflow, and none of it is ever garbage:
    looking through it took a fifth of the time, and then some in every test.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Returns the session of all tests, on two cores, stopped at the end of the run."""
    set_spark_environment()
    builder = SparkSession.builder
    for key, value in spark_configuration(2).items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def samples() -> Path:
    """Returns the folder of the committed sample files."""
    return SAMPLES
