"""`weather-assets dev` serves both UIs, and Ctrl-C ends all of it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets_tests.awkward_names import ALL_OF_THEM
from weather_assets_tests.system.development_server import (
    END_SECONDS,
    DevelopmentServer,
    development_server,
    wait_gone,
)


def test_both_uis_answer_and_end_together(tmp_path: Path) -> None:
    """Under an awkward name, from a folder of a user's own, with another's variables about."""
    root, here = DataRoot.at(tmp_path / ALL_OF_THEM), tmp_path / "here"
    here.mkdir()
    for name in ("random.py", "queue.py", "calendar.py"):
        (here / name).write_text("raise SystemExit('a stranger was imported')")
    before = sorted(here.iterdir())
    strangers = {
        "WEATHER_ASSETS_CACHE": str(tmp_path / "cache"),
        "DAGSTER_HOME": "/gone",
        "MLFLOW_REGISTRY_URI": "sqlite:////gone/other.db",
    }
    with development_server(root, strangers, here) as dev:
        dev.wait_ready()
        locations = dev.ask("{workspaceOrError {... on Workspace {locationEntries {name}}}}")
        assert locations["workspaceOrError"]["locationEntries"] == [{"name": "weather_assets"}]
        jobs = "{repositoriesOrError {... on RepositoryConnection {nodes {jobs {name}}}}}"
        (repository,) = dev.ask(jobs)["repositoriesOrError"]["nodes"]
        assert {"name": "continuous_training"} in repository["jobs"]
        no_other_page_is_served(dev)
        assert (root.dagster_home / "history" / "runs.db").is_file()
        assert (root.mlflow / "mlflow.db").is_file()
        assert sorted(here.iterdir()) == before
        written = {root.path.name, "here", "cache", dev.log.name}
        assert {path.name for path in tmp_path.iterdir()} == written
        family, mark = dev.family(), dev.mark()
        dev.process.send_signal(signal.SIGINT)
        assert dev.process.wait(END_SECONDS) == 0
        wait_gone(family, mark)


def no_other_page_is_served(dev: DevelopmentServer) -> None:
    """Neither UI answers to another name or page, and MLflow's keeps nobody's files."""
    evil = {"Origin": "http://evil.example"}
    mlflow = f"http://127.0.0.1:{dev.mlflow_port}"
    search, query = f"{mlflow}/api/2.0/mlflow/experiments/search", {"query": "{ version }"}
    with httpx.Client(trust_env=False, timeout=60) as client:
        assert client.post(f"{dev.url}/graphql", json=query, headers=evil).status_code == 403
        assert client.get(dev.url, headers={"Host": "evil.example"}).status_code == 403
        listed = client.post(search, json={"max_results": 5}).json()
        assert [each["name"] for each in listed["experiments"]]
        assert client.post(search, json={"max_results": 5}, headers=evil).status_code == 403
        assert client.get(mlflow, headers={"Host": "evil.example"}).status_code == 403
        artifacts = f"{mlflow}/api/2.0/mlflow-artifacts/artifacts"
        assert not client.get(artifacts).is_success
        assert not client.put(f"{artifacts}/x", content=b"x").is_success


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
