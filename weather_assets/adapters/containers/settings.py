"""Where and how ranks run in containers. Nothing but the settings belongs here."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

PREFIX = "WEATHER_ASSETS_RANK_"
"""How the environment variables of these settings begin: WEATHER_ASSETS_RANK_IMAGE, and so on."""

_MEMORY = re.compile(r"[1-9]\d*[kmg]?", re.IGNORECASE)
_USER = re.compile(r"[\w.-]+(:[\w.-]+)?")


class ContainerSettingsError(ValueError):
    """A setting of rank containers cannot work. The message names it and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class ContainerSettings:
    """Image, network, mounts and limits of rank containers."""

    image: str = "weather-assets-pytorch:latest"
    """Must be in the engine already; it is never pulled, so that no registry is waited for."""
    python: str = "/opt/weather_assets/bin/python"
    """Interpreter inside the image; the ranks and their guard run with it."""
    network: str = ""
    """A network that exists and stays. Empty: one for each attempt, without a way out, which is
    removed after it; it stays until the next training where the supervisor was killed."""
    data_volume: str = ""
    """Named volume that holds the data root. Empty: the folder itself, which then must be one of
    the engine's machine, as it is not where the supervisor runs in a container."""
    user: str = ""
    """`uid:gid` of the ranks, who write into the data root. Empty: the supervisor's, so that what
    they write is its own; the image's where the supervisor is root."""
    cpus: float = 1.0
    """Processors for each rank. Ranks compute with one thread, as `TrainingSettings` says."""
    memory: str = "4g"
    """Most memory for each rank, without swap, as a number of bytes or with k, m or g."""
    gpus: tuple[str, ...] = ()
    """Ids of the engine's GPUs, one for each rank in their order. Empty: ranks compute on CPUs."""
    engine: str = ""
    """URL of the engine. Empty: what DOCKER_HOST names, or this machine's socket."""
    engine_timeout_seconds: float = 20.0
    """Longest wait for one answer of the engine: to create and start a container takes 0.3 s, and
    many times that on a machine that is busy."""
    engine_patience_seconds: float = 30.0
    """How long an engine that did answer before may be away, as while it is restarted."""

    def __post_init__(self) -> None:
        """Refuses what cannot work.

        Raises:
            ContainerSettingsError: names the setting, its value and what is allowed.
        """
        _require("image", self.image, "a name", fulfilled=bool(self.image.strip()))
        _require("python", self.python, "an absolute path", fulfilled=self.python.startswith("/"))
        whole = bool(_MEMORY.fullmatch(self.memory))
        _require("memory", self.memory, "such as 512m or 4g", fulfilled=whole)
        known = not self.user or bool(_USER.fullmatch(self.user))
        _require("user", self.user, "a user, or user:group", fulfilled=known)
        different = len(set(self.gpus)) == len(self.gpus) and all(self.gpus)
        _require("gpus", self.gpus, "ids that differ", fulfilled=different)
        for name in ("cpus", "engine_timeout_seconds", "engine_patience_seconds"):
            value = getattr(self, name)
            _require(name, value, "above 0", fulfilled=math.isfinite(value) and value > 0)

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Self:
        """Returns the settings that the variables name; those unset or empty have their default.

        Args:
            variables: such as `os.environ`: WEATHER_ASSETS_RANK_IMAGE, _PYTHON, _NETWORK,
                _DATA_VOLUME, _USER, _CPUS, _MEMORY, and _GPUS with ids between commas.

        Raises:
            ContainerSettingsError: names the setting, its value and what is allowed.
        """
        names = ("image", "python", "network", "data_volume", "user", "memory")
        given = {name: variables.get(PREFIX + name.upper(), "") for name in names}
        chosen: dict[str, object] = {name: value for name, value in given.items() if value}
        if cpus := variables.get(f"{PREFIX}CPUS"):
            try:
                chosen["cpus"] = float(cpus)
            except ValueError:
                _require("cpus", cpus, "a number above 0", fulfilled=False)
        if gpus := variables.get(f"{PREFIX}GPUS"):
            chosen["gpus"] = tuple(each.strip() for each in gpus.split(","))
        return cls(**chosen)  # pyright: ignore[reportArgumentType] - each as its field


def _require(name: str, value: object, allowed: str, *, fulfilled: bool) -> None:
    if not fulfilled:
        raise ContainerSettingsError(f"rank container setting {name} = {value!r} must be {allowed}")
