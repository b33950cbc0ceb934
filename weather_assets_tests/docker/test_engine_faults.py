"""An engine that lacks something, refuses, does not answer or is lost."""

import gc
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from weather_assets.adapters.ranks.gang import GangFailed
from weather_assets.adapters.ranks.protocol import RankEvent
from weather_assets_tests.adapters.ranks.gang_contract import result, run, uninterrupted
from weather_assets_tests.docker.container_place import ContainerPlace
from weather_assets_tests.docker.engine_proxy import EngineProxy

# docker-py leaves a socket that could not connect to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket.socket fd=.*, family=1, type=1, proto=0"
    ":pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """The collector comes here, and not in a test that has no such sockets."""
    yield
    gc.collect()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image": "weather-assets-absent"}, "has no image weather-assets-absent: build it"),
        ({"network": "absent"}, "has no network absent: make it"),
        ({"gpus": ("0",)}, "2 ranks need as many GPUs; WEATHER_ASSETS_RANK_GPUS names 1"),
        ({"engine": "unix:///absent.sock"}, "engine at unix:///absent.sock does not answer"),
    ],
)
def test_what_cannot_be_is_said_once(
    place: ContainerPlace, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(GangFailed, match="rank 0 was not launched: ") as caught:
        run(place, backend=place.backend(**changes))
    assert len(caught.value.failures) == 1
    assert words in str(caught.value)
    assert place.survivors() == []


def test_what_the_engine_refuses_is_said(place: ContainerPlace) -> None:
    with pytest.raises(GangFailed, match=r"rank 0 was not launched: .* Range of CPUs is from"):
        run(place, backend=place.backend(cpus=10_000.0))
    assert place.survivors() == []


def test_engine_that_never_answers_is_not_waited_for(place: ContainerPlace, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen()
        backend = place.backend(engine=f"unix://{tmp_path}/silent", engine_timeout_seconds=0.5)
        began = time.monotonic()
        with pytest.raises(GangFailed, match=r"silent does not answer \(TimeoutError"):
            run(place, backend=backend)
        assert time.monotonic() - began < place.bound_seconds


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[EngineProxy]:
    with EngineProxy(tmp_path / "engine") as proxy:
        yield proxy


def test_engine_that_comes_back_is_waited_for(place: ContainerPlace, proxy: EngineProxy) -> None:
    back = threading.Timer(1.0, proxy.mend)

    def restart(event: RankEvent) -> None:
        if event.name == "heartbeat" and event.fields["step"] == 3 and back.ident is None:
            proxy.cut()
            back.start()

    outcome = run(place, told=restart, step_seconds=0.1, backend=place.backend(engine=proxy.url))
    (failure,) = outcome.failures
    assert "exited with code 125: the Docker engine was lost" in failure.reason
    assert result(place)["value"] == uninterrupted()
    assert place.survivors() == []


def test_engine_that_stays_away_is_named_and_its_ranks_end(
    place: ContainerPlace, proxy: EngineProxy
) -> None:
    def cut(event: RankEvent) -> None:
        if event.name == "heartbeat" and event.fields["step"] == 3:
            proxy.cut()

    backend = place.backend(engine=proxy.url, engine_patience_seconds=1.0)
    with pytest.raises(RuntimeError, match=r"engine at unix:.* does not answer for 1 s"):
        run(place, told=cut, step_seconds=0.1, backend=backend)
    place.await_end()
    # Nobody could remove it.
    place.sweep()
    assert place.survivors() == []
