"""What a rank's container is made of: image, network, mounts, limits, labels, confinement.

Belongs here: the request that the engine gets, as plain values. Does not belong here: talking to
the engine (`backend`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker.types

from weather_assets.adapters.containers.leftovers import (
    DATA_LABEL,
    RANK_LABEL,
    RENDEZVOUS_LABEL,
    RUN_LABEL,
)
from weather_assets.adapters.containers.settings import ContainerSettings
from weather_assets.adapters.ranks.protocol import RankSpec
from weather_assets.foundation.process_guard import guarded_in_container

_HARDENING: Mapping[str, Any] = {
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "read_only": True,
    "tmpfs": {"/tmp": "rw,nosuid,nodev,mode=1777,size=256m"},  # noqa: S108 - the container's own
    "pids_limit": 512,
}
_SHARED_MEMORY = "256m"
"""Size of /dev/shm: NCCL needs more than the engine's 64 MiB, gloo none."""
_OUT_OF_MEMORY = (
    '{"event": "failed", "error": "out of memory: the kernel ended it at the memory limit of its '
    'container; give each rank more"}'
)
"""What a rank would say that the kernel gives no time to."""


def container_name(rank: int, identity: str) -> str:
    """Returns the name of a rank's container, which is its host name and its network alias too."""
    role = "pytorch-master" if rank == 0 else f"pytorch-worker-{rank}"
    return f"{role}-{identity}"


@dataclass(frozen=True, kw_only=True)
class ContainerPlan:
    """How the containers of one run are made."""

    settings: ContainerSettings
    """Image, network, mounts, limits."""
    data_root: Path
    """The folder that ranks read and write, at the same path inside."""
    run_id: str
    """Of the run that trains."""

    def labels(self, identity: str) -> dict[str, str]:
        """Returns the labels of all that belongs to an attempt."""
        return {
            RENDEZVOUS_LABEL: identity,
            DATA_LABEL: self.data_source,
            RUN_LABEL: self.run_id,
        }

    @property
    def data_source(self) -> str:
        """What the engine mounts as the data root."""
        return self.settings.data_volume or str(self.data_root)

    def network(self, identity: str) -> str:
        """Returns the name of an attempt's network."""
        return self.settings.network or f"pytorch-ranks-{identity}"

    def request(self, spec: RankSpec, image_id: str) -> Mapping[str, Any]:
        """Returns what the engine is asked for, as docker-py's `containers.create` takes it.

        Args:
            spec: of the rank.
            image_id: of the settings' image.
        """
        settings = self.settings
        identity = spec.rendezvous.identity
        name = container_name(spec.rank, identity)
        network = self.network(identity)
        command = guarded_in_container(settings.python, spec.command, _OUT_OF_MEMORY)
        return {
            "image": image_id,
            "entrypoint": command[:1],
            "command": command[1:],
            "name": name,
            "hostname": name,
            "environment": self._environment(spec),
            "labels": {**self.labels(identity), RANK_LABEL: str(spec.rank)},
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
            "OMP_NUM_THREADS": str(max(1, int(self.settings.cpus))),
            # The user need not be known in the image, nor the root be writable.
            "HOME": "/tmp",  # noqa: S108 - the container's own
            "USER": "rank",
            **spec.environment,
        }

    def _data_mount(self) -> docker.types.Mount:
        kind = "volume" if self.settings.data_volume else "bind"
        return docker.types.Mount(str(self.data_root), self.data_source, type=kind)

    def _devices(self, rank: int) -> list[docker.types.DeviceRequest]:
        if not self.settings.gpus:
            return []
        ids = [self.settings.gpus[rank]]
        return [docker.types.DeviceRequest(device_ids=ids, capabilities=[["gpu"]])]


def _own_user() -> str | None:
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else None
