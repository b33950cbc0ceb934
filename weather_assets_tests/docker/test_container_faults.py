"""Faults that only containers have: done to them, to their network, or by their limits."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from weather_assets.adapters.ranks.watch import FailureCause
from weather_assets_tests.adapters.ranks.gang_contract import (
    STEPS,
    Told,
    fault,
    result,
    run,
    uninterrupted,
)
from weather_assets_tests.docker.container_place import ContainerPlace, Saboteur, docker_client


def leave_network(container: Any) -> None:
    (network,) = container.attrs["NetworkSettings"]["Networks"]
    with docker_client() as client:
        client.networks.get(network).disconnect(container)


HARMS = [
    # rank, what happens to its container, cause, words of the reason
    (0, lambda it: it.kill(), FailureCause.KILLED, "was killed by signal 9, SIGKILL"),
    (1, lambda it: it.kill(), FailureCause.KILLED, "was killed by signal 9, SIGKILL"),
    (1, lambda it: it.pause(), FailureCause.FROZEN, "froze: nothing was heard from it"),
    (1, lambda it: it.remove(force=True), FailureCause.KILLED, "was killed by signal 9, SIGKILL"),
    (1, leave_network, FailureCause.NO_PROGRESS, "made no progress"),
]


@pytest.mark.parametrize(
    ("rank", "how", "cause", "words"),
    HARMS,
    ids=["kill-0", "kill-1", "pause", "remove", "network-cut"],
)
def test_recovers_from_what_is_done_to_a_container(
    place: ContainerPlace,
    rank: int,
    how: Callable[[Any], object],
    cause: FailureCause,
    words: str,
) -> None:
    began = time.monotonic()
    outcome = run(place, told=Saboteur(rank, how, step=3), step_seconds=0.1)
    assert time.monotonic() - began < place.bound_seconds
    (failure,) = outcome.failures
    assert (failure.cause, failure.rank) == (cause, rank) or how is leave_network
    assert words in failure.reason
    assert result(place) == {"step": STEPS, "value": uninterrupted()}
    assert place.survivors() == []


def test_rank_out_of_memory_is_named(place: ContainerPlace) -> None:
    backend = place.backend(memory="64m")
    outcome = run(place, fault("exhaust_memory", rank=1), backend=backend)
    (failure,) = outcome.failures
    assert (failure.rank, failure.cause) == (1, FailureCause.OUT_OF_MEMORY)
    assert "out of memory: the kernel ended it at the memory limit" in failure.reason
    assert result(place)["value"] == uninterrupted()
    assert place.survivors() == []


def test_three_ranks_are_a_gang_too(place: ContainerPlace) -> None:
    told = Told()
    outcome = run(
        place, fault("kill", rank=2), told=told, settings=replace(place.settings, world_size=3)
    )
    assert [(each.rank, each.cause) for each in outcome.failures] == [(2, FailureCause.KILLED)]
    names = [str(report.description["container"]) for report in outcome.ranks]
    identity = names[0].removeprefix("pytorch-master-")
    assert names[1:] == [f"pytorch-worker-1-{identity}", f"pytorch-worker-2-{identity}"]
    assert result(place)["value"] == uninterrupted()
    assert place.survivors() == []
