"""How Spark is set up: embedded on one machine, or as the driver of a standalone cluster.

Belongs here: session settings, each with its reason. Does not belong here: owning a session
(dagster-pyspark's resource does), which Spark it is (`spark_environment`), or any transformation
(`weather_assets.processing`).
"""

import socket
from dataclasses import dataclass
from typing import Literal

from weather_assets.foundation.settings import CheckedSettings, setting, text

JAVA_OPTIONS = (
    # Java hands out tasks and the rows are Python's work: the optimizing compiler (C2) never earns
    # its time back.
    "-XX:TieredStopAtLevel=1",
    # No collector threads beside the work.
    "-XX:+UseParallelGC",
)
"""Options of the session's Java."""
SECRET_VARIABLE = "_SPARK_AUTH_SECRET"  # noqa: S105 - a name, no secret
"""Spark's own name for the secret that the processes of a cluster authenticate with."""
EXECUTOR_MEMORY = "1g"


@dataclass(frozen=True, slots=True)
class SparkSettings(CheckedSettings):
    """Which Spark works."""

    master: str = setting("", text("an address like spark://host:7077", r"(spark://\S+)?"))
    """Address of a standalone cluster's master. Empty: Spark is embedded, on this machine."""

    @property
    def configuration(self) -> dict[str, str]:
        """Settings of the session."""
        return cluster_configuration(self.master) if self.master else spark_configuration("*")


def cluster_configuration(master: str) -> dict[str, str]:
    """Returns settings of a driver on a standalone cluster.

    Its workers see the data root under the same path, and run the same Python and package. All of
    them take the secret that they authenticate with from `_SPARK_AUTH_SECRET`.

    Args:
        master: address of the cluster's master, `spark://host:7077`.
    """
    return {
        **_SHARED,
        "spark.master": master,
        # Executors call back; the host name of a container is known on its networks.
        "spark.driver.bindAddress": "0.0.0.0",  # noqa: S104 - within the cluster's own network
        "spark.driver.host": socket.gethostname(),
        "spark.authenticate": "true",
        "spark.executor.memory": EXECUTOR_MEMORY,
        "spark.driver.extraJavaOptions": " ".join(JAVA_OPTIONS),
    }


def spark_configuration(cores: int | Literal["*"] = "*") -> dict[str, str]:
    """Returns settings of an embedded session, for dagster-pyspark or `SparkSession.builder`.

    Args:
        cores: how many cores Spark uses; "*" for all.

    Raises:
        ValueError: if `cores` is neither a positive number nor "*".
    """
    if cores != "*" and cores < 1:
        raise ValueError(f"cores must be a positive number or '*'; found {cores!r}")
    return {
        **_SHARED,
        "spark.master": f"local[{cores}]",
        # Nothing of an embedded session is for other machines.
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": " ".join(JAVA_OPTIONS),
    }


_SHARED = {
    "spark.app.name": "weather_assets",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
