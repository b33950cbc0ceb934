"""Children get what is listed, and find the very package that started them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from weather_assets.foundation.child_environment import (
    ACCELERATORS,
    INSTALLATION,
    NETWORK,
    SYSTEM,
    inherited,
    python_settings,
)

LEFT_OVER = {
    "PYTHONPATH": "/elsewhere",
    "PYTHONHOME": "/gone",
    "PYTHONSTARTUP": "/gone/start.py",
    "OMP_NUM_THREADS": "64",
    "GLOO_SOCKET_IFNAME": "wlan0",
    "TP_SOCKET_IFNAME": "wlan0",
    "NCCL_SOCKET_IFNAME": "wlan0",
    "MASTER_ADDR": "10.0.0.1",
    "RANK": "3",
    "WORLD_SIZE": "8",
    "SLURM_NTASKS": "8",
    "AML_APP_ROOT": "/elsewhere",
    "GUNICORN_CMD_ARGS": "--workers 99",
    "MLFLOW_RUN_ID": "0",
    "SPARK_HOME": "/opt/spark-2.4.8",
    "DAGSTER_HOME": "/elsewhere",
}
MEANT = {
    "PATH": "/bin",
    "LC_TIME": "de_DE.UTF-8",
    "https_proxy": "http://proxy:3128",
    "NO_PROXY": "localhost",
    "PIP_INDEX_URL": "http://index",
    "CUDA_VISIBLE_DEVICES": "1",
    "LD_LIBRARY_PATH": "/opt/lib",
}


def test_what_is_listed_passes_and_nothing_else() -> None:
    lists = (*SYSTEM, *NETWORK, *INSTALLATION, *ACCELERATORS)
    assert inherited({**LEFT_OVER, **MEANT}, *lists) == MEANT
    assert inherited(MEANT, *SYSTEM).keys() == {"PATH", "LC_TIME", "LD_LIBRARY_PATH"}


def test_an_installed_package_needs_no_path() -> None:
    assert python_settings(Path("/venv/lib/python3.11/site-packages")) == {"PYTHONSAFEPATH": "1"}


@pytest.mark.parametrize("name", ["random.py", "queue.py", "weather_assets.py"])
def test_a_child_takes_no_module_from_its_working_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("raise SystemExit('a stranger was imported')")
    done = subprocess.run(
        [sys.executable, "-m", "weather_assets", "--version"],
        cwd=tmp_path,
        env={**inherited(os.environ, *SYSTEM), **python_settings()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
