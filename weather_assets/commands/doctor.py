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

from weather_assets.adapters.data_root import DataRoot

JAVA_VERSIONS = (17, 21)
"""What Spark 4 runs on."""
_COMMAND_TIMEOUT_SECONDS = 20
_FREE_BYTES = 3_000_000_000
_PORTS = {3000: "Dagster's UI", 5000: "MLflow's UI"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what was looked at.
        healthy: whether it is as needed.
        needed: whether `run` needs it; else only some uses do.
        sentence: what was found.
        remedy: what to do where it is not healthy.
    """

    name: str
    healthy: bool
    needed: bool
    sentence: str
    remedy: str = ""


def examine(root: DataRoot) -> Iterator[Finding]:
    """Looks at everything, one finding at a time."""
    yield _python()
    yield _java()
    yield _disk(root)
    yield _writable(root)
    yield from (_port(port, use) for port, use in _PORTS.items())
    yield _docker()
    yield _azure()


def _python() -> Finding:
    found = ".".join(str(part) for part in sys.version_info[:3])
    healthy = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("Python", healthy, True, found, "install Python 3.11, 3.12 or 3.13")


def _java() -> Finding:
    home = os.environ.get("JAVA_HOME")
    command = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    remedy = "install Java 17 or 21 (Debian: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17) and set JAVA_HOME if it is not on the PATH"
    if command is None:
        where = f"no java in JAVA_HOME={home}" if home else "no java on the PATH"
        return Finding("Java", False, True, where, remedy)
    text = _output([command, "-version"])
    match = re.search(r'version "(\d+)', text)
    version = int(match[1]) if match else 0
    sentence = text.splitlines()[0] if text else f"{command} does not answer"
    return Finding("Java", version in JAVA_VERSIONS or version > max(JAVA_VERSIONS), True, sentence, remedy)


def _disk(root: DataRoot) -> Finding:
    place = next(path for path in (root.path, *root.path.parents) if path.exists())
    free = shutil.disk_usage(place).free
    return Finding(
        "disk",
        free >= _FREE_BYTES,
        True,
        f"{free / 1e9:.1f} GB free at {place}",
        f"free {_FREE_BYTES / 1e9:.0f} GB there, or set WEATHER_ASSETS_DATA to another disk",
    )


def _writable(root: DataRoot) -> Finding:
    place = next(path for path in (root.path, *root.path.parents) if path.exists())
    return Finding(
        "data root",
        os.access(place, os.W_OK),
        True,
        str(root.path),
        f"make {place} writable, or set WEATHER_ASSETS_DATA to a folder that is",
    )


def _port(port: int, use: str) -> Finding:
    with socket.socket() as probe:
        free = probe.connect_ex(("127.0.0.1", port)) != 0
    return Finding(
        f"port {port}",
        free,
        False,
        f"{'free' if free else 'taken'}, for {use}",
        f"end what listens on {port}, or give `weather-assets dev` another port",
    )


def _docker() -> Finding:
    remedy = "install a Docker engine and start it (Debian: apt-get install docker.io); only the container scale needs it"
    if shutil.which("docker") is None:
        return Finding("Docker", False, False, "no docker on the PATH", remedy)
    text = _output(["docker", "info", "--format", "{{.ServerVersion}}"]).strip()
    healthy = bool(re.fullmatch(r"[0-9][^\s]*", text.splitlines()[-1] if text else ""))
    sentence = f"engine {text.splitlines()[-1]}" if healthy else "the engine does not answer"
    return Finding("Docker", healthy, False, sentence, remedy)


def _azure() -> Finding:
    names = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_WORKSPACE")
    missing = [name for name in names if not os.environ.get(name)]
    if len(missing) == len(names):
        return Finding("Azure", True, False, "no subscription set: models are served on this machine")
    return Finding(
        "Azure",
        not missing,
        False,
        "settings are complete" if not missing else f"{', '.join(missing)} unset",
        "set all three, or none",
    )


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
