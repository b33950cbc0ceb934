"""What container tests share: a place for ranks, and an engine that must be there."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from weather_assets.engine_guard.bodies import STACK_LABEL
from weather_assets_tests.docker.container_place import (
    ContainerPlace,
    docker_client,
    settings_of_tests,
)
from weather_assets_tests.docker.stack import Stack, left_of

pytest.register_assert_rewrite("weather_assets_tests.adapters.ranks.gang_contract")


@pytest.fixture(scope="session", autouse=True)
def engine_with_the_image() -> None:
    """Without an engine or the image every test fails, and says why; none is skipped."""
    image = settings_of_tests().image
    client = docker.from_env(timeout=20)
    try:
        client.images.get(image)
    finally:
        client.close()


@pytest.fixture
def place(tmp_path: Path) -> ContainerPlace:
    return ContainerPlace.at(tmp_path)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of all tests, started once; whatever happens to them, it is removed."""
    folder = tmp_path_factory.mktemp("stack")
    # Containers pass through these folders as another user.
    for each in (folder.parent, folder):
        each.chmod(0o755)
    stack = Stack(folder / "raw")
    stack.raw.mkdir()
    _remove_what_is_left(stack.name)
    try:
        stack.command("up")
        yield stack
    finally:
        if left_of(stack.name):
            stack.command("remove")


def _remove_what_is_left(name: str) -> None:
    """Removes what a killed session's stack of this name left; its images may stay.

    Its volumes name folders of that session, and its containers hold them.
    """
    with docker_client() as client:
        for label in (f"com.docker.compose.project={name}", f"{STACK_LABEL}={name}"):
            chosen: dict[str, str | list[str] | bool] = {"label": label}
            for container in client.containers.list(True, filters=chosen, ignore_removed=True):
                container.remove(force=True)
            for network in client.networks.list(filters=chosen):
                network.remove()
            for volume in client.volumes.list(filters=chosen):
                volume.remove()
