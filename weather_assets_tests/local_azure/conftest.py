"""One simulator for all tests of this folder, and a client of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from weather_assets.adapters.files.user_cache import cache_folder
from weather_assets.local_azure import daemon
from weather_assets.local_azure.azure.settings import CACHE_VARIABLE
from weather_assets_tests.local_azure.plain_client import PlainClient

MANY_CORES = 400  # tests share the simulator, and with it the quota


@pytest.fixture(scope="session", autouse=True)
def _one_cache() -> Iterator[None]:
    """What is built for the platform's tests and for these is the same environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, os.environ.get(CACHE_VARIABLE) or str(cache_folder()))
        yield


@pytest.fixture(scope="session")
def simulator_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a simulator that runs."""
    state = tmp_path_factory.mktemp("local-azure") / "state"
    daemon.start(
        state,
        timeout=60,
        region="localregion",
        workspaces=("first", "second"),
        quota_cores=MANY_CORES,
        operation_seconds=0.05,
        polling_seconds=0.05,
    )
    yield state
    daemon.stop(state)


@pytest.fixture(scope="session")
def azure(simulator_state: Path) -> Iterator[PlainClient]:
    """A signed-in client."""
    client = PlainClient(simulator_state)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _no_fault_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fault that a test leaves would strike the next one."""
    yield
    if "azure" in request.fixturenames:
        request.getfixturevalue("azure").control.clear_faults()
