"""Stops, kills and restarts: the state survives, and no process does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from click.testing import CliRunner

from weather_assets.foundation.waiting import wait_until
from weather_assets.local_azure import daemon
from weather_assets.local_azure.azure.errors import LocalAzureError
from weather_assets.local_azure.azure.faults import Fault, FaultKind
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.cli import local_azure
from weather_assets.local_azure.serving.scorers import MARKER_VARIABLE, sweep
from weather_assets_tests.local_azure.plain_client import PlainClient

QUICK = {"operation_seconds": 0.05, "polling_seconds": 0.05, "region": "localregion"}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose simulator is stopped afterwards."""
    folder = tmp_path / "state"
    yield folder
    daemon.stop(folder)


def gone(processes: list[psutil.Process], seconds: float = 5) -> bool:
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def pid_of(state: Path) -> int:
    return json.loads((state / "server.json").read_text())["pid"]


def test_starting_twice_starts_once(state: Path) -> None:
    first = daemon.start(state, timeout=60, **QUICK)
    pid = pid_of(state)
    assert daemon.start(state, timeout=60) == first
    assert pid_of(state) == pid
    with pytest.raises(LocalAzureError, match=r"quota_cores=24.*stop it"):
        daemon.start(state, timeout=60, quota_cores=48)
    assert daemon.stop(state) is True
    assert daemon.stop(state) is False
    assert not psutil.pid_exists(pid)
    daemon.start(state, timeout=60, quota_cores=48)
    loaded = Settings.load(state)
    assert loaded is not None
    assert loaded.quota_cores == 48
    assert daemon.read_environment(state) == first, "running programs keep their variables"


def test_a_second_server_on_the_same_folder_is_refused(state: Path) -> None:
    daemon.start(state, timeout=60)
    second = subprocess.run(
        [sys.executable, "-P", "-m", "weather_assets.local_azure", "serve", "--state", str(state)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert "serves this folder already" in second.stderr


def test_a_folder_moved_while_it_is_served_is_served_at_its_new_place(state: Path) -> None:
    daemon.start(state, timeout=60, **QUICK)
    first = pid_of(state)
    subscription = daemon.read_environment(state)["AZURE_SUBSCRIPTION_ID"]
    moved = state.with_name("moved")
    state.rename(moved)
    shutil.copytree(moved, moved.with_name("copied"))
    try:
        assert daemon.running(moved.with_name("copied")) is None
        variables = daemon.start(moved, timeout=60)
        assert variables["AZURE_SUBSCRIPTION_ID"] == subscription
        assert variables["LOCAL_AZURE_STATE"] == str(moved)
        assert not psutil.pid_exists(first)
        assert not state.exists()
    finally:
        assert daemon.stop(moved)


def test_a_moved_folder_is_stopped_at_its_new_place(state: Path) -> None:
    daemon.start(state, timeout=60, **QUICK)
    pid = pid_of(state)
    moved = state.with_name("moved")
    state.rename(moved)
    assert daemon.stop(moved)
    wait_until(lambda: not psutil.pid_exists(pid), 30, "the process to end")


def test_a_file_left_by_a_killed_server_does_not_count(state: Path) -> None:
    state.mkdir()
    stale = {"pid": os.getpid(), "created": 1.0, "url": "http://127.0.0.1:1", "token": "t"}
    (state / "server.json").write_text(json.dumps(stale))
    assert daemon.running(state) is None
    with pytest.raises(LocalAzureError, match="does not run"):
        daemon.control(state)


def test_what_a_kill_leaves_is_swept(state: Path) -> None:
    state.mkdir()
    settings = Settings.generate()
    settings.save(state)
    marked = {**os.environ, MARKER_VARIABLE: settings.marker(state.resolve())}
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        subprocess.Popen(command, env=marked) as left,
        subprocess.Popen(command, env={**marked, MARKER_VARIABLE: "another"}) as other,
    ):
        try:
            time.sleep(0.3)  # until the environment is that of the new program
            assert sweep(settings.marker(state.resolve())) == [left.pid]
            assert left.poll() is not None
            assert other.poll() is None
        finally:
            other.kill()


def test_a_killed_simulator_leaves_nothing_and_comes_back(state: Path) -> None:
    daemon.start(state, timeout=60, **QUICK)
    client = PlainClient(state)
    client.wait(client.put_endpoint("rain"))
    assert client.wait(client.put_deployment("rain", "blue"), 300)["status"] == "Succeeded"
    client.wait(client.put_endpoint("rain", traffic={"blue": 100}))
    key = client.key("rain")
    for _ in range(3):
        assert client.score("rain", key, {"x": 1}).status_code == 200
    client.control.add_fault(Fault(FaultKind.SCORER_CRASH, "nothing/here"))
    # An operation is under way, which the restart has to finish.
    client.control.add_fault(Fault(FaultKind.SLOW_OPERATION, "rain", seconds=60))
    client.put_endpoint("rain", traffic={"blue": 100}, description="changed")
    time.sleep(1.2)  # counters are kept every second
    client.close()

    server = psutil.Process(pid_of(state))
    family = server.children(recursive=True)
    assert len(family) >= 3, "guard, server, worker"
    os.kill(server.pid, signal.SIGKILL)
    assert gone([server, *family]), "scoring processes outlived the simulator"

    daemon.start(state, timeout=60)
    client = PlainClient(state)
    answer = client.score("rain", key, {"x": 21})
    assert (answer.status_code, answer.json()["product"]) == (200, 42)
    status = client.control.status()
    blue = status["endpoints"]["rain"]["deployments"]["blue"]
    assert blue["metrics"]["live"]["requests"] == 4
    assert [fault["target"] for fault in status["faults"]] == ["nothing/here"]

    def finished() -> bool:
        return client.control.status()["endpoints"]["rain"]["state"] == "Succeeded"

    wait_until(finished, 10, "the interrupted operation to be finished")
    client.close()

    family = psutil.Process(pid_of(state)).children(recursive=True)
    daemon.stop(state)
    assert gone(family), "scoring processes outlived a stop"


def test_the_command_line(state: Path) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(local_azure, [*arguments, "--state", str(state)])
        assert result.exit_code == code, result.output
        return result.output

    assert "does not run" in run("status", code=3)
    assert "start" in run("fault", "list", code=1)
    started = run("start", "--workspace", "mine", "--region", "here", "--timeout", "60")
    assert str(state / "environment") in started
    assert daemon.read_environment(state)["AZURE_WORKSPACE"] == "mine"
    assert "counters since" in run("status")
    assert json.loads(run("status", "--json"))["running"] is True
    added = run("fault", "add", "slow-scorer", "--seconds", "2", "--target", "rain/*", "--always")
    assert "slow-scorer on rain/*" in added
    assert "until cleared" in run("fault", "list")
    assert "needs more than 0 seconds" in run("fault", "add", "slow-scorer", code=1)
    assert run("fault", "clear").startswith("1 ")
    assert "stopped" in run("stop")
    assert "did not run" in run("stop")


def test_a_program_of_the_user_is_not_led_through_an_old_proxy(state: Path) -> None:
    """Starting from a shell with the variables set must not start under them."""
    variables = daemon.start(state, timeout=60)
    daemon.stop(state)
    shell = {**variables, "PATH": os.environ["PATH"]}
    left = daemon.without(state, shell)
    assert left == {"PATH": os.environ["PATH"]}
    with pytest.raises(httpx.ConnectError):
        httpx.get(variables["LOCAL_AZURE_URL"], trust_env=False)
