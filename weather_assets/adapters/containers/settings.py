"""Where and how ranks run in containers. Nothing but the settings belongs here."""

from dataclasses import dataclass

from weather_assets.foundation.settings import Allowed, CheckedSettings, number, setting, text


def _ids_that_differ(value: object) -> bool:
    return isinstance(value, tuple) and len(set(value)) == len(value) and all(value)


_SECONDS = number(above=0)


@dataclass(frozen=True, kw_only=True)
class ContainerSettings(CheckedSettings):
    """Image, network, mounts and limits of rank containers."""

    image: str = setting("weather-assets-pytorch:latest", text("the name of an image", r"\S+"))
    """Must be in the engine already; it is never pulled, so that no registry is waited for."""
    python: str = setting("/opt/weather_assets/bin/python", text("an absolute path", r"/.*"))
    """Interpreter inside the image; the ranks and their guard run with it."""
    network: str = setting("", text("the name of a network", r"\S*"))
    """A network that exists and stays. Empty: one for each attempt, without a way out, which is
    removed after it; it stays until the next training where the supervisor was killed."""
    data_volume: str = setting("", text("the name of a volume", r"\S*"))
    """Named volume that holds the data root. Empty: the folder itself, which then must be one of
    the engine's machine, as it is not where the supervisor runs in a container."""
    user: str = setting("", text("a user, or user:group", r"([\w.-]+(:[\w.-]+)?)?"))
    """`uid:gid` of the ranks, who write into the data root. Empty: the supervisor's, so that what
    they write is its own; the image's where the supervisor is root."""
    cpus: float = setting(1.0, number(above=0))
    """Processors for each rank. Ranks compute with one thread, as `TrainingSettings` says."""
    memory: str = setting("4g", text("a size such as 512m or 4g", r"[1-9][0-9]*[kmgKMG]?"))
    """Most memory for each rank, without swap, as a number of bytes or with k, m or g."""
    gpus: tuple[str, ...] = setting(
        (), Allowed("ids that differ, between commas", _ids_that_differ)
    )
    """Ids of the engine's GPUs, one for each rank in their order. Empty: ranks compute on CPUs."""
    engine: str = setting("", text("a URL such as tcp://host:2375", r"([a-z]+://.+)?"))
    """URL of the engine. Empty: what DOCKER_HOST names, or this machine's socket."""
    engine_timeout_seconds: float = setting(20.0, _SECONDS)
    """Longest wait for one answer of the engine: to create and start a container takes 0.3 s, and
    many times that on a machine that is busy."""
    engine_patience_seconds: float = setting(30.0, _SECONDS)
    """How long an engine that did answer before may be away, as while it is restarted."""
