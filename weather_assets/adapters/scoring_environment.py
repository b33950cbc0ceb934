"""The Python environment that a scoring package runs in, built once per set of pinned requirements.

Belongs here: turning a requirements file into a virtual environment in the user's cache. Does not
belong here: running anything in it (`scoring_server`), or what the requirements are (`scoring`).

The platform and the scoring server pin different versions of the same packages (pydantic,
opentelemetry), so they cannot share an environment; on Azure they do not either.
"""

import hashlib
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock
import platformdirs

from weather_assets.adapters.process_guard import guarded

CACHE_VARIABLE = "WEATHER_ASSETS_CACHE"
"""Environment variable that names another cache folder than the user's."""
MARKER = "complete"
"""File that is written last: an environment without it was never finished."""
LOG_TAIL_LINES = 15
PATIENCE_SECONDS = 600.0
"""An installation took 15 s to 60 s here, on two cores; a slow network takes longer."""

PIP_INSTALL = (
    "install",
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
    # Wheels alone: no compiler is needed, and no package's build script runs.
    "--only-binary=:all:",
)


class ScoringEnvironmentError(RuntimeError):
    """The environment could not be built; the message has pip's last lines and the next step."""


def cache_directory() -> Path:
    """The folder for what can be built again: WEATHER_ASSETS_CACHE, or the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else platformdirs.user_cache_path("weather_assets")


def scoring_environment(
    requirements: Path,
    *,
    pip_options: Sequence[str] = (),
    on_progress: Callable[[str], None] = lambda _line: None,
    timeout_seconds: float = PATIENCE_SECONDS,
) -> Path:
    """Builds the environment of a requirements file, unless it is there already.

    The environment lies in `cache_directory()/environments/<hash>`, the hash being that of the
    file, the options and this Python. Any number of processes may ask for it at once; one builds.
    A build that was killed is thrown away by the next call.

    Args:
        requirements: a requirements file that pins every version.
        pip_options: further options of `pip install`. Its own settings (PIP_INDEX_URL,
            PIP_FIND_LINKS, pip.conf) apply as always.
        on_progress: gets one line at a time of what is being done; called only while building.
        timeout_seconds: longest time for the whole, waiting for another builder included.

    Returns:
        The environment's Python interpreter.

    Raises:
        ScoringEnvironmentError: pip or venv failed, or the time was up.
        FileNotFoundError: there is no such requirements file.
    """
    identity = (requirements.read_bytes(), "\n".join(pip_options).encode(), _this_python())
    digest = hashlib.sha256(b"\0".join(identity)).hexdigest()[:16]
    place = cache_directory() / "environments" / digest
    python = place / "bin" / "python"
    if _is_complete(place, python):
        return python
    deadline = time.monotonic() + timeout_seconds
    place.parent.mkdir(parents=True, exist_ok=True)
    with _only_builder(place, timeout_seconds):
        if _is_complete(place, python):
            return python
        # Built where it stays: the scripts of an environment name its absolute path.
        shutil.rmtree(place, ignore_errors=True)
        on_progress(f"building the scoring environment of {requirements.name} in {place}")
        # Our own pip serves it too: giving it one of its own would take 4 s more.
        ours = importlib.util.find_spec("pip") is not None
        create = (sys.executable, "-m", "venv", *(("--without-pip",) if ours else ()), str(place))
        _run(create, on_progress, deadline)
        its = (str(python), "-m", "pip")
        pip = (sys.executable, "-m", "pip", "--python", str(python)) if ours else its
        install = (*pip, *PIP_INSTALL, *pip_options, "--requirement", str(requirements))
        _run(install, on_progress, deadline)
        (place / MARKER).write_bytes(identity[0])
    return python


def _this_python() -> bytes:
    described = (sys.implementation.name, platform.python_version(), sys.platform)
    return " ".join((*described, platform.machine(), sys.base_prefix)).encode()


def _is_complete(place: Path, python: Path) -> bool:
    # The interpreter is a link: it breaks when the Python it was made from is removed.
    return (place / MARKER).exists() and python.exists()


@contextmanager
def _only_builder(place: Path, timeout_seconds: float) -> Generator[None]:
    lock = place.with_suffix(".lock")
    try:
        with filelock.FileLock(lock, timeout=timeout_seconds):
            yield
    except filelock.Timeout as error:
        message = (
            f"another process has been building {place} for {timeout_seconds:.0f} s "
            f"(it holds {lock}); wait for it or end it, then run again"
        )
        raise ScoringEnvironmentError(message) from error


def _run(command: Sequence[str], on_progress: Callable[[str], None], deadline: float) -> None:
    """Runs a command to its end; nothing of it outlives this call, or this process."""
    tail: deque[str] = deque(maxlen=LOG_TAIL_LINES)
    late = threading.Event()
    # Another environment's paths must not leak into the one that is built.
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    with subprocess.Popen(
        guarded(tuple(command)),
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:

        def end() -> None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

        def end_late() -> None:
            late.set()
            end()

        timer = threading.Timer(max(deadline - time.monotonic(), 0), end_late)
        timer.daemon = True
        timer.start()
        try:
            for line in process.stdout or ():
                tail.append(line.rstrip())
                on_progress(tail[-1])
            code = process.wait()
        finally:
            timer.cancel()
            end()
    if code == 0:
        return
    what = "ran out of time" if late.is_set() else f"ended with code {code}"
    raise ScoringEnvironmentError(
        f"the scoring environment could not be built: `{' '.join(command)}` {what}. "
        "Check the network, or name an index or a folder of wheels (PIP_INDEX_URL, "
        "PIP_FIND_LINKS), then run again. Its last lines:\n  " + "\n  ".join(tail)
    )
