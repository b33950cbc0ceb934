"""Where everything that belongs to one data root lies on disk.

Belongs here: paths and addresses. Does not belong here: reading or writing what lies there.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from weather_assets.adapters.files.plain_names import plainly_named, readable
from weather_assets.adapters.tracking.leftovers import TRACKING_VARIABLE
from weather_assets.adapters.tracking.local_store import sqlite_uri
from weather_assets.foundation.home_folders import expanded

DATA_ROOT_VARIABLE = "WEATHER_ASSETS_DATA"
"""The environment variable that names the data root; `data` where it is unset."""


@dataclass(frozen=True, slots=True)
class DataRoot:
    """One data root: raw files, everything made from them, and the stores of Dagster and MLflow.

    Two data roots share nothing, so that two of them never see each other.

    Attributes:
        path: the folder, absolute.
    """

    path: Path

    @classmethod
    def from_environment(cls) -> Self:
        """Returns the data root that `WEATHER_ASSETS_DATA` names, or `data` where it is unset."""
        return cls.at(Path(os.environ.get(DATA_ROOT_VARIABLE) or "data"))

    @classmethod
    def at(cls, path: Path) -> Self:
        """Returns the data root at `path`, which need not exist yet.

        Args:
            path: absolute or of the current folder; `~` at its beginning is the home folder, unless
                there is something of that very name, or no such user.

        Raises:
            AwkwardNameError: its name is no text.
        """
        return cls(readable((path if path.exists() else expanded(path)).resolve()))

    @property
    def plainly_named(self) -> Path:
        """The data root under a name that Dagster and MLflow do not misread."""
        return plainly_named(self.path)

    @property
    def raw(self) -> Path:
        """Raw CSV files, as they came."""
        return self.path / "raw"

    @property
    def contract_file(self) -> Path:
        """What the raw files are, where no built-in contract recognises them."""
        return self.path / "contract.toml"

    @property
    def snapshot_file(self) -> Path:
        """The set of raw files that `raw_weather` last recorded; `raw/` itself is only read."""
        return self.processed / "raw_files.json"

    @property
    def hashes_file(self) -> Path:
        """The hashes of raw files that have not changed since."""
        return self.processed / "raw_hashes.json"

    @property
    def looks_file(self) -> Path:
        """What was last seen of the raw files, to tell which ones are still being written."""
        return self.processed / "raw_looks.json"

    @property
    def processed(self) -> Path:
        """Validated rows, rejected rows and statistics, by version."""
        return self.path / "processed"

    @property
    def registry(self) -> Path:
        """One folder per model version."""
        return self.path / "registry"

    @property
    def package_pointer(self) -> Path:
        """Names the scoring package to be served: version, folder, digest."""
        return self.registry / "champion.json"

    def package(self, version: str) -> Path:
        """Returns where the scoring package of a model version lies."""
        return self.registry / version / "package"

    @property
    def mlflow(self) -> Path:
        """MLflow's database and artifacts."""
        return self.path / "mlflow"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance: run history, events, schedules."""
        return self.path / "dagster"

    @property
    def held_by_dev(self) -> Path:
        """The file that `dev` holds while it lives: its address, and the mark of its processes."""
        return self._held / "dev"

    @property
    def held_by_runs(self) -> Path:
        """The folder where a run's process holds a file of the run's name while it lives."""
        return self._held / "runs"

    @property
    def simulator_users(self) -> Path:
        """The folder where everybody holds a file who needs Local Azure for now."""
        return self._held / "local-azure"

    @property
    def _held(self) -> Path:
        return self.dagster_home / "held"

    @property
    def local_azure(self) -> Path:
        """State of Local Azure, which serves where no Azure subscription is named."""
        return self.path / "local-azure"

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking URI: `MLFLOW_TRACKING_URI`, or SQLite inside the data root."""
        return os.environ.get(TRACKING_VARIABLE) or sqlite_uri(
            self.plainly_named / "mlflow" / "mlflow.db"
        )

    def create(self) -> Self:
        """Makes the folders that are missing, and returns the data root."""
        for folder in (self.raw, self.processed, self.registry, self.mlflow, self.dagster_home):
            folder.mkdir(parents=True, exist_ok=True)
        return self
