"""Which Spark, Java and Python a session runs with: the ones that belong to this product.

Belongs here: the environment variables that decide it, ours and those that another installation
left behind. Does not belong here: a session's settings (`spark_session`).

Spark takes Java, its own scripts and the Python of its workers from this process's environment, and
nothing is said until the first file that is large enough for Spark fails.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from weather_assets.adapters.spark_session import SECRET_VARIABLE
from weather_assets.foundation.child_environment import python_settings

OLDEST_JAVA = 17
"""Spark 4 runs on 17 and 21; newer ones are not proved here, and not refused."""
JAVA_REMEDY = (
    "install Java 17 or 21 (Debian: apt-get install openjdk-17-jre-headless; macOS: brew install "
    "openjdk@17), and set JAVA_HOME if it is not on the PATH"
)
_FOREIGN = re.compile(
    r"(SPARK_|PYSPARK_|HADOOP_|YARN_|PYTHON).*|MASTER|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS|_JAVA_OPTIONS"
)
"""Set for another Spark, Java or Python; of these only where Spark may spill rows is a choice."""
_KEPT = "SPARK_LOCAL_DIRS"


class SparkEnvironmentError(ValueError):
    """Spark cannot be started as things are. The message names what to change."""


def set_spark_environment(*, on_cluster: bool = False) -> None:
    """Has Spark run as it was installed with this product; call it before a session starts.

    Python workers run under this interpreter, without the folder that this process was started in
    on their path. What the environment says of another installation is removed, except on a
    cluster, whose images say it. The driver of a cluster is told the secret here too: as a setting
    of the session it would be shown with Dagster's resources, and from its own variable Spark's
    driver does not read it.

    Args:
        on_cluster: whether the session is one of a cluster.

    Raises:
        SparkEnvironmentError: there is no Java that Spark runs on.
    """
    found = java(os.environ)
    if isinstance(found, str):
        raise SparkEnvironmentError(f"{found}: {JAVA_REMEDY}")
    if not on_cluster:
        for name in [name for name in os.environ if _FOREIGN.fullmatch(name) and name != _KEPT]:
            del os.environ[name]
    os.environ.update(
        python_settings(),
        SPARK_HOME=_bundled_spark(),
        PYSPARK_PYTHON=sys.executable,
        PYSPARK_DRIVER_PYTHON=sys.executable,
    )
    secret = os.environ.get(SECRET_VARIABLE)
    if secret:
        os.environ["SPARK_SUBMIT_OPTS"] = f"-Dspark.authenticate.secret={secret}"


def java(environ: Mapping[str, str]) -> Path | str:
    """Returns the Java that Spark will take, or in words why it cannot.

    Args:
        environ: such as `os.environ`.
    """
    home = environ.get("JAVA_HOME")
    command = shutil.which("java", path=f"{home}/bin" if home else environ.get("PATH"))
    if command is None:
        return f"JAVA_HOME is {home!r}, and there is no bin/java" if home else "no java on the PATH"
    version = _version(Path(command))
    if version is not None and version < OLDEST_JAVA:
        where = f"JAVA_HOME is {home!r}, which" if home else command
        return f"{where} is Java {version}, and Spark needs {OLDEST_JAVA} or newer"
    return Path(command)


def _version(command: Path) -> int | None:
    """Returns the major version of a Java, as the file beside it says; None where none does."""
    try:
        text = (command.resolve().parents[1] / "release").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE)
    return int(found[1]) if found else None


def _bundled_spark() -> str:
    """Returns the home of the Spark that the installed pyspark brings along."""
    spec = find_spec("pyspark")
    if spec is None or not spec.submodule_search_locations:
        raise SparkEnvironmentError("pyspark is not installed: install the product's requirements")
    return spec.submodule_search_locations[0]
