"""A guard before this machine's engine, and what it is to guard.

Belongs here: what tests of the guard on a real engine share. Does not belong here: any claim.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from weather_assets.engine_guard.bodies import USER
from weather_assets.engine_guard.settings import Stack, Volume
from weather_assets_tests.docker.container_place import ContainerPlace, docker_client
from weather_assets_tests.engine_guard.running import running_guard

ENGINE = Path("/var/run/docker.sock")


@contextmanager
def guarded_ranks(place: ContainerPlace) -> Generator[ContainerPlace]:
    """Yields a place whose ranks pass a guard; their folder is a volume, as in the stack."""
    volume = f"guarded-{place.run_id}"
    stack = Stack(
        name=volume,
        run_image=place.containers.image,
        rank_image=place.containers.image,
        networks=(f"{volume}-platform",),
        volumes=(Volume(volume, place.directory_there, read_only=False),),
    )
    folder = {"type": "none", "o": "bind", "device": place.directory_there}
    with docker_client() as client, running_guard(stack, ENGINE) as port:
        made = client.volumes.create(volume, driver_opts=folder)
        try:
            containers = replace(
                place.containers,
                engine=f"tcp://127.0.0.1:{port}",
                data_volume=volume,
                user=USER,
            )
            yield replace(place, containers=containers)
        finally:
            made.remove()
