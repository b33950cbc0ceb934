"""The Dagster instance of a data root: where its stores are, and opening it.

Belongs here: stores that lie in the data root, wherever that is, and copying the instance's
settings there. Does not belong here: the settings (`dagster.yaml`, beside this file), or the
instance for containers (`docker/dagster.yaml`).

Dagster's settings would name the stores by absolute paths: a data root that was moved or copied
would go on writing to the place that it came from.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import dagster as dg

# The classes that `storage: sqlite:` and Dagster's default stand for; only their place is ours.
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.foundation.atomic_files import write_text

WORKSPACE_FILE = "workspace.yaml"
_DOCUMENTS = ("dagster.yaml", WORKSPACE_FILE)


class DataRootStorage(DagsterSqliteStorage):
    """Runs, events and schedules, in SQLite inside the data root that the environment names."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Returns what may be configured: nothing."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> Self:
        """Opens the storage, which is made where it is missing."""
        del config_value
        return cls.from_local(str(_home(DataRoot.from_environment())), inst_data)


class DataRootLogs(LocalComputeLogManager):
    """What steps print, inside the data root that the environment names."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Returns what may be configured: nothing."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Returns the manager of the logs."""
        del config_value
        return cls(str(_home(DataRoot.from_environment()) / "compute_logs"), inst_data=inst_data)


def open_instance(root: DataRoot) -> dg.DagsterInstance:
    """Returns the instance of a data root, which this process and its children work on from now."""
    os.environ[DATA_ROOT_VARIABLE] = str(root.path)
    return dg.DagsterInstance.from_config(str(written_home(root)))


def written_home(root: DataRoot) -> Path:
    """Returns the Dagster home of a data root, plainly named, with settings and workspace in it."""
    home = _home(root)
    for name in _DOCUMENTS:
        text = Path(__file__).with_name(name).read_text(encoding="utf-8")
        if not (home / name).is_file() or (home / name).read_text(encoding="utf-8") != text:
            write_text(home / name, text)
    return home


def _home(root: DataRoot) -> Path:
    root.dagster_home.mkdir(parents=True, exist_ok=True)
    return root.plainly_named / root.dagster_home.name
