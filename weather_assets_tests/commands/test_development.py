"""`weather-assets dev` serves both UIs, and Ctrl-C ends all of it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil

from weather_assets.foundation.loopback import free_loopback_port
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.awkward_names import ALL_OF_THEM

READY_SECONDS = 180.0
END_SECONDS = 60.0


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    def answers() -> bool:
        assert process.poll() is None, "dev ended by itself"
        try:
            return httpx.get(url, timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    wait_until(answers, READY_SECONDS, f"{url} to answer", pause_seconds=0.3)


def asked(port: int, query: str) -> dict[str, Any]:
    """Returns what Dagster's API answers."""
    url = f"http://127.0.0.1:{port}/graphql"
    return httpx.post(url, json={"query": query}, timeout=60, trust_env=False).json()["data"]


def test_both_uis_answer_and_end_together(tmp_path: Path) -> None:
    """Under an awkward name, from a folder of a user's own, with another's variables about."""
    port, mlflow_port = free_loopback_port(), free_loopback_port()
    root, here = tmp_path / ALL_OF_THEM, tmp_path / "here"
    here.mkdir()
    for name in ("random.py", "queue.py", "calendar.py"):
        (here / name).write_text("raise SystemExit('a stranger was imported')")
    before = sorted(here.iterdir())
    command = [sys.executable, "-P", "-m", "weather_assets", "dev", "--data", str(root)]
    command += ["--port", str(port), "--mlflow-port", str(mlflow_port)]
    with (tmp_path / "dev.log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
            cwd=here,
            env={
                **os.environ,
                "WEATHER_ASSETS_CACHE": str(tmp_path / "cache"),
                "DAGSTER_HOME": "/gone",
                "MLFLOW_REGISTRY_URI": "sqlite:////gone/other.db",
            },
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/server_info", process)
        wait_for(f"http://127.0.0.1:{mlflow_port}/health", process)
        locations = asked(port, "{workspaceOrError {... on Workspace {locationEntries {name}}}}")
        assert locations["workspaceOrError"]["locationEntries"] == [{"name": "weather_assets"}]
        jobs = "{repositoriesOrError {... on RepositoryConnection {nodes {jobs {name}}}}}"
        (repository,) = asked(port, jobs)["repositoriesOrError"]["nodes"]
        assert {"name": "continuous_training"} in repository["jobs"]
        assert (root / "dagster" / "history" / "runs.db").is_file()
        assert (root / "mlflow" / "mlflow.db").is_file()
        assert sorted(here.iterdir()) == before
        assert {path.name for path in tmp_path.iterdir()} == {root.name, "here", "cache", "dev.log"}
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=END_SECONDS)
        _, alive = psutil.wait_procs(family, timeout=END_SECONDS)
        assert not alive
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait(timeout=END_SECONDS)


def test_a_taken_port_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "weather_assets", "dev", "--data", str(tmp_path)]
        done = subprocess.run(
            [*command, "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr
