"""Building a deployment's environment: a virtual environment from its own pins, cached by content.

Belongs here: the cache, and running venv and pip. Does not belong here: reading conda files
(`conda`), or running what was built (`scorers`).
"""

import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import platformdirs
from filelock import AsyncFileLock

from weather_assets.local_azure.conda import EnvironmentDefinition
from weather_assets.local_azure.errors import ProvisioningError

CACHE_VARIABLE = "WEATHER_ASSETS_CACHE"
BUILD_SECONDS = 1800.0
_COMPLETE = "complete.json"
_LOG_TAIL_LINES = 12


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns where built environments lie, shared by all simulators of this user."""
    chosen = environment.get(CACHE_VARIABLE)
    root = Path(chosen) if chosen else platformdirs.user_cache_path("weather_assets")
    return root / "environments"


async def build_environment(definition: EnvironmentDefinition, log: Path) -> Path:
    """Builds an environment, or finds it in the cache.

    Args:
        definition: what to build.
        log: file that the build's output is added to.

    Returns:
        The Python interpreter of the environment.

    Raises:
        ProvisioningError: `ImageBuildFailed`, with the end of the build's output.
    """
    folder = cache_folder() / definition.digest
    python = folder / "bin" / "python"
    if (folder / _COMPLETE).is_file() and python.exists():
        _note(log, f"environment {definition.digest} is in the cache")
        return python
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Two simulators, or two deployments, may want the same environment at once: one builds.
    async with AsyncFileLock(f"{folder}.lock"):
        if (folder / _COMPLETE).is_file() and python.exists():
            return python
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        _note(log, f"building environment {definition.digest}")
        interpreter, pip = _interpreter(definition.python), [str(python), "-m", "pip"]
        venv = [interpreter, "-m", "venv", str(folder)]
        if importlib.util.find_spec("pip") is not None:  # ours saves the 3 s of installing another
            venv.append("--without-pip")
            pip = [sys.executable, "-m", "pip", "--python", str(python)]
        await _run(venv, log)
        requirements = folder / "requirements.txt"
        requirements.write_text("\n".join(definition.requirements) + "\n", encoding="utf-8")
        quietly = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
        await _run([*pip, "install", *quietly, "-r", str(requirements)], log)
        facts = {"python": definition.python, "requirements": definition.requirements}
        (folder / _COMPLETE).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return python


def _interpreter(version: str) -> str:
    """Returns an interpreter of a Python version."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        raise ProvisioningError(
            "ImageBuildFailed",
            f"The environment cannot be built: it asks for Python {version}, and there is no "
            f"python{version} on the PATH; install it, or ask for "
            f"{sys.version_info.major}.{sys.version_info.minor}.",
        )
    return found


async def _run(command: list[str], log: Path) -> None:
    """Runs one step of a build; its processes end with it, whatever happens."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(BUILD_SECONDS):
                code = await process.wait()
        except TimeoutError:
            raise _failed(f"{command[2]} took longer than {BUILD_SECONDS:g} s", log) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
    if code != 0:
        raise _failed(f"{' '.join(command[1:4])} exited with {code}", log)


def _failed(why: str, log: Path) -> ProvisioningError:
    lines = log.read_text("utf-8", "replace").splitlines()[-_LOG_TAIL_LINES:]
    tail = "\n".join(lines)
    return ProvisioningError("ImageBuildFailed", f"The environment cannot be built: {why}.\n{tail}")


def _note(log: Path, line: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
