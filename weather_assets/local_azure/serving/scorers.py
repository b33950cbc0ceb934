"""One instance of a deployment: a real azureml-inference-server-http process that is kept running.

Belongs here: starting, watching, restarting and ending the processes of one instance. Does not
belong here: which instances a deployment has (`pools`), or what they run (`provisioning`).
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

MARKER_VARIABLE = "LOCAL_AZURE_MARKER"
"""Marks the processes of one simulator, so that its next start can find what a kill left over."""
_GUARD = Path(__file__).with_name("scorer_guard.py")
_MAIN = Path(__file__).with_name("scorer_main.py")
_POLL_SECONDS = 0.1
_STOP_SECONDS = 3.0
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0
_STEADY_SECONDS = 60.0  # a process that lived this long starts the backoff anew
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """What one instance runs."""

    python: Path
    """Interpreter of the deployment's environment."""
    script: Path
    """Entry script."""
    app_root: Path
    """Folder of the deployment's code."""
    model_folder: Path | None
    """Folder that holds the registered model, or None."""
    variables: Mapping[str, str]
    """Environment variables of the deployment."""
    log: Path
    """File that the server writes to."""
    marker: str
    """Marks the processes as this simulator's (`Settings.marker`)."""

    def environment(self) -> dict[str, str]:
        """Returns the environment of the process: the deployment's, and nothing of the user's."""
        own = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        azure = {
            "AML_APP_ROOT": str(self.app_root),
            "AZUREML_APP_ROOT": str(self.app_root),
            "AZUREML_ENTRY_SCRIPT": str(self.script),
            "PYTHONUNBUFFERED": "1",
            "HOME": str(self.app_root.parent),
            MARKER_VARIABLE: self.marker,
        }
        if self.model_folder is not None:
            azure["AZUREML_MODEL_DIR"] = str(self.model_folder)
        return {**own, **self.variables, **azure}


@dataclass(slots=True)
class Scorer:
    """One instance. `run` keeps its process alive until `stop`."""

    spec: ScorerSpec
    http: aiohttp.ClientSession
    state: str = "starting"
    """`starting`, `ready`, `restarting` or `stopped`."""
    port: int = 0
    pid: int = 0
    restarts: int = 0
    exit_code: int | None = None
    """How the process last ended."""
    busy: int = 0
    """Requests that it is answering."""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at every end of the process, cleared at every start."""
    _process: asyncio.subprocess.Process | None = None
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to run."""
        self._task = asyncio.create_task(self._run(), name="scorer")

    async def wait_ready(self, seconds: float, attempts: int) -> bool:
        """Waits until it answers.

        Args:
            seconds: the longest to wait.
            attempts: how many processes may end before that.

        Returns:
            Whether it answers.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.ready.is_set() and self.restarts < attempts:  # noqa: ASYNC110 - two conditions
                    await asyncio.sleep(_POLL_SECONDS / 2)
        return self.ready.is_set()

    async def stop(self) -> None:
        """Ends the process with all it started, and does not start it again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.state = "stopped"
        self.ready.clear()
        await self._end()

    def kill(self) -> None:
        """Kills the process, as a crash would; it is started again after a pause."""
        if self._process is not None and self._process.returncode is None:
            _signal_group(self._process.pid, signal.SIGKILL)

    async def _run(self) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        while True:
            began = time.monotonic()
            process = await self._spawn()
            watching = asyncio.create_task(self._announce_ready())
            try:
                self.exit_code = await process.wait()
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            self.ready.clear()
            self.ended.set()
            self.state = "restarting"
            self.restarts += 1
            await self._end()
            if time.monotonic() - began > _STEADY_SECONDS:
                backoff = _FIRST_BACKOFF_SECONDS
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)

    async def _spawn(self) -> asyncio.subprocess.Process:
        self.port = _free_port()
        self.ended.clear()
        command = [sys.executable, "-I", "-S", str(_GUARD), str(self.spec.python), str(_MAIN)]
        arguments = ["--entry_script", str(self.spec.script), "--port", str(self.port)]
        with self.spec.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                *arguments,
                cwd=self.spec.app_root,
                env=self.spec.environment(),
                stdin=asyncio.subprocess.PIPE,  # the lifeline of the guard
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        self._process, self.pid = process, process.pid
        return process

    async def _announce_ready(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                timeout = aiohttp.ClientTimeout(total=2)
                url = f"http://127.0.0.1:{self.port}/"
                async with self.http.get(url, timeout=timeout) as response:
                    if response.status == 200:
                        self.state = "ready"
                        self.ready.set()
                        return
            await asyncio.sleep(_POLL_SECONDS)

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        _signal_group(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            _signal_group(process.pid, signal.SIGKILL)
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()


def sweep(marker: str) -> list[int]:
    """Ends the processes that an earlier run of the simulator left over.

    Args:
        marker: marks them, in their environment: numbers of processes alone are used again.

    Returns:
        The numbers of the processes that were ended.
    """
    left: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARKER_VARIABLE) == marker:
                left.append(process)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()  # checks the creation time: never a later process of the same number
    psutil.wait_procs(left, timeout=_STOP_SECONDS)
    return [process.pid for process in left]


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
