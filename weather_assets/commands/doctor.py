"""`weather-assets doctor`: what is missing on this machine, and the command that mends it.

Belongs here: checks that take no more than a few seconds and change nothing. Does not belong here:
mending anything.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.settings.concerns import (
    CONCERNS,
    ENDPOINT,
    ROLLOUT,
    ROLLOUT_LIMITS,
    mistakes,
)
from weather_assets.adapters.spark_environment import JAVA_REMEDY, OLDEST_JAVA, java
from weather_assets.contract.columns import ContractError
from weather_assets.contract.loading import own_contract

_COMMAND_TIMEOUT_SECONDS = 20
_FREE_BYTES = 3_000_000_000
_OF_AZURE = (ENDPOINT, ROLLOUT, ROLLOUT_LIMITS)
_SETTINGS_REMEDY = "change the variable named"
_PORTS = {3000: "Dagster's UI", 5000: "MLflow's UI"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        healthy: whether it is as needed.
        sentence: what was found.
        remedy: what to do where it is not healthy.
        needed: whether `run` needs it; else only some uses do.
    """

    name: str
    healthy: bool
    sentence: str
    remedy: str = ""
    needed: bool = True


def examine(root: DataRoot) -> Iterator[Finding]:
    """Looks at everything, one finding at a time."""
    yield _python()
    yield _modules()
    yield _java()
    yield _disk(root)
    yield _writable(root)
    yield from (_port(port, use) for port, use in _PORTS.items())
    yield _docker()
    yield _azure()
    yield _settings()
    yield _contract(root)


def misleading() -> Iterator[Finding]:
    """Yields what the environment says that would end a run, now or with its first large file."""
    if os.environ.get("JAVA_HOME"):
        found = java(os.environ)
        if isinstance(found, str):
            yield Finding(name="Java", healthy=False, sentence=found, remedy=JAVA_REMEDY)
    modules = _modules()
    if not modules.healthy:
        yield modules
    for finding in (_azure(), _settings()):
        if not finding.healthy:
            yield finding


def _python() -> Finding:
    return Finding(
        name="Python",
        healthy=(3, 11) <= sys.version_info[:2] <= (3, 13),
        sentence=".".join(str(part) for part in sys.version_info[:3]),
        remedy="install Python 3.11, 3.12 or 3.13",
    )


def _modules() -> Finding:
    """Tells whether a folder that Python searches before its own library hides a part of it."""
    library = Path(os.__file__).resolve().parent
    hiding: list[str] = []
    for entry in sys.path:
        folder = Path(entry).resolve()
        if folder == library:
            break
        hiding += [
            str(path)
            for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
            if path.name.partition(".")[0] in sys.stdlib_module_names
            and (path.suffix == ".py" or (path / "__init__.py").is_file())
        ]
    return Finding(
        name="Python's own modules",
        healthy=not hiding,
        sentence=f"hidden by {', '.join(hiding)}" if hiding else "nothing hides one",
        remedy=f"unset PYTHONPATH (now {os.environ.get('PYTHONPATH', '')!r}), or rename the files",
    )


def _java() -> Finding:
    found = java(os.environ)
    if isinstance(found, str):
        version, sentence = 0, found
    else:
        text = _output([str(found), "-version"])
        match = re.search(r'version "(\d+)', text)
        version = int(match[1]) if match else 0
        sentence = text.splitlines()[0] if text else f"{found} does not answer"
    return Finding(
        name="Java", healthy=version >= OLDEST_JAVA, sentence=sentence, remedy=JAVA_REMEDY
    )


def _disk(root: DataRoot) -> Finding:
    place = _nearest(root)
    free = shutil.disk_usage(place).free
    return Finding(
        name="disk",
        healthy=free >= _FREE_BYTES,
        sentence=f"{free / 1e9:.1f} GB free at {place}",
        remedy=f"free {_FREE_BYTES / 1e9:.0f} GB there, or set WEATHER_ASSETS_DATA to another disk",
    )


def _writable(root: DataRoot) -> Finding:
    place = _nearest(root)
    return Finding(
        name="data root",
        healthy=os.access(place, os.W_OK),
        sentence=str(root.path),
        remedy=f"make {place} writable, or set WEATHER_ASSETS_DATA to a folder that is",
    )


def _nearest(root: DataRoot) -> Path:
    """Returns the data root, or the nearest folder above it that exists."""
    return next(path for path in (root.path, *root.path.parents) if path.exists())


def _port(port: int, use: str) -> Finding:
    with socket.socket() as probe:
        free = probe.connect_ex(("127.0.0.1", port)) != 0
    return Finding(
        name=f"port {port}",
        healthy=free,
        needed=False,
        sentence=f"{'free' if free else 'taken'}, for {use}",
        remedy=f"end what listens on {port}, or give `weather-assets dev` another port",
    )


def _docker() -> Finding:
    lines = _output(["docker", "info", "--format", "{{.ServerVersion}}"]).strip().splitlines()
    healthy = bool(lines) and bool(re.fullmatch(r"[0-9][^\s]*", lines[-1]))
    found = "the engine does not answer" if shutil.which("docker") else "no docker on the PATH"
    return Finding(
        name="Docker",
        healthy=healthy,
        needed=False,
        sentence=f"engine {lines[-1]}" if healthy else found,
        remedy=(
            "install and start a Docker engine (Debian: apt-get install docker.io); only the "
            "container scale needs it"
        ),
    )


def _azure() -> Finding:
    found = "; ".join(mistakes(_OF_AZURE))
    if found:
        return Finding(name="Azure", healthy=False, sentence=found, remedy=_SETTINGS_REMEDY)
    settings = ENDPOINT.read()
    where = (
        "no AZURE_SUBSCRIPTION_ID: Local Azure serves, on this machine"
        if settings.is_local
        else f"workspace {settings.workspace}, endpoint {settings.endpoint}; not contacted"
    )
    return Finding(name="Azure", healthy=True, sentence=where)


def _settings() -> Finding:
    found = "; ".join(mistakes(each for each in CONCERNS if each not in _OF_AZURE))
    return Finding(
        name="settings",
        healthy=not found,
        sentence=found or "every one is usable; `weather-assets settings` shows them",
        remedy=_SETTINGS_REMEDY,
    )


def _contract(root: DataRoot) -> Finding:
    try:
        own, _ = own_contract(root.contract_file)
    except ContractError as error:
        return Finding(name="contract", healthy=False, sentence=str(error), remedy="correct it")
    found = "the built-in ones" if own is None else own.name
    return Finding(name="contract", healthy=True, sentence=found)


def _output(command: list[str]) -> str:
    """Returns what a command prints, or nothing if it cannot be run."""
    try:
        done = subprocess.run(
            command,
            check=False,
            timeout=_COMMAND_TIMEOUT_SECONDS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
