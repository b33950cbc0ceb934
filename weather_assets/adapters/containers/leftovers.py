"""Removes what belongs to rank containers by the labels that it carries.

Belongs here: the labels, and ending by force all that carries one. Does not belong here: making
containers and networks (`backend`).

Containers end by themselves when their supervisor is gone (`guard`), and the engine
removes them. Left are those that could not: never started, or paused by hand; and networks.
"""

from collections.abc import Callable
from contextlib import suppress

import docker
import docker.errors

from weather_assets.foundation.waiting import WaitedTooLongError, wait_until

RENDEZVOUS_LABEL = "weather_assets.rendezvous"
"""Label with the attempt's id, on containers and networks."""
RANK_LABEL = "weather_assets.rank"
"""Label with the rank's number, on containers."""
DATA_LABEL = "weather_assets.data_root"
"""Label with what is mounted as the data root, on containers and networks: only trainings in the
same one know of one another's runs."""
RUN_LABEL = "dagster/run_id"
"""Label with the id of the run that trains; dagster-docker labels its own containers with it too,
so what is removed must also carry the label of an attempt."""

REMOVAL_SECONDS = 20.0


def remove_attempt(client: docker.DockerClient, identity: str) -> None:
    """Ends and removes all containers and networks of an attempt; safe to repeat.

    Args:
        client: of the engine.
        identity: the attempt's id.

    Raises:
        RuntimeError: something is still there after `REMOVAL_SECONDS`.
    """
    _remove(client, [f"{RENDEZVOUS_LABEL}={identity}"])


def sweep(
    client: docker.DockerClient, data_root: str, run_is_over: Callable[[str], bool]
) -> list[str]:
    """Ends and removes what runs left that are over: their supervisor was killed.

    Args:
        client: of the engine.
        data_root: whose runs; another data root's are not touched.
        run_is_over: says of a run's id whether nobody can be training for it any more.

    Returns:
        The names of what was there.

    Raises:
        RuntimeError: something is still there after `REMOVAL_SECONDS`.
    """
    own = [RENDEZVOUS_LABEL, f"{DATA_LABEL}={data_root}"]
    containers, networks = _left(client, own)
    runs = {each["Labels"][RUN_LABEL] for each in (*containers, *networks)}
    swept: list[str] = []
    for run in sorted(filter(run_is_over, runs)):
        labels = [*own, f"{RUN_LABEL}={run}"]
        swept += _names(client, labels)
        _remove(client, labels)
    return swept


def _left(client: docker.DockerClient, labels: list[str]) -> tuple[list[dict], list[dict]]:
    filters = {"label": labels}
    return (
        client.api.containers(all=True, filters=filters),
        client.api.networks(filters=filters),
    )


def _names(client: docker.DockerClient, labels: list[str]) -> list[str]:
    containers, networks = _left(client, labels)
    return [each["Names"][0].lstrip("/") for each in containers] + [
        each["Name"] for each in networks
    ]


def _remove(client: docker.DockerClient, labels: list[str]) -> None:
    def gone() -> bool:
        containers, networks = _left(client, labels)
        for container in containers:
            # Gone meanwhile, or being removed: the next look tells.
            with suppress(docker.errors.APIError):
                client.api.remove_container(container["Id"], force=True, v=True)
        for network in networks if not containers else ():
            with suppress(docker.errors.APIError):
                client.api.remove_network(network["Id"])
        return not containers and not networks

    try:
        wait_until(gone, REMOVAL_SECONDS, "the Docker engine to remove them")
    except WaitedTooLongError as error:
        message = (
            f"the Docker engine does not remove {', '.join(_names(client, labels))}: look at "
            "its log, remove them with docker rm --force or docker network rm, then run again"
        )
        raise RuntimeError(message) from error
