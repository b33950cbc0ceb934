"""Running the simulator in the background: start, stop, and telling whether it runs.

Belongs here: the server's process and its files. Does not belong here: what it answers (`control`),
or the server itself (`server`).
"""

import contextlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from filelock import FileLock, Timeout

from weather_assets.foundation.child_environment import (
    INSTALLATION,
    NETWORK,
    SYSTEM,
    inherited,
    python_settings,
)
from weather_assets.foundation.log_files import tail_of
from weather_assets.foundation.loopback import LOOPBACK
from weather_assets.foundation.waiting import Found, WaitedTooLongError, wait_until
from weather_assets.local_azure.azure.errors import LocalAzureError
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.control import Control
from weather_assets.local_azure.environment_file import read_environment, without
from weather_assets.local_azure.server import RUNNING_FILE
from weather_assets.local_azure.serving.scorers import sweep

COMMAND = (sys.executable, "-P", "-m", "weather_assets.local_azure")
"""The command `local-azure`. Files of the current folder are no modules of ours."""
START_SECONDS = 180.0
STOP_SECONDS = 30.0
SERVER_LOG = "server.log"
_LOCK_FILE = "start.lock"
_LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Running:
    """A simulator that runs."""

    pid: int
    created: float
    """Creation time of its process, as psutil gives it: tells it from a later one of its number."""
    url: str
    """Address of the control port."""
    token: str
    """Control token."""
    state: str = ""
    """Where its state folder was when it started."""
    folder: int = 0
    """That folder's number in its file system: a copy has another, and a moved folder the same."""

    @property
    def is_here(self) -> bool:
        """Whether it is a process of this machine, and not one of another container."""
        return urlsplit(self.url).hostname == LOOPBACK


def running(state: Path) -> Running | None:
    """Returns the simulator that serves a state folder, or None.

    A file left over by a killed one does not count, nor another process of the same number, nor the
    simulator of a folder that this one is a copy of.
    """
    try:
        found = Running(**json.loads((state / RUNNING_FILE).read_text("utf-8")))
    except FileNotFoundError:
        return None
    return found if found.folder == state.stat().st_ino and _alive(found) else None


def start(state: Path, *, timeout: float = START_SECONDS, **options: Any) -> dict[str, str]:
    """Starts a simulator in the background and waits until it serves; one that runs is left alone.

    Args:
        state: its state folder; made, with settings, where it is missing.
        timeout: seconds to wait, until deployments of an earlier run serve again.
        options: fields of `Settings` to set; None leaves one as it is.

    Returns:
        The variables of its environment file.

    Raises:
        LocalAzureError: if it does not come up, or runs with other options.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = state.resolve()
    deadline = time.monotonic() + timeout
    try:
        with FileLock(state / _LOCK_FILE, timeout=timeout):
            _start(state, deadline, options)
    except Timeout:
        raise LocalAzureError(
            f"{state}: another start has not finished within {timeout:g} s; look at {SERVER_LOG}"
        ) from None
    return read_environment(state)


def stop(state: Path) -> bool:
    """Stops a simulator with all its processes; its state stays.

    Returns:
        Whether it ran.

    Raises:
        LocalAzureError: if it runs in another container.
    """
    state = state.resolve()
    found = running(state)
    if found is not None and not found.is_here:
        raise LocalAzureError(f"{state}: Local Azure runs at {found.url}; stop it there")
    if found is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGTERM)
        try:
            _await_end(found)
        except WaitedTooLongError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
            _await_end(found)
    settings = Settings.load(state)
    if settings is not None:
        sweep(settings.marker(state))
    (state / RUNNING_FILE).unlink(missing_ok=True)
    return found is not None


def control(state: Path) -> Control:
    """Returns the control of the simulator that serves a state folder.

    Raises:
        LocalAzureError: if none does.
    """
    found = running(state.resolve())
    if found is None:
        raise LocalAzureError(
            f"{state}: Local Azure does not run on this folder; start it with "
            f"`local-azure start --state {shlex.quote(str(state))}`"
        )
    return Control(found.url, found.token)


def _start(state: Path, deadline: float, options: dict[str, Any]) -> None:
    found = running(state)
    if found is not None and found.is_here and found.state != str(state):
        stop(state)  # it goes on at the place that the folder was moved from
        found = None
    settings = _settings(state, options, changeable=found is None)
    if found is None:
        if not settings.is_for_this_machine:
            raise LocalAzureError(
                f"{state}: Local Azure does not answer at {settings.reached_as}, where this folder "
                "is served; start it there"
            )
        settings.save(state)
        (state / RUNNING_FILE).unlink(missing_ok=True)
        pid = _spawn(state)

        def up() -> Running | None:
            found = running(state)
            if found is None and _exited(pid):
                raise LocalAzureError(f"{state}: Local Azure did not start:\n{_tail(state)}")
            return found

        found = _await(state, up, deadline)
    client = Control(found.url, found.token)
    _await(state, lambda: not client.status()["restoring"], deadline)


def _settings(state: Path, options: dict[str, Any], *, changeable: bool) -> Settings:
    old = Settings.load(state)
    if old is None:
        return Settings.generate(**options)
    new = old.replace(**options)
    if new != old and not changeable:
        before, after = asdict(old), asdict(new)
        changed = [f"{key}={before[key]!r}" for key in before if before[key] != after[key]]
        raise LocalAzureError(
            f"{state}: Local Azure runs with {', '.join(changed)}; stop it before changing that"
        )
    return new


def _spawn(state: Path) -> int:
    """Starts the server in a session of its own; unlike a Popen object, it may outlive us."""
    logs = state / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    command = [*COMMAND, "serve", "--state", str(state)]
    log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        command[0],
        command,
        {
            **inherited(without(state), *SYSTEM, *NETWORK, *INSTALLATION, "LOCAL_AZURE_*"),
            **python_settings(),
        },
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(logs / SERVER_LOG), log, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _exited(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    return not psutil.pid_exists(pid)


def _alive(found: Running) -> bool:
    if not found.is_here:
        try:
            Control(found.url, found.token).status()
        except LocalAzureError:
            return False
        return True
    with contextlib.suppress(ChildProcessError):
        os.waitpid(found.pid, os.WNOHANG)  # where it is our child, it must not stay a zombie
    try:
        process = psutil.Process(found.pid)
        same = abs(process.create_time() - found.created) < 1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _await(state: Path, look: Callable[[], Found | None], deadline: float) -> Found:
    try:
        return wait_until(look, deadline - time.monotonic(), "Local Azure")
    except WaitedTooLongError:
        raise LocalAzureError(
            f"{state}: Local Azure is not ready in time:\n{_tail(state)}"
        ) from None


def _await_end(found: Running) -> None:
    wait_until(lambda: not _alive(found), STOP_SECONDS, f"process {found.pid} to end")


def _tail(state: Path) -> str:
    return tail_of(state / "logs" / SERVER_LOG, _LOG_TAIL_LINES)
