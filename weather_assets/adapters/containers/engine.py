"""The connection to the Docker engine: reached in bounded time, or said to be unreachable.

Belongs here: connecting, patience with an engine that is away, and what its errors mean to a user.
Does not belong here: containers (`backend`).
"""

import os
from contextlib import suppress

import docker
import docker.errors
import requests

from weather_assets.adapters.containers.settings import ContainerSettings
from weather_assets.adapters.ranks.protocol import RankLaunchError
from weather_assets.foundation.waiting import WaitedTooLongError, wait_until

ENGINE_ERRORS = (docker.errors.DockerException, requests.RequestException, OSError)
"""What docker-py raises: its own errors, those of the library below, and those of a socket."""

_LOOK_SECONDS = 0.5
_DEFAULT_ENGINE = "unix:///var/run/docker.sock"


class ContainerEngine:
    """One engine, connected to when it is first asked for."""

    def __init__(self, settings: ContainerSettings) -> None:
        """Connects to nothing yet.

        Args:
            settings: where the engine is, and how long to wait for it.
        """
        self._settings = settings
        self._client: docker.DockerClient | None = None
        self._was_reached = False

    @property
    def address(self) -> str:
        """Its URL."""
        return self._settings.engine or os.environ.get("DOCKER_HOST") or _DEFAULT_ENGINE

    def client(self) -> docker.DockerClient:
        """Returns a client of an engine that has just answered.

        Raises:
            RankLaunchError: it does not answer; at once and for good where it never did, and else
                after `engine_patience_seconds`.
        """
        if self._was_reached:
            patience = self._settings.engine_patience_seconds
            with suppress(WaitedTooLongError):  # the last try, below, says why
                wait_until(self._answers, patience, "the engine", pause_seconds=_LOOK_SECONDS)
        try:
            return self._connect()
        except ENGINE_ERRORS as error:
            self.close()
            raise self._unreachable(error) from error

    def close(self) -> None:
        """Closes idle connections; the next `client` opens others."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _answers(self) -> bool:
        with suppress(*ENGINE_ERRORS):
            return bool(self._connect())
        self.close()
        return False

    def _connect(self) -> docker.DockerClient:
        if self._client is None:
            variables = {**os.environ, "DOCKER_HOST": self.address}
            timeout = self._settings.engine_timeout_seconds
            # Typed as whole seconds; fractions are passed on as they are.
            self._client = docker.from_env(environment=variables, timeout=timeout)  # pyright: ignore[reportArgumentType]
        self._client.ping()
        self._was_reached = True
        return self._client

    def _unreachable(self, error: BaseException) -> RankLaunchError:
        away = f" for {self._settings.engine_patience_seconds:g} s" if self._was_reached else ""
        message = (
            f"the Docker engine at {self.address} does not answer{away} ({_innermost(error)}): "
            "start it, or name another with DOCKER_HOST, or train in processes with "
            "WEATHER_ASSETS_RANKS=process"
        )
        return RankLaunchError(message, permanent=not self._was_reached)


def explanation(error: BaseException) -> str:
    """Returns what the engine said, without docker-py's repetition of the request."""
    said = getattr(error, "explanation", None)
    return str(said or error)


def _innermost(error: BaseException) -> str:
    """The cause at the bottom: docker-py and the libraries below it each wrap it once more."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return f"{type(error).__name__}: {error}"
