"""Building a deployment's environment: a virtual environment from its own pins, cached by content.

Belongs here: the cache, and running venv and pip. Does not belong here: reading conda files
(`conda`), which folder is the cache, or running what was built (`inference_server`).
"""

import asyncio
import contextlib
import dataclasses
import importlib.util
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import AsyncFileLock, Timeout

from weather_assets.foundation.atomic_files import write_text
from weather_assets.foundation.child_environment import (
    INSTALLATION,
    NETWORK,
    SYSTEM,
    inherited,
)
from weather_assets.foundation.environments.conda import (
    EnvironmentBuildError,
    EnvironmentDefinition,
)
from weather_assets.foundation.log_files import add_line, tail_of
from weather_assets.foundation.process_guard import guarded

BUILD_SECONDS = 1800.0
COMPLETE = "complete.json"
"""File that is written last: an environment without it was never finished."""
_LOG_TAIL_LINES = 12
_OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


def environments_in(cache: Path) -> Path:
    """Returns where the built environments of a cache lie."""
    return cache / "environments"


def substituted(definition: EnvironmentDefinition) -> EnvironmentDefinition:
    """Returns the definition for this Python, where the one it asks for is not on this machine."""
    if shutil.which(f"python{definition.python}") is not None:
        return definition
    return dataclasses.replace(definition, python=_OURS)


async def build_environment(
    definition: EnvironmentDefinition,
    cache: Path,
    log: Path,
    *,
    pip_options: Sequence[str] = (),
    on_line: Callable[[str], None] = lambda _line: None,
    seconds: float = BUILD_SECONDS,
) -> Path:
    """Builds an environment, or finds it in the cache.

    Any number of processes may ask for it at once; one builds. A build that was killed is thrown
    away by the next one, and nothing of it outlives the process that asked.

    Args:
        definition: what to build.
        cache: folder for what is kept; any number of users of it share what is built.
        log: file that the build's output is added to.
        pip_options: further options of `pip install`. Its own settings (PIP_INDEX_URL,
            PIP_FIND_LINKS, pip.conf) apply as always.
        on_line: gets each line of the output, too; only while building.
        seconds: longest time for the whole, waiting for another builder included.

    Returns:
        The Python interpreter of the environment.

    Raises:
        EnvironmentBuildError: it could not be built; has the end of the build's output.
    """
    folder = environments_in(cache) / definition.digest
    python = folder / "bin" / "python"

    def complete() -> bool:
        # The interpreter is a link: it breaks when the Python it was made from is removed.
        return (folder / COMPLETE).is_file() and python.exists()

    if complete():
        add_line(log, f"environment {definition.digest} is in the cache")
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    build = _Build(log, on_line, time.monotonic() + seconds)
    try:
        async with AsyncFileLock(f"{folder}.lock", timeout=seconds):
            if not complete():
                # Built where it stays: the scripts of an environment name its absolute path.
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
                await _build(definition, folder, pip_options, build)
    except Timeout:
        raise build.failed(
            f"another process has been building {folder} for {seconds:g} s (it holds "
            f"{folder}.lock); wait for it or end it, then run again"
        ) from None
    return python


async def _build(
    definition: EnvironmentDefinition, folder: Path, pip_options: Sequence[str], build: "_Build"
) -> None:
    python = folder / "bin" / "python"
    build.say(f"building environment {definition.digest} in {folder}")
    interpreter, pip = _interpreter(definition.python), [str(python), "-I", "-m", "pip"]
    # -I: nothing of the folder that we were started in is imported.
    venv = [interpreter, "-I", "-m", "venv", str(folder)]
    if importlib.util.find_spec("pip") is not None:  # ours saves the 3 s of installing another
        venv.append("--without-pip")
        pip = [sys.executable, "-I", "-m", "pip", "--python", str(python)]
    await build.run(venv)
    requirements = folder / "requirements.txt"
    write_text(requirements, "\n".join(definition.requirements) + "\n")
    quietly = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    await build.run([*pip, "install", *quietly, *pip_options, "-r", str(requirements)])
    facts = {"python": definition.python, "requirements": definition.requirements}
    write_text(folder / COMPLETE, json.dumps(facts, indent=1) + "\n")


def _interpreter(version: str) -> str:
    """Returns an interpreter of a Python version."""
    if version == _OURS:
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        raise EnvironmentBuildError(
            f"The environment cannot be built: it asks for Python {version}, and there is no "
            f"python{version} on the PATH; install it, or ask for {_OURS}.",
        )
    return found


class _Build:
    """The steps of one build: their output, and their time."""

    def __init__(self, log: Path, on_line: Callable[[str], None], deadline: float) -> None:
        self._log, self._on_line, self._deadline = log, on_line, deadline

    def say(self, line: str) -> None:
        """Adds a line to the log and to the progress."""
        add_line(self._log, line)
        self._on_line(line)

    def failed(self, why: str) -> EnvironmentBuildError:
        """Returns the error of a build, with the end of its output."""
        tail = tail_of(self._log, _LOG_TAIL_LINES)
        return EnvironmentBuildError(f"The environment cannot be built: {why}.\n{tail}".rstrip())

    async def run(self, command: list[str]) -> None:
        """Runs one step; its processes end with it, and with this process, whatever happens."""
        process = await asyncio.create_subprocess_exec(
            *guarded(tuple(command)),
            env=inherited(os.environ, *SYSTEM, *NETWORK, *INSTALLATION),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout_at(
                asyncio.get_running_loop().time() + self._deadline - time.monotonic()
            ):
                async for line in process.stdout or ():
                    self.say(line.decode("utf-8", "replace").rstrip())
                code = await process.wait()
        except TimeoutError:
            raise self.failed(f"`{' '.join(command)}` ran out of time") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if code != 0:
            raise self.failed(f"`{' '.join(command)}` ended with code {code}")
