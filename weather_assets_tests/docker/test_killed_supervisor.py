"""A supervisor that is killed, as with its run's container: nothing of it stays, or for long."""

import json
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from weather_assets_tests.adapters.ranks.gang_contract import fault, result, run, uninterrupted
from weather_assets_tests.docker.container_place import ContainerPlace, docker_client, harm
from weather_assets_tests.docker.guarded import guarded_ranks

SUPERVISOR = """
import json, sys
from dataclasses import replace
from pathlib import Path
from weather_assets_tests.adapters.ranks.gang_contract import run
from weather_assets_tests.docker.container_place import ContainerPlace
place = ContainerPlace.at(Path(sys.argv[1]))
def tell(event):
    print(event.name, event.fields.get("container", ""), flush=True)
patient = replace(place.settings, heartbeat_timeout_seconds=60, progress_timeout_seconds=60)
run(place, *json.loads(sys.argv[2]), told=tell, step_seconds=0.3, settings=patient,
    backend=place.backend(**json.loads(sys.argv[3])))
"""


@contextmanager
def supervisor(place: ContainerPlace, name: str, **changes: str) -> Generator[list[str]]:
    """Yields the containers of a gang that runs, and kills its supervisor at the end.

    Args:
        place: where it runs.
        name: of the fault that rank 1 has.
        changes: of container settings.
    """
    plan = json.dumps([fault(name, rank=1, step=2)])
    command = [sys.executable, "-c", SUPERVISOR, str(place.directory), plan, json.dumps(changes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            told: list[str] = []
            while told.count("started\n") < 2 or told.count("heartbeat\n") < 10:
                told.append(process.stdout.readline().replace(" \n", "\n"))
                assert told[-1], "the supervisor ended early"
            yield [line.split()[1] for line in told if line.startswith("launched")]
        finally:
            process.kill()


@pytest.fixture
def network(place: ContainerPlace) -> Iterator[str]:
    """A network that stays, as that of a compose file."""
    with docker_client() as client:
        network = client.networks.create(f"stays-{place.run_id}", internal=True)
        yield str(network.name)
        network.remove()


@pytest.mark.parametrize("name", ["hang", "freeze", "ignore_sigterm"])
def test_no_container_outlives_a_killed_supervisor(
    place: ContainerPlace, network: str, name: str
) -> None:
    with supervisor(place, name, network=network) as containers:
        assert {f"/{each}" for each in containers} < set(place.survivors())
    place.await_end()
    assert place.survivors() == []


def test_no_container_outlives_a_killed_supervisor_behind_the_guard(place: ContainerPlace) -> None:
    with guarded_ranks(place) as guarded:
        names = ("engine", "data_volume", "user")
        changes = {name: getattr(guarded.containers, name) for name in names}
        with supervisor(place, "freeze", **changes) as containers:
            assert {f"/{each}" for each in containers} < set(place.survivors())
        place.await_end()
        # The next training removes their network.
        outcome = run(guarded)
        assert (outcome.attempts, result(place)["value"]) == (1, uninterrupted())
        assert place.survivors() == []


def test_next_training_removes_what_could_not_end_by_itself(place: ContainerPlace) -> None:
    with supervisor(place, "hang") as (paused, _):
        harm(paused, lambda container: container.pause())
    assert f"/{paused}" in place.survivors()
    outcome = run(place)
    assert (outcome.attempts, result(place)["value"]) == (1, uninterrupted())
    assert place.survivors() == []


def test_sweep_leaves_other_runs_and_other_data_roots_alone(
    place: ContainerPlace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with supervisor(place, "hang") as containers:
        before = place.survivors()
        assert replace(place, run_id="another").sweep() == []
        assert replace(place, directory=tmp_path_factory.mktemp("another")).sweep() == []
        assert sorted(before) == sorted(place.survivors())
        assert len(containers) == 2
    place.await_end()
    assert len(place.sweep()) == 1, "the network"
    assert place.survivors() == []
