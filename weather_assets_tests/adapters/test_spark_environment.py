"""Spark runs as it was installed with the product, whatever another installation left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyspark
import pytest

from weather_assets.adapters.spark_environment import (
    SparkEnvironmentError,
    java,
    set_spark_environment,
)
from weather_assets.adapters.spark_session import SparkSettings

LEFT_OVER = {
    "SPARK_HOME": "/opt/spark-2.4.8",
    "SPARK_CONF_DIR": "/etc/spark",
    "SPARK_REMOTE": "sc://elsewhere",
    "PYSPARK_PYTHON": "/usr/bin/python2",
    "PYSPARK_DRIVER_PYTHON": "ipython",
    "PYSPARK_SUBMIT_ARGS": "--master yarn pyspark-shell",
    "PYSPARK_GATEWAY_PORT": "1",
    "HADOOP_CONF_DIR": "/etc/hadoop",
    "JAVA_TOOL_OPTIONS": "-javaagent:/gone.jar",
    "PYTHONPATH": "/opt/spark-2.4.8/python",
    "PYTHONSTARTUP": "/gone.py",
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Gives the process back the variables that it had."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def java_home(folder: Path, release: str | None = 'JAVA_VERSION="17.0.15"') -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").write_text("#!/bin/sh\n")
    (folder / "bin" / "java").chmod(0o755)
    if release is not None:
        (folder / "release").write_text(f'IMPLEMENTOR="Debian"\n{release}\n')
    return folder


def test_what_another_installation_left_behind_is_gone() -> None:
    os.environ.update(LEFT_OVER)
    set_spark_environment()
    own = {
        "SPARK_HOME": pyspark.__path__[0],
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
    }
    assert {name: os.environ.get(name) for name in LEFT_OVER if name != "PYTHONPATH"} == {
        name: own.get(name) for name in LEFT_OVER if name != "PYTHONPATH"
    }
    assert os.environ.get("PYTHONPATH") != LEFT_OVER["PYTHONPATH"]
    assert os.environ["PYTHONSAFEPATH"] == "1"


def test_where_rows_are_spilled_is_the_users_choice() -> None:
    os.environ["SPARK_LOCAL_DIRS"] = "/big/disk"
    set_spark_environment()
    assert os.environ["SPARK_LOCAL_DIRS"] == "/big/disk"


def test_what_images_of_a_cluster_say_stays() -> None:
    os.environ.update(LEFT_OVER)
    set_spark_environment(on_cluster=True)
    assert os.environ["SPARK_CONF_DIR"] == LEFT_OVER["SPARK_CONF_DIR"]
    assert os.environ["PYSPARK_PYTHON"] == sys.executable


def test_the_driver_is_told_the_secret_out_of_sight() -> None:
    os.environ.update({"_SPARK_AUTH_SECRET": "planted", "SPARK_SUBMIT_OPTS": ""})
    set_spark_environment()
    assert os.environ["SPARK_SUBMIT_OPTS"] == "-Dspark.authenticate.secret=planted"
    assert "planted" not in str(SparkSettings("spark://master:7077").configuration)


@pytest.mark.parametrize("release", ['JAVA_VERSION="17.0.15"', 'JAVA_VERSION="21"', None])
def test_a_java_home_that_holds_a_java_is_taken(tmp_path: Path, release: str | None) -> None:
    home = java_home(tmp_path / "java", release)
    assert java({"JAVA_HOME": str(home), "PATH": "/gone"}) == home / "bin" / "java"


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ('JAVA_VERSION="11.0.22"', "which is Java 11, and Spark needs 17"),
        ('JAVA_VERSION="1.8.0_402"', "which is Java 8, and Spark needs 17"),
    ],
)
def test_a_java_that_is_too_old_is_named(tmp_path: Path, release: str, words: str) -> None:
    home = java_home(tmp_path, release)
    assert java({"JAVA_HOME": str(home)}) == f"JAVA_HOME is {str(home)!r}, {words} or newer"
    assert f"{home}/bin/java is Java" in str(java({"PATH": f"{home}/bin"}))


def test_a_java_home_without_java_is_named_and_nothing_is_started() -> None:
    os.environ["JAVA_HOME"] = "/gone"
    with pytest.raises(SparkEnvironmentError, match="JAVA_HOME is '/gone', and there is no bin"):
        set_spark_environment()
    assert java({"PATH": "/gone"}) == "no java on the PATH"


PROGRAM = """
from pyspark.sql import SparkSession
from weather_assets.adapters.spark_environment import set_spark_environment
from weather_assets.adapters.spark_session import spark_configuration

def imported(_):
    import queue, random, sys
    return f"{sys.executable} {queue.__file__} {random.__file__}"

set_spark_environment()
builder = SparkSession.builder
for key, value in spark_configuration(1).items():
    builder = builder.config(key, value)
with builder.getOrCreate() as session:
    print(session.sparkContext.parallelize([0], 1).map(imported).collect()[0])
"""


def test_workers_run_this_python_and_import_nothing_from_the_working_folder(
    tmp_path: Path,
) -> None:
    for name in ("random.py", "queue.py", "calendar.py"):
        (tmp_path / name).write_text("raise SystemExit('a stranger was imported')")
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, **{k: v for k, v in LEFT_OVER.items() if k != "PYTHONSTARTUP"}},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    python, *modules = done.stdout.split()
    assert python == sys.executable
    assert not any(module.startswith(str(tmp_path)) for module in modules)
    assert sorted(tmp_path.iterdir()) == before, "nothing is left in the working folder"
