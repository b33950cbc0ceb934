"""What tests of several packages share: one Spark session, because starting one takes seconds.

Belongs here: fixtures that are too expensive to have twice. Does not belong here: test data.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from weather_assets.adapters.spark_io import spark_configuration, use_this_python

SAMPLES = Path(__file__).parents[1] / "data" / "samples"


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Returns the session of all tests, on two cores, stopped at the end of the run."""
    use_this_python()
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
