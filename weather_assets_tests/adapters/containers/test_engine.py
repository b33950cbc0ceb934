"""Patience with an engine, and with what it shall remove; against a program that speaks its API."""

import threading
from collections.abc import Iterator

import pytest

from weather_assets.adapters.containers import leftovers
from weather_assets.adapters.containers.engine import ContainerEngine
from weather_assets.adapters.containers.settings import ContainerSettings
from weather_assets.adapters.ranks.protocol import RankLaunchError
from weather_assets_tests.adapters.containers.fake_engine import FakeEngine


def connection(address: str, patience_seconds: float = 0.2) -> ContainerEngine:
    settings = ContainerSettings(engine=address, engine_patience_seconds=patience_seconds)
    return ContainerEngine(settings)


@pytest.fixture
def fake() -> Iterator[FakeEngine]:
    with FakeEngine() as fake:
        yield fake


def test_an_engine_that_never_answered_is_not_waited_for() -> None:
    with FakeEngine() as fake:
        address = fake.address
    engine = connection(address, patience_seconds=600)
    with pytest.raises(RankLaunchError, match=f"{address} does not answer .ConnectionRefused") as e:
        engine.client()
    assert e.value.permanent


def test_an_engine_that_went_away_is_waited_for_in_vain() -> None:
    with FakeEngine() as fake:
        engine = connection(fake.address)
        engine.client()
    with pytest.raises(
        RankLaunchError, match=r"does not answer for 0\.2 s .ConnectionRefused"
    ) as e:
        engine.client()
    assert not e.value.permanent


def test_an_engine_that_comes_back_is_waited_for() -> None:
    with FakeEngine() as fake:
        engine = connection(fake.address, patience_seconds=30)
        engine.client()
    again: list[FakeEngine] = []
    back = threading.Timer(0.3, lambda: again.append(FakeEngine(fake.port)))
    back.start()
    try:
        assert engine.client().ping()
    finally:
        back.join()
        with again[0]:
            engine.close()


def test_an_attempt_is_removed_with_its_network(fake: FakeEngine) -> None:
    fake.containers, fake.networks = ["rank-0", "rank-1"], ["gang"]
    engine = connection(fake.address)
    leftovers.remove_attempt(engine.client(), "attempt")
    engine.close()
    assert (fake.containers, fake.networks) == ([], [])


def test_what_is_not_removed_is_named(fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "REMOVAL_SECONDS", 0.2)
    fake.containers, fake.networks, fake.stubborn = ["rank-0"], ["gang"], True
    engine = connection(fake.address)
    with pytest.raises(RuntimeError, match="engine does not remove rank-0, gang: look at its log"):
        leftovers.remove_attempt(engine.client(), "attempt")
    engine.close()
