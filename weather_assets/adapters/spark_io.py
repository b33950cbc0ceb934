"""How Spark is set up on one machine.

Belongs here: session settings, each with its reason. Does not belong here: owning a session
(dagster-pyspark's resource does), or any transformation (`weather_assets.processing`).
"""

import os
import sys
from typing import Literal

from weather_assets.adapters.java_archive import archive_options

JAVA_OPTIONS = (
    # Short runs: the optimizing compiler (C2) took half of all processor time of the first run
    # over 26,000 rows, 40 s against 20 s on 2 cores, and never earned it back.
    "-XX:TieredStopAtLevel=1",
    # Spark generates methods beyond Java's limit for compilation (8,000 bytes) for wide tables;
    # without this they are interpreted.
    "-XX:-DontCompileHugeMethods",
    # No collector threads beside the work.
    "-XX:+UseParallelGC",
)
"""Options of the session's Java, without its class-data archive."""


def spark_configuration(cores: int | Literal["*"] = "*") -> dict[str, str]:
    """Returns settings of an embedded session, for dagster-pyspark or `SparkSession.builder`.

    Args:
        cores: how many cores Spark uses; "*" for all.

    Raises:
        ValueError: if `cores` is neither a positive number nor "*".
    """
    if cores != "*" and cores < 1:
        raise ValueError(f"cores must be a positive number or '*'; found {cores!r}")
    partitions = os.cpu_count() or 1 if cores == "*" else cores
    return {
        "spark.app.name": "weather_assets",
        "spark.master": f"local[{cores}]",
        # Nothing of an embedded session is for other machines.
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        # Instants as 64-bit microseconds; Spark's own default is the deprecated INT96.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.shuffle.partitions": str(partitions),
        # With as few partitions as cores there is nothing left to adapt at run time, and each query
        # saves a job or two of fixed cost.
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.extraJavaOptions": " ".join((*JAVA_OPTIONS, *archive_options())),
    }


def use_this_python() -> None:
    """Makes Spark's Python workers run under this interpreter; call it before a session starts.

    Spark otherwise takes whatever `python3` is first on the path, which in a virtual environment
    that is not activated lacks this package. A `PYSPARK_PYTHON` that is set already stays.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
