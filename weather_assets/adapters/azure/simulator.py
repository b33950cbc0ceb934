"""Local Azure, the product beside this one, as any of its users meets it.

Belongs here: its command, the file `environment` that it writes into its state folder, and its
health over HTTP. Does not belong here: Azure's SDK, which is led to it like anybody's (`local`).
"""

import http.client
import json
import os
import shlex
import subprocess
import sys
import uuid
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from weather_assets.adapters.files.user_cache import cache_folder
from weather_assets.foundation.child_environment import product_environment
from weather_assets.foundation.held_files import files_in, hold, is_held, left_behind
from weather_assets.rollout.service import ServiceUnavailable

COMMAND = (sys.executable, "-m", "weather_assets.local_azure")
"""The command `local-azure`."""
_CACHE_VARIABLE = "LOCAL_AZURE_CACHE"
_HEALTH_SECONDS = 5.0
_COMMAND_SECONDS = 300.0
"""Longer than any limit of the commands themselves, which say better what they waited for."""


def environment() -> dict[str, str]:
    """Returns the variables to run the command under.

    The environment that a package was tried in is the one that its deployment gets, so it is built
    into, and found in, one cache; another one that the user has named stays.
    """
    return {_CACHE_VARIABLE: str(cache_folder()), **product_environment(os.environ)}


def variables(state: Path) -> dict[str, str]:
    """Returns what the environment file of a state folder says; nothing where there is none."""
    with suppress(FileNotFoundError):
        words = shlex.split((state / "environment").read_text("utf-8"))
        return {key: value for key, _, value in (word.partition("=") for word in words)}
    return {}


def running(state: Path) -> dict[str, str] | None:
    """Returns the variables of the simulator that serves a state folder; None where none does."""
    return None if _health(state) is None else variables(state)


def start(state: Path, **options: Any) -> dict[str, str]:
    """Starts the simulator of a state folder; one that runs is used as it is.

    Args:
        state: its state folder.
        options: of the command `start`, such as `quota_cores`; True stands for an option alone.

    Returns:
        Its variables.

    Raises:
        ServiceUnavailable: it does not come up; says why.
    """
    health = _health(state)
    if health is None:
        _run("start", state, *(word for option in options.items() for word in _words(*option)))
    elif health["restoring"]:
        _run("start", state)  # waits
    return variables(state)


def stop(state: Path) -> None:
    """Stops the simulator of a state folder, if it runs.

    Raises:
        ServiceUnavailable: it cannot be stopped from here; says why.
    """
    if state.is_dir():
        _run("stop", state)


@contextmanager
def ending_with_its_users(state: Path, users: Path) -> Generator[bool]:
    """Ends the simulator, which may be started in the block, with the last of those who use it.

    Args:
        state: its state folder.
        users: a folder where each of them holds a file, so that one who was killed is seen.

    Yields:
        Whether it stays: it ran before, and for no user that ends it.
    """
    if running(state) is not None and not files_in(users):
        yield True
        return
    user = hold(users / uuid.uuid4().hex, f"process {os.getpid()}")
    try:
        yield False
    finally:
        user.release()
        if not any(map(is_held, files_in(users))):
            stop(state)


def end_abandoned(state: Path, users: Path) -> None:
    """Ends the simulator where all who used it were killed.

    Args:
        state: its state folder.
        users: as in `ending_with_its_users`.

    Raises:
        ServiceUnavailable: it cannot be stopped from here; says why.
    """
    killed = [user for user in files_in(users) if left_behind(user)]
    if killed and not any(map(is_held, files_in(users))):
        stop(state)
    for user in killed:
        user.unlink(missing_ok=True)


def _words(name: str, value: Any) -> tuple[str, ...]:
    option = f"--{name.replace('_', '-')}"
    return (option,) if value is True else (option, str(value))


def _run(command: str, state: Path, *words: str) -> None:
    try:
        done = subprocess.run(
            [*COMMAND, command, "--state", str(state), *words],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ServiceUnavailable(
            f"local-azure {command} --state {state} did not end within {_COMMAND_SECONDS:g} s; "
            f"look at {state / 'logs'}, end its processes, then run again"
        ) from None
    if done.returncode:
        said = done.stderr.strip().removeprefix("Error: ")
        raise ServiceUnavailable(f"local-azure {command}: {said}")


def _health(state: Path) -> dict[str, Any] | None:
    """Returns what the simulator of a state folder says; None where none serves that very folder.

    A copied folder has the file of the original, and a port may be somebody else's by now.
    """
    found = variables(state)
    if found.get("LOCAL_AZURE_STATE") != str(state.resolve()):
        return None
    address = urlsplit(found["LOCAL_AZURE_URL"])
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=_HEALTH_SECONDS
    )
    with closing(connection), suppress(OSError, http.client.HTTPException, ValueError):
        connection.request("GET", "/health")
        document = json.loads(connection.getresponse().read())
        if document.get("subscription") == found["AZURE_SUBSCRIPTION_ID"]:
            return document
    return None
