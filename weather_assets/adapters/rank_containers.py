"""Ranks as containers of a Docker engine: one backend of the gang launcher.

Belongs here: what a rank's container is made of: image, network, mounts, limits, labels. Does not
belong here: listening to it and ending it (`container_handle`), ending it when its supervisor is
gone (`container_guard`), removing leftovers (`container_leftovers`), deciding that a rank has
failed (`rank_watch`).
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker
import docker.errors
import docker.types
from docker.models.containers import Container

from weather_assets.adapters.container_engine import ENGINE_ERRORS, ContainerEngine, explanation
from weather_assets.adapters.container_guard import guarded
from weather_assets.adapters.container_handle import RankContainer
from weather_assets.adapters.container_leftovers import (
    DATA_LABEL,
    RANK_LABEL,
    RENDEZVOUS_LABEL,
    RUN_LABEL,
    remove_attempt,
    sweep,
)
from weather_assets.adapters.container_settings import ContainerSettings
from weather_assets.adapters.rank_protocol import (
    RankLaunchError,
    RankSpec,
    Rendezvous,
)

MASTER_PORT = 29500
"""Rank 0's port, the same each time: every attempt has another rank 0, under another name."""

_HARDENING: Mapping[str, Any] = {
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "read_only": True,
    "tmpfs": {"/tmp": "rw,nosuid,nodev,mode=1777,size=256m"},  # noqa: S108 - the container's own
    "pids_limit": 512,
}
_SHARED_MEMORY = "256m"
"""Size of /dev/shm: NCCL needs more than the engine's 64 MiB, gloo none."""


def container_name(rank: int, identity: str) -> str:
    """Returns the name of a rank's container, which is its host name and its network alias too."""
    role = "pytorch-master" if rank == 0 else f"pytorch-worker-{rank}"
    return f"{role}-{identity}"


