"""A controller that is killed anywhere, and run again, ends where one ends that was not.

Each kind of call to the service is the last of some controller here, on the real SDK against Local
Azure. Every single call, of a rollout and of a rollback, is cut off in
`rollout/test_interruptions.py`, in memory.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

import pytest

from weather_assets_tests.integration.live_clients import right
from weather_assets_tests.integration.mortal_controllers import Death, Fate, Order
from weather_assets_tests.integration.prepared_root import Defect
from weather_assets_tests.integration.served_endpoint import ServedEndpoint, served

BLUE_1 = ({"blue": 100}, {"blue": "1"})
GREEN_2 = ({"green": 100}, {"green": "2"})


@dataclass
class Controllers:
    """Runs controllers, one at a time."""

    orders: IO[str]
    fates: IO[str]

    def advance(self, stage: str, *deaths: Death, immediate: bool = False) -> Fate:
        """Runs a stage: once to each death, and then to its end."""
        for death in deaths:
            self.die(stage, death, immediate=immediate)
        fate = self._run(Order(stage, None, immediate))
        assert not fate.killed
        return fate

    def die(self, stage: str, death: Death, *, immediate: bool = False) -> None:
        """Runs a stage to a death."""
        assert self._run(Order(stage, death, immediate)).killed, f"{death} did not come"

    def _run(self, order: Order) -> Fate:
        self.orders.write(json.dumps(asdict(order)) + "\n")
        self.orders.flush()
        line = self.fates.readline()
        assert line, f"{order}: no answer"
        return Fate(**json.loads(line))


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedEndpoint]:
    with served(tmp_path_factory.mktemp("kills"), "rollout-kills") as endpoint:
        for version in ("1", "2"):
            endpoint.prepared.add(version)
        yield endpoint


@pytest.fixture(scope="module")
def controllers(endpoint: ServedEndpoint) -> Iterator[Controllers]:
    with _controllers(endpoint) as controllers:
        yield controllers


@contextmanager
def _controllers(endpoint: ServedEndpoint) -> Generator[Controllers]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AZURE_", "ENDPOINT_"))
    }
    module = "weather_assets_tests.integration.mortal_controllers"
    with subprocess.Popen(
        [sys.executable, "-m", module, str(endpoint.prepared.root.path)],
        env={**kept, **endpoint.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Controllers(process.stdin, process.stdout)
        finally:
            process.stdin.close()
            process.wait(30)


@pytest.fixture(scope="module")
def first(endpoint: ServedEndpoint, controllers: Controllers) -> None:
    """Release 1 at once on a new endpoint, by controllers that are killed."""
    endpoint.prepared.offer("1")
    deployed = controllers.advance(
        "deployed",
        Death("cores_available"),
        Death("create_endpoint"),
        Death("deploy", during=True),
        immediate=True,
    )
    assert deployed.passed, deployed.sentence
    assert endpoint.standing() == ({}, {"blue": "1"})
    live = controllers.advance("live", Death("set_traffic", during=True), immediate=True)
    assert live.passed, live.sentence
    assert endpoint.standing() == BLUE_1


@pytest.mark.usefixtures("first")
def test_a_rollout_goes_on_after_every_kill(
    endpoint: ServedEndpoint, controllers: Controllers
) -> None:
    endpoint.prepared.offer("2")
    plan = {
        "deployed": (Death("deploy"), Death("ask")),
        "shadow": (Death("set_traffic"), Death("live_counts", occurrence=2)),
        "canary": (Death("set_traffic", during=True), Death("ask", occurrence=5)),
        "live": (
            Death("set_traffic"),
            Death("observe", occurrence=3),
            Death("delete_deployment", during=True),
        ),
    }
    with endpoint.users() as users:
        for stage, deaths in plan.items():
            fate = controllers.advance(stage, *deaths)
            assert fate.passed, fate.sentence
    assert endpoint.standing() == GREEN_2
    assert (users.lost, users.interrupted) == ([], [])
    assert all(right(answer) for answer in users.answers)
    assert users.served() == {("blue", "1"), ("green", "2")}


@pytest.mark.usefixtures("first")
def test_a_rollback_is_completed_after_every_kill(
    endpoint: ServedEndpoint, controllers: Controllers
) -> None:
    standing = endpoint.standing()
    ((champion, version),) = standing[1].items()
    candidate = "green" if champion == "blue" else "blue"
    endpoint.prepared.add("flipped", Defect.FLIPPED)
    endpoint.prepared.offer("flipped")
    for stage in ("deployed", "shadow"):
        assert controllers.advance(stage).passed
    endpoint.prepared.trigger.touch()
    with endpoint.users() as users:
        controllers.die("canary", Death("set_traffic", occurrence=2))  # the first gives a share
        restored = time.monotonic()
        fate = controllers.advance(
            "canary", Death("logs", occurrence=2), Death("delete_deployment", during=True)
        )
    endpoint.prepared.trigger.unlink()
    assert (fate.passed, fate.rolled_back) == (False, True)
    assert "at most 0.25 is allowed" in fate.sentence, "the verdict of the one that was killed"
    assert endpoint.standing() == standing
    assert (users.lost, users.interrupted) == ([], [])
    assert users.served() <= {(champion, version), (candidate, "flipped")}
    assert users.served(since=restored) == {(champion, version)}, "it was not tried again"
