"""What container tests share: a place for ranks, and an engine that must be there."""

from pathlib import Path

import docker
import pytest

from weather_assets_tests.docker.container_place import ContainerPlace, settings_of_tests

pytest.register_assert_rewrite("weather_assets_tests.adapters.gang_contract")


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
