"""`dev` that is killed as it makes what is not there yet."""

import os
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import psutil

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.tracking.empty_tables import place_tables
from weather_assets.adapters.tracking.model_registry import ModelRegistry
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.system.development_server import (
    READY_SECONDS,
    development_server,
    wait_gone,
)


def _tables(database: Path) -> int:
    """Returns how many tables there are; what a killed writer left open is rolled back first."""
    with closing(sqlite3.connect(f"file:{database}?mode=rw", uri=True)) as connection:
        query = "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
        return int(connection.execute(query).fetchone()[0])


def _has_tables(database: Path) -> bool:
    with suppress(sqlite3.OperationalError):  # not there yet, or just being written
        return _tables(database) > 0
    return False


def test_a_dev_that_is_killed_as_it_starts_leaves_tables_that_mlflow_can_use(
    tmp_path: Path,
) -> None:
    whole = tmp_path / "whole.db"
    place_tables(whole)
    root = DataRoot.at(tmp_path / "data").create()
    database = root.mlflow / "mlflow.db"
    with development_server(root, {}) as dev:
        wait_until(
            lambda: _has_tables(database) or dev.process.poll() is not None,
            READY_SECONDS,
            "the first tables of MLflow's database",
            pause_seconds=0.01,
        )
        family, mark = dev.family(), dev.mark()
        for each in family:
            with suppress(psutil.NoSuchProcess):
                os.kill(each.pid, signal.SIGKILL)
        dev.process.wait()
        wait_gone(family, mark)
    assert _tables(database) == _tables(whole)
    assert ModelRegistry(root.tracking_uri).champion() is None
