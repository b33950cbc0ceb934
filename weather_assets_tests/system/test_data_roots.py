"""Data roots see neither one another, nor the folder and the shell that a run was started in.

One root is called what libraries misread, and made by the command itself, among a user's own files
and another program's variables; it is then moved, and copied.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.tracking.model_registry import ModelRegistry
from weather_assets.foundation.child_environment import SYSTEM, inherited
from weather_assets_tests.awkward_names import ALL_OF_THEM
from weather_assets_tests.synthetic import five_column_text

pytestmark = pytest.mark.timeout(600)  # three runs of the graph's first half
ROWS = 1500
SHADOWS = ("random.py", "queue.py", "calendar.py", "statistics.py", "click.py", "torch.py")
RUN_SECONDS = 240


@dataclass(frozen=True)
class Surroundings:
    """Everything around data roots: a home, a folder to start in, a place for roots, a cache."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Surroundings":
        for name in ("home", "here", "roots", "cache", "tmp"):
            (folder / name).mkdir()
        for name in SHADOWS:
            (folder / "here" / name).write_text("raise SystemExit('a stranger was imported')\n")
        (folder / "here" / "mlruns" / "0").mkdir(parents=True)
        (folder / "here" / "mlruns" / "0" / "meta.yaml").write_text("experiment_id: '0'\n")
        return cls(folder)

    def root(self, name: str) -> DataRoot:
        return DataRoot.at(self.folder / "roots" / name)

    def variables(self) -> Mapping[str, str]:
        """Returns what a shell may hold that other programs filled."""
        elsewhere = f"sqlite:///{self.folder / 'elsewhere.db'}"
        return {
            **inherited(os.environ, *SYSTEM),
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "WEATHER_ASSETS_CACHE": str(self.folder / "cache"),
            "XDG_CACHE_HOME": str(self.folder / "home" / ".cache"),
            "XDG_CONFIG_HOME": str(self.folder / "home" / ".config"),
            "MLFLOW_REGISTRY_URI": elsewhere,
            "MLFLOW_RUN_ID": "0123456789abcdef0123456789abcdef",
            "MLFLOW_EXPERIMENT_ID": "77",
            "DAGSTER_HOME": str(self.folder / "elsewhere"),
            "GLOO_SOCKET_IFNAME": "nowhere0",
            "TP_SOCKET_IFNAME": "nowhere0",
            "NCCL_SOCKET_IFNAME": "nowhere0",
            "MASTER_ADDR": "192.0.2.1",
            "RANK": "7",
            "WORLD_SIZE": "8",
            "OMP_NUM_THREADS": "64",
            "SLURM_NTASKS": "8",
            "SPARK_HOME": "/opt/spark-2.4.8",
            "PYSPARK_PYTHON": "/usr/bin/python2",
            "PYTHONSTARTUP": "/gone.py",
        }

    def run(self, root: DataRoot, until: str) -> subprocess.CompletedProcess[str]:
        """Runs the command as a user would: from a folder of his own."""
        command = [sys.executable, "-m", "weather_assets", "run", "--data", str(root.path)]
        return subprocess.run(
            [*command, "--until", until],
            cwd=self.folder / "here",
            env=self.variables(),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )


def put(root: DataRoot, name: str, rows: int, seed: int) -> None:
    root.raw.mkdir(parents=True, exist_ok=True)
    (root.raw / name).write_text(five_column_text(rows, seed=seed), encoding="utf-8")


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Returns what is below a folder: length and time of change of every file, by name."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if not path.is_dir()
    }


def champion(root: DataRoot) -> str:
    found = ModelRegistry(root.tracking_uri).champion()
    assert found is not None
    return found.version


def test_a_root_lives_alone_under_any_name_and_wherever_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    around = Surroundings.made(tmp_path)
    monkeypatch.setenv("WEATHER_ASSETS_CACHE", str(tmp_path / "cache"))
    first, moved, copy = (around.root(name) for name in (ALL_OF_THEM, "moved", "copy"))
    put(first, "weather.csv", ROWS, seed=1)
    untouched = {name: listing(tmp_path / name) for name in ("home", "here")}

    done = around.run(first, "champion_model")

    assert done.returncode == 0, done.stdout + done.stderr
    assert champion(first) == "1"
    assert {name: listing(tmp_path / name) for name in untouched} == untouched
    around_roots = {"home", "here", "roots", "cache", "tmp"}
    assert {path.name for path in tmp_path.iterdir()} == around_roots, "nothing was made elsewhere"
    assert [path.name for path in (tmp_path / "roots").iterdir()] == [ALL_OF_THEM]

    shutil.copytree(first.path, copy.path, symlinks=True)
    first.path.rename(moved.path)
    as_copied = listing(copy.path)
    put(moved, "more.csv", ROWS, seed=2)
    done = around.run(moved, "model_verdict")

    assert "Traceback" not in done.stderr
    assert (moved.registry / "2" / "verdict.json").is_file(), done.stdout + done.stderr
    assert not first.path.exists()
    assert listing(copy.path) == as_copied

    as_moved = listing(moved.path)
    done = around.run(copy, "weather_checkpoint")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "processed before" in done.stdout
    assert champion(copy) == "1"
    assert not (copy.registry / "2").exists()
    assert listing(moved.path) == as_moved
    assert {path.name for path in tmp_path.iterdir()} == around_roots
