"""Real ranks in containers: the same weights as in processes, whatever happens to them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from weather_assets.adapters.containers.backend import ContainerBackend
from weather_assets.adapters.ranks.gang import GangOutcome, launched_gang
from weather_assets.adapters.ranks.processes import ProcessBackend
from weather_assets.adapters.ranks.protocol import RankBackend, RankEvent
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.ranks.watch import FailureCause
from weather_assets.workflows.candidates import rank_command
from weather_assets_tests.docker.container_place import Saboteur, never, settings_of_tests
from weather_assets_tests.integration.small_training import job_file, weights, write_processed

SETTINGS = GangSettings(start_timeout_seconds=60, heartbeat_timeout_seconds=6, stop_grace_seconds=1)
MID_TRAINING_STEPS = 70
"""Between two checkpoints, of which there is one at every 20 steps."""


@dataclass
class Shop:
    """A data root with processed rows, and trainings in it."""

    folder: Path

    def job(self, name: str) -> Path:
        """A job in a folder that the ranks, who are nobody here, can write."""
        folder = self.folder / name
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        return job_file(self.folder, folder)

    def containers(self) -> ContainerBackend:
        """Ranks in containers of the image under test."""
        return ContainerBackend(
            settings_of_tests(),
            data_root=self.folder,
            run_id=f"training-{self.folder.name}",
            run_is_over=never,
        )


def train(
    job: Path,
    backend: RankBackend,
    on_event: Callable[[RankEvent], None] = lambda _event: None,
    *,
    ranks: int = 2,
) -> GangOutcome:
    with launched_gang(
        rank_command(backend.python, job),
        settings=replace(SETTINGS, world_size=ranks),
        backend=backend,
        on_event=on_event,
    ) as gang:
        return gang.finish()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    folder.chmod(0o755)
    write_processed(folder)
    return Shop(folder)


@pytest.fixture(scope="module")
def undisturbed(shop: Shop) -> Path:
    """The job of a training in two containers that nothing disturbed."""
    job = shop.job("containers")
    assert train(job, shop.containers()).failures == ()
    return job


@pytest.fixture(scope="module")
def processes(shop: Shop) -> Path:
    """The job of a training in two processes."""
    job = shop.job("processes")
    assert train(job, ProcessBackend()).failures == ()
    return job


def assert_equal_weights(one: Path, other: Path) -> None:
    there, here = (
        load_file(each.parent / "candidate" / "model.safetensors") for each in (one, other)
    )
    assert there.keys() == here.keys()
    for name, values in here.items():
        np.testing.assert_allclose(there[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


def test_two_containers_equal_two_processes(undisturbed: Path, processes: Path) -> None:
    assert_equal_weights(undisturbed, processes)


def test_three_containers_with_uneven_shards_equal_two_processes(
    shop: Shop, processes: Path
) -> None:
    job = shop.job("three")  # eight logical shards: three, three and two
    outcome = train(job, shop.containers(), ranks=3)
    assert outcome.failures == ()
    assert len(outcome.ranks) == 3
    assert_equal_weights(job, processes)


def test_container_killed_in_mid_epoch_recovers_to_equal_weights(
    shop: Shop, undisturbed: Path
) -> None:
    rank = 0  # the one that writes checkpoints
    saboteur = Saboteur(rank, lambda container: container.kill(), step=MID_TRAINING_STEPS)
    job = shop.job("disturbed")
    outcome = train(job, shop.containers(), saboteur)
    (failure,) = outcome.failures
    assert (failure.rank, failure.cause) == (rank, FailureCause.KILLED)
    assert weights(job) == weights(undisturbed)
