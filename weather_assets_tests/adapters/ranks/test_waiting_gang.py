"""Ranks that wait for their job: they train when they get one, and end when there is none."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from weather_assets.adapters.ranks.gang import GangFailed
from weather_assets.adapters.ranks.processes import ProcessBackend
from weather_assets.adapters.ranks.protocol import RankEvent
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.ranks.waiting_gang import EarlyGang
from weather_assets.forecasting.settings import TrainingJob

pytestmark = pytest.mark.timeout(120)
SETTINGS = GangSettings(world_size=1, max_relaunches=0, stop_grace_seconds=1.0)


def children() -> list[psutil.Process]:
    """Returns the ranks below this process; what is dead or a zombie is none."""
    found: list[psutil.Process] = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie is one of these, too
            if "weather_assets.forecasting" in each.cmdline():
                found.append(each)
    return found


@pytest.fixture
def gang() -> Iterator[EarlyGang]:
    waiting = EarlyGang(SETTINGS, ProcessBackend())
    yield waiting
    waiting.cancel()
    assert not children()


def test_ranks_without_a_job_are_ended(gang: EarlyGang) -> None:
    deadline = time.monotonic() + 30
    while not children():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    folder = Path(children()[0].cmdline()[-1]).parent
    assert folder.is_dir()

    gang.cancel()

    assert not children()
    assert not folder.exists()
    gang.cancel()


def test_a_job_reaches_the_ranks_and_so_does_its_mistake_reach_us(
    gang: EarlyGang, tmp_path: Path
) -> None:
    job = TrainingJob(
        tmp_path / "no_rows", tmp_path / "contract", tmp_path / "statistics", tmp_path / "output"
    )
    told: list[RankEvent] = []

    with pytest.raises(GangFailed, match="No such file"):
        gang.train(job, told.append)

    assert [event.name for event in told][:2] == ["launched", "started"]
    assert told[-1].name == "attempt_failed"


def test_whoever_stops_listening_ends_the_gang(gang: EarlyGang, tmp_path: Path) -> None:
    job = TrainingJob(tmp_path / "a", tmp_path / "b", tmp_path / "c", tmp_path / "output")

    def interrupted(event: RankEvent) -> None:
        raise KeyboardInterrupt(event.name)

    with pytest.raises(KeyboardInterrupt, match="launched"):
        gang.train(job, interrupted)
    assert not children()
