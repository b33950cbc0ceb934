"""Ranks in containers of a real engine, for the shared fault matrix, and how to harm them.

Belongs here: what several container tests need. Does not belong here: any claim about ranks.
"""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import docker
import psutil

from weather_assets.adapters.containers.backend import ContainerBackend
from weather_assets.adapters.containers.handle import RankContainer
from weather_assets.adapters.containers.leftovers import RENDEZVOUS_LABEL, RUN_LABEL, sweep
from weather_assets.adapters.containers.settings import ContainerSettings
from weather_assets.adapters.ranks.protocol import RankEvent, RankSpec
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.adapters.ranks import fake_rank

IMAGE_VARIABLE = "WEATHER_ASSETS_PYTORCH_IMAGE"
PYTHON_VARIABLE = "WEATHER_ASSETS_PYTORCH_PYTHON"
"""Only for an image whose interpreter is not where `ContainerSettings` expects it."""

QUICK = GangSettings(
    start_timeout_seconds=6.0,
    heartbeat_timeout_seconds=1.5,
    progress_timeout_seconds=2.0,
    stop_grace_seconds=0.5,
    attribution_seconds=0.5,
    max_relaunches=1,
    poll_seconds=0.02,
)

OWN_NETWORK = "pytorch-ranks-"
"""How the name of an attempt's own network begins."""

OCCUPY = """
import os, socket, sys
other = socket.create_server(("", int(os.environ["MASTER_PORT"])))
other.set_inheritable(True)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Leaves a listener on rank 0's port to the program that it becomes."""


def settings_of_tests() -> ContainerSettings:
    """Settings for the image under test.

    Raises:
        RuntimeError: the environment names no image; the tests cannot run without.
    """
    image = os.environ.get(IMAGE_VARIABLE)
    if not image:
        raise RuntimeError(f"{IMAGE_VARIABLE} names no image: run these tests by make docker-test")
    python = os.environ.get(PYTHON_VARIABLE) or ContainerSettings().python
    return ContainerSettings(image=image, python=python, user="1000:1000", memory="1g")


class PortTakenOnce(ContainerBackend):
    """In the first rank 0's container another program listens on its port."""

    done = False

    def launch(self, spec: RankSpec) -> RankContainer:
        if spec.rank == 0 and not self.done:
            self.done = True
            spec = replace(spec, command=(self.python, "-c", OCCUPY, *spec.command))
        return super().launch(spec)


@dataclass
class ContainerPlace:
    """Ranks in containers that share one folder of this machine."""

    directory: Path
    run_id: str
    containers: ContainerSettings
    settings: GangSettings = QUICK
    bound_seconds: float = 25.0

    @classmethod
    def at(cls, directory: Path) -> "ContainerPlace":
        """Prepares a folder that the ranks, who are nobody here, can write."""
        directory.chmod(0o777)
        shutil.copyfile(fake_rank.__file__, directory / "fake_rank.py")
        return cls(directory, f"{directory.parent.name}-{directory.name}", settings_of_tests())

    @property
    def command(self) -> tuple[str, ...]:
        return (self.containers.python, f"{self.directory}/fake_rank.py")

    @property
    def directory_there(self) -> str:
        return str(self.directory)

    def backend(
        self, *, kind: type[ContainerBackend] = ContainerBackend, **changes: Any
    ) -> ContainerBackend:
        """A backend of this kind, with some container settings changed."""
        return kind(
            replace(self.containers, **changes),
            data_root=self.directory,
            run_id=self.run_id,
            run_is_over=never,
        )

    def backend_with_first_port_taken(
        self,
    ) -> tuple[ContainerBackend, AbstractContextManager[object]]:
        return self.backend(kind=PortTakenOnce), nullcontext()

    def survivors(self) -> list[str]:
        """Containers and networks of this test's run, and ranks among this machine's processes."""
        with docker_client() as client:
            filters = {"label": [RENDEZVOUS_LABEL, f"{RUN_LABEL}={self.run_id}"]}
            found = [each["Names"][0] for each in client.api.containers(all=True, filters=filters)]
            found += [each["Name"] for each in client.api.networks(filters=filters)]
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if self.command[1] in process.cmdline():
                    found.append(f"process {process.pid}")
        return found

    def await_end(self) -> None:
        """Waits until containers and ranks have ended by themselves; their network may be left."""

        def ended() -> bool:
            return all(name.startswith(OWN_NETWORK) for name in self.survivors())

        wait_until(ended, 10, "containers and ranks to end")

    def sweep(self) -> list[str]:
        """Removes what is left, as the next training in this data root does."""
        with docker_client() as client:
            return sweep(client, self.directory_there, lambda run_id: run_id == self.run_id)


def never(run_id: str) -> bool:
    """No run of others is over, so that tests leave one another's containers alone."""
    del run_id
    return False


def docker_client() -> AbstractContextManager[docker.DockerClient]:
    """A client of the engine, to harm containers with."""
    return _Client()


class _Client(AbstractContextManager[docker.DockerClient]):
    def __enter__(self) -> docker.DockerClient:
        self._client = docker.from_env(timeout=20)
        return self._client

    def __exit__(self, *exception: object) -> None:
        self._client.close()


def harm(container: str, how: Callable[[Any], object]) -> None:
    """Does something to a container from outside, by its name."""
    with docker_client() as client:
        how(client.containers.get(container))


@dataclass
class Saboteur:
    """Does something to one rank's container when the first attempt is well into it."""

    rank: int
    how: Callable[[Any], object]
    step: int
    """At which the harm is done, or soon after."""
    containers: list[str] = field(default_factory=list[str])
    done: bool = False

    def __call__(self, event: RankEvent) -> None:
        if event.name == "launched":
            self.containers.append(str(event.fields["container"]))
        if self.done or event.name != "heartbeat":
            return
        if int(str(event.fields["step"])) >= self.step:
            self.done = True
            harm(self.containers[self.rank], self.how)
