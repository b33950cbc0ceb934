"""One rank's container, as the supervisor holds it: listens to it, signals it, learns of its end.

Belongs here: the connections to one container. Does not belong here: what the container is made of
(`backend`).

Containers are made with `auto_remove`: a supervisor that was killed removes nothing, the engine
does. Their exit code and last lines are known all the same, because the supervisor has attached to
the output, and asked to be told of the end, before it starts the container. Only the state that
would tell an end for want of memory is gone with the container, so its guard says that.
"""

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import docker.utils.socket
import requests
from docker.models.containers import Container

from weather_assets.adapters.containers.engine import ENGINE_ERRORS
from weather_assets.adapters.containers.output import LineSplitter
from weather_assets.adapters.ranks.protocol import QUEUED_LINES, OutputLine, Stream, drained

ENGINE_FAILED = 125
"""Exit code for "the engine was lost", as docker run's own."""
STREAMS = {
    docker.utils.socket.STDOUT: Stream.OUTPUT,
    docker.utils.socket.STDERR: Stream.ERROR,
}


class RankContainer:
    """One rank: a container that runs `guard`. Implements `RankHandle`."""

    def __init__(self, container: Container, description: Mapping[str, str]) -> None:
        """Attaches to the container, then starts it.

        Args:
            container: created, not started.
            description: what `describe` returns.

        Raises:
            docker.errors.DockerException: it could not be started, as any of `ENGINE_ERRORS`.
        """
        self._container = container
        self._description = description
        self._lines: queue.Queue[OutputLine] = queue.Queue(QUEUED_LINES)
        self._code: int | None = None
        self._output, self._end = _attach(container)
        try:
            container.start()
        except BaseException:
            self._detach()
            raise
        threading.Thread(target=self._read, daemon=True, name=container.name).start()

    def _read(self) -> None:
        try:
            self._read_lines()
            # All output has come, so the container has ended, and is about to be removed.
            code = int(self._end.json()["StatusCode"])
        except (*ENGINE_ERRORS, ValueError, KeyError) as error:
            # Whatever became of it: its input has ended too, and its guard ends it.
            self._put(f"the Docker engine was lost ({type(error).__name__})", Stream.ERROR)
            code = ENGINE_FAILED
        finally:
            self._detach()
        self._code = code

    def _read_lines(self) -> None:
        splitters = {number: LineSplitter() for number in STREAMS}
        for number, data in docker.utils.socket.frames_iter(self._output, tty=False):
            for line in splitters[number].feed(data):
                self._put(line, STREAMS[number])
        for number, splitter in splitters.items():
            for line in splitter.end():
                self._put(line, STREAMS[number])

    def _put(self, line: str, stream: Stream) -> None:
        self._lines.put(OutputLine(line, stream, time.monotonic()))

    def _detach(self) -> None:
        _close(self._output)
        self._end.close()

    def poll(self) -> int | None:
        """See `RankHandle.poll`."""
        return self._code

    def drain(self) -> Sequence[OutputLine]:
        """See `RankHandle.drain`."""
        return drained(self._lines)

    def terminate(self) -> None:
        """See `RankHandle.terminate`."""
        self._signal("SIGTERM")

    def kill(self) -> None:
        """See `RankHandle.kill`."""
        self._signal("SIGKILL")

    def _signal(self, name: str) -> None:
        if self._code is None:
            # Ended meanwhile, or the engine is away: `poll` or `clean_up` will tell.
            with suppress(*ENGINE_ERRORS):
                self._container.kill(signal=name)

    def describe(self) -> Mapping[str, str]:
        """See `RankHandle.describe`."""
        return self._description


def _attach(container: Container) -> tuple[Any, requests.Response]:
    """Returns a container's connected streams, and the engine's word on its end, still to come."""
    api = container.client.api  # pyright: ignore[reportOptionalMemberAccess] - made by one
    streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    output = api.attach_socket(str(container.id), params=streams)
    # APIClient.wait returns only at the end, when the request may have come too late. The headers
    # of this one say that the engine has taken it.
    url = f"{api.base_url}/v{api.api_version}/containers/{container.id}/wait"
    try:
        end = api.post(url, params={"condition": "removed"}, stream=True)
        end.raise_for_status()
    except BaseException:
        _close(output)
        raise
    return output, end


def _close(output: Any) -> None:
    """Closes a container's streams, so that its input ends."""
    # docker-py hands out a reader of the connection's socket, and keeps the response in it, which
    # must be closed first.
    for each in (getattr(output, "_response", None), output):
        with suppress(*ENGINE_ERRORS):
            if each is not None:
                each.close()
