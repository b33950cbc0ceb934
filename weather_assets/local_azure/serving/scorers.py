"""One instance of a deployment: an inference server that is kept running.

Belongs here: starting, watching, restarting and ending the server of one instance, and finding what
a killed simulator left over. Does not belong here: how a server is run
(`foundation.inference_server`), which instances a deployment has (`pools`), or what they run
(`provisioning`).
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import aiohttp

from weather_assets.foundation.inference_server import InferenceServer, RunningServer
from weather_assets.foundation.marked_processes import end_marked

MARKER_VARIABLE = "LOCAL_AZURE_MARKER"
"""Marks the processes of one simulator, so that its next start can find what a kill left over."""
URL = "http://scorer"
"""Of any server, to its own `Scorer.http`."""
_POLL_SECONDS = 0.05
_STOP_SECONDS = 3.0
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0
_STEADY_SECONDS = 60.0  # a server that lived this long starts the backoff anew


@dataclass(slots=True)
class Scorer:
    """One instance. Its server is kept running from `start` until `stop`."""

    server: InferenceServer
    state: str = "starting"
    """`starting`, `ready`, `restarting` or `stopped`."""
    http: aiohttp.ClientSession | None = None
    """Asks the server that runs, at `URL`."""
    pid: int = 0
    restarts: int = 0
    exit_code: int | None = None
    """How the server last ended."""
    busy: int = 0
    """Requests that it is answering."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at every end of the server, cleared at every start."""
    _running: RunningServer | None = None
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to run."""
        self._task = asyncio.create_task(self._keep_running(), name="scorer")

    async def wait_ready(self, seconds: float, attempts: int) -> bool:
        """Waits until it answers.

        Args:
            seconds: the longest to wait.
            attempts: how many servers may end before that.

        Returns:
            Whether it answers.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.ready.is_set() and self.restarts < attempts:  # noqa: ASYNC110 - two conditions
                    await asyncio.sleep(_POLL_SECONDS)
        return self.ready.is_set()

    async def stop(self) -> None:
        """Ends the server with all it started, and does not start it again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.state = "stopped"
        self.ready.clear()
        await self._end()

    def kill(self) -> None:
        """Kills the server, as a crash would; it is started again after a pause."""
        if self._running is not None and self._running.exit_code() is None:
            self._running.kill()

    async def _keep_running(self) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        while True:
            began = time.monotonic()
            running = self._running = self.server.start()
            self.pid = running.pid
            self.http = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(str(running.socket), limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            )
            self.ended.clear()
            self.exit_code = await self._watch(running)
            self.ready.clear()
            self.ended.set()
            self.state = "restarting"
            self.restarts += 1
            await self._end()
            if time.monotonic() - began > _STEADY_SECONDS:
                backoff = _FIRST_BACKOFF_SECONDS
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)

    async def _watch(self, running: RunningServer) -> int:
        """Announces a server that is ready; returns the exit code when it ends."""
        while (code := running.exit_code()) is None:
            if not self.ready.is_set() and await asyncio.to_thread(running.answers):
                self.state = "ready"
                self.ready.set()
            await asyncio.sleep(_POLL_SECONDS)
        return code

    async def _end(self) -> None:
        if self.http is not None:
            await self.http.close()
        if self._running is not None:
            await asyncio.to_thread(self._running.end, _STOP_SECONDS)


def sweep(marker: str) -> list[int]:
    """Ends the processes that an earlier run of the simulator left over.

    Args:
        marker: marks them, in their environment: numbers of processes alone are used again.

    Returns:
        The numbers of the processes that were ended.
    """
    return end_marked({MARKER_VARIABLE: marker})