class ContainerBackend:
    """Starts ranks in containers. Implements `RankBackend`."""

    def __init__(
        self,
        settings: ContainerSettings,
        *,
        data_root: Path,
        run_id: str,
        run_is_over: Callable[[str], bool],
    ) -> None:
        """Connects to nothing yet.

        Args:
            settings: image, network, mounts, limits.
            data_root: the folder that ranks read and write, at the same path inside.
            run_id: of the run that trains, for labels.
            run_is_over: says of another run's id whether nobody can be training for it any more:
                what such a run left is removed before the first attempt.
        """
        self._settings = settings
        self._data_root = data_root
        self._run_id = run_id
        self._run_is_over = run_is_over
        self._engine = ContainerEngine(settings)
        self._engine_name = ""
        self._image_id = ""
        self._image_digest = ""

    @property
    def python(self) -> str:
        """See `RankBackend.python`."""
        return self._settings.python

    def prepare(self, identity: str) -> Rendezvous:
        """See `RankBackend.prepare`: the name of rank 0's container, on a network of the ranks."""
        client = self._engine.client()
        try:
            if not self._image_id:
                # Of this run there can be something too, from a step that was killed.
                sweep(
                    client,
                    self._data_source,
                    lambda run: run == self._run_id or self._run_is_over(run),
                )
                self._engine_name = client.info()["Name"]
                self._find_image(client)
            self._provide_network(client, identity)
        except ENGINE_ERRORS as error:
            raise RankLaunchError(f"the Docker engine refused: {explanation(error)}") from error
        return Rendezvous(identity, container_name(0, identity), MASTER_PORT)

    def _find_image(self, client: docker.DockerClient) -> None:
        """All attempts run the same image, also if its name moves on meanwhile."""
        name = self._settings.image
        try:
            image = client.images.get(name)
        except docker.errors.ImageNotFound as error:
            message = (
                f"the Docker engine at {self._engine.address} has no image {name}: build it, or "
                "name another with WEATHER_ASSETS_RANK_IMAGE"
            )
            raise RankLaunchError(message, permanent=True) from error
        self._image_id = str(image.id)
        # An image that was built here and never published has no digest but its id.
        published = image.attrs.get("RepoDigests") or [f"@{image.id}"]
        self._image_digest = published[0].partition("@")[2]

    def _provide_network(self, client: docker.DockerClient, identity: str) -> None:
        if not self._settings.network:
            client.networks.create(
                _own_network(identity), internal=True, labels=self._labels(identity)
            )
            return
        try:
            client.networks.get(self._settings.network)
        except docker.errors.NotFound as error:
            message = (
                f"the Docker engine at {self._engine.address} has no network "
                f"{self._settings.network}: make it with docker network create, or leave "
                "WEATHER_ASSETS_RANK_NETWORK unset"
            )
            raise RankLaunchError(message, permanent=True) from error

    def launch(self, spec: RankSpec) -> RankContainer:
        """See `RankBackend.launch`."""
        if self._settings.gpus and spec.world_size > len(self._settings.gpus):
            message = (
                f"{spec.world_size} ranks need as many GPUs; WEATHER_ASSETS_RANK_GPUS names "
                f"{len(self._settings.gpus)}"
            )
            raise RankLaunchError(message, permanent=True)
        try:
            container = self._engine.client().containers.create(**self._container(spec))
            return RankContainer(container, self._description(spec, container))
        except ENGINE_ERRORS as error:
            message = f"the Docker engine refused its container: {explanation(error)}"
            raise RankLaunchError(message) from error

    def _container(self, spec: RankSpec) -> Mapping[str, Any]:
        """What the engine is asked for."""
        settings = self._settings
        identity = spec.rendezvous.identity
        name = container_name(spec.rank, identity)
        network = settings.network or _own_network(identity)
        command = guarded(settings.python, spec.command)
        return {
            "image": self._image_id,
            "entrypoint": command[:1],
            "command": command[1:],
            "name": name,
            "hostname": name,
            "environment": self._environment(spec),
            "labels": {**self._labels(identity), RANK_LABEL: str(spec.rank)},
            "user": settings.user or _own_user(),
            "network": network,
            "networking_config": {network: docker.types.EndpointConfig("1.41", aliases=[name])},
            "mounts": [self._data_mount()],
            "stdin_open": True,  # its end is the guard's sign
            "auto_remove": True,
            "init": True,
            "nano_cpus": int(settings.cpus * 1e9),
            "mem_limit": settings.memory,
            "memswap_limit": settings.memory,
            "shm_size": _SHARED_MEMORY,
            "device_requests": self._devices(spec.rank),
            **_HARDENING,
        }

    def _environment(self, spec: RankSpec) -> dict[str, str]:
        """Nothing of the supervisor's own, which knows secrets that are no business of a rank."""
        return {
            # One rank for each machine, as far as the rank can see.
            "LOCAL_RANK": "0",
            "LOCAL_WORLD_SIZE": "1",
            "NODE_RANK": str(spec.rank),
            "OMP_NUM_THREADS": str(max(1, int(self._settings.cpus))),
            # The user need not be known in the image, nor the root be writable.
            "HOME": "/tmp",  # noqa: S108 - the container's own
            "USER": "rank",
            **spec.environment,
        }

    def _labels(self, identity: str) -> dict[str, str]:
        return {
            RENDEZVOUS_LABEL: identity,
            DATA_LABEL: self._data_source,
            RUN_LABEL: self._run_id,
        }

    @property
    def _data_source(self) -> str:
        """What the engine mounts as the data root."""
        return self._settings.data_volume or str(self._data_root)

    def _data_mount(self) -> docker.types.Mount:
        kind = "volume" if self._settings.data_volume else "bind"
        return docker.types.Mount(str(self._data_root), self._data_source, type=kind)

    def _devices(self, rank: int) -> list[docker.types.DeviceRequest]:
        if not self._settings.gpus:
            return []
        ids = [self._settings.gpus[rank]]
        return [docker.types.DeviceRequest(device_ids=ids, capabilities=[["gpu"]])]

    def _description(self, spec: RankSpec, container: Container) -> Mapping[str, str]:
        settings = self._settings
        gpu = {"gpu": settings.gpus[spec.rank]} if settings.gpus else {}
        return {
            "backend": "docker",
            "engine": self._engine_name,
            "container": str(container.name),
            "container_id": container.short_id,
            "image": settings.image,
            "image_digest": self._image_digest,
            "cpus": f"{settings.cpus:g}",
            "memory": settings.memory,
            **gpu,
        }

    def clean_up(self, rendezvous: Rendezvous) -> None:
        """See `RankBackend.clean_up`; an engine that is away is waited for."""
        try:
            remove_attempt(self._engine.client(), rendezvous.identity)
        except ENGINE_ERRORS as error:
            message = f"what is left of attempt {rendezvous.identity}: {explanation(error)}"
            raise RuntimeError(message) from error
        finally:
            self._engine.close()


def _own_network(identity: str) -> str:
    return f"pytorch-ranks-{identity}"


def _own_user() -> str | None:
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else None
