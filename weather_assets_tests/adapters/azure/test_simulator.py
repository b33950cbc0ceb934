"""Local Azure is met at its command, its environment file and HTTP."""

import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from weather_assets.adapters.azure import simulator
from weather_assets.adapters.files.user_cache import cache_folder
from weather_assets.local_azure import daemon
from weather_assets.rollout.service import ServiceUnavailable
from weather_assets_tests.adapters.conftest import AzureWorld


def test_one_that_runs_is_seen_and_one_that_does_not_is_not(
    azure_world: AzureWorld, tmp_path: Path
) -> None:
    state = azure_world.local.state
    assert simulator.running(state) == azure_world.local.variables
    assert simulator.running(tmp_path) is None
    simulator.stop(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_a_copy_of_a_folder_is_not_what_is_served(azure_world: AzureWorld, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(azure_world.local.state, copy)
    assert simulator.variables(copy) == azure_world.local.variables
    assert simulator.running(copy) is None
    assert daemon.running(copy) is None
    simulator.stop(copy)
    assert simulator.running(azure_world.local.state) is not None, "the original goes on"


@pytest.fixture
def stranger() -> Iterator[str]:
    """Address of another program that answers everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"subscription": "another"}')

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            del format, args

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_stranger_on_its_port_is_not_taken_for_it(tmp_path: Path, stranger: str) -> None:
    lines = {
        "LOCAL_AZURE_STATE": str(tmp_path),
        "LOCAL_AZURE_URL": stranger,
        "AZURE_SUBSCRIPTION_ID": "ours",
    }
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    (tmp_path / "environment").write_text(text, encoding="utf-8")
    assert simulator.variables(tmp_path) == lines
    assert simulator.running(tmp_path) is None


def test_what_the_command_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match=r"^local-azure start: quota_cores is -1"):
        simulator.start(tmp_path / "state", quota_cores=-1)


def test_files_of_the_current_folder_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('it was run')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    simulator.stop(tmp_path)  # runs the command


def test_environments_are_built_into_the_platforms_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_AZURE_CACHE", raising=False)
    assert simulator.environment()["LOCAL_AZURE_CACHE"] == str(cache_folder())
    monkeypatch.setenv("LOCAL_AZURE_CACHE", "/of/the/user")
    assert simulator.environment()["LOCAL_AZURE_CACHE"] == "/of/the/user"


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = (sys.executable, "-c", "import time; time.sleep(600)")
    monkeypatch.setattr(simulator, "COMMAND", hanging)
    monkeypatch.setattr(simulator, "_COMMAND_SECONDS", 0.2)
    with pytest.raises(ServiceUnavailable, match=r"did not end within 0\.2 s"):
        simulator.stop(tmp_path)
