"""The gang launcher with ranks in containers behind the engine's guard: the shared fault matrix."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from weather_assets_tests.adapters.ranks.gang_contract import GangContract
from weather_assets_tests.docker.container_place import ContainerPlace
from weather_assets_tests.docker.guarded import guarded_ranks


class TestContainers(GangContract):
    """The fault matrix, with containers."""

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[ContainerPlace]:
        with guarded_ranks(ContainerPlace.at(tmp_path)) as place:
            yield place
