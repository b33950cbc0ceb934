"""A simulator that is reached under a host name of its own, as in another container."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from weather_assets.foundation.waiting import wait_until
from weather_assets.local_azure import daemon
from weather_assets.local_azure.azure.errors import LocalAzureError
from weather_assets_tests.local_azure.plain_client import PlainClient

PATIENCE_SECONDS = 60


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A state folder, and the process that serves it in the foreground."""
    state = tmp_path / "state"
    command = [sys.executable, "-m", "weather_assets", "local-azure", "serve"]
    command += ["--state", str(state), "--reached-as", "localhost", "--operation-seconds", "0.05"]
    process = subprocess.Popen(command, env=dict(os.environ), start_new_session=True)

    def runs() -> bool:
        assert process.poll() is None
        return daemon.running(state) is not None

    wait_until(runs, PATIENCE_SECONDS, "the simulator to serve")
    yield state, process
    process.kill()
    process.wait(timeout=PATIENCE_SECONDS)


def test_it_is_used_from_afar_and_stopped_at_home(
    served: tuple[Path, subprocess.Popen[bytes]],
) -> None:
    state, process = served
    found = daemon.running(state)
    assert found is not None
    assert not found.is_here
    variables = daemon.start(state, timeout=PATIENCE_SECONDS)
    assert variables["HTTPS_PROXY"].startswith("http://localhost:")
    assert variables["LOCAL_AZURE_URL"] == found.url
    client = PlainClient(state)
    assert client.control.status()["endpoints"] == {}
    client.close()
    with pytest.raises(LocalAzureError, match="stop it there"):
        daemon.stop(state)

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE_SECONDS) == 0
    assert daemon.running(state) is None
    with pytest.raises(LocalAzureError, match="does not answer at localhost"):
        daemon.start(state, timeout=PATIENCE_SECONDS)
