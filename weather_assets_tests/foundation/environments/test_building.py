"""Building environments: cached, complete or absent, and readable when it fails."""

import asyncio
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import filelock
import psutil
import pytest

from weather_assets.foundation.environments.building import (
    COMPLETE,
    build_environment,
    environments_in,
    substituted,
)
from weather_assets.foundation.environments.conda import (
    EnvironmentBuildError,
    EnvironmentDefinition,
)
from weather_assets.foundation.waiting import wait_until

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
NOTHING = EnvironmentDefinition(HERE, ())
"""Pip has nothing to do."""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Where the environments of a cache lie."""
    return environments_in(tmp_path / "cache")


def build(definition: EnvironmentDefinition, tmp_path: Path, **options: Any) -> Path:
    """Builds into the cache, with a log beside it."""
    log = tmp_path / "build.log"
    return asyncio.run(build_environment(definition, tmp_path / "cache", log, **options))


def test_a_failed_build_says_why_and_is_not_cached(tmp_path: Path, cache: Path) -> None:
    """An unknown option fails in pip at once, without asking an index."""
    definition = EnvironmentDefinition(HERE, ("--no-such-option",))
    with pytest.raises(EnvironmentBuildError) as caught:
        build(definition, tmp_path)
    assert "no-such-option" in str(caught.value)
    assert not (cache / definition.digest / "complete.json").exists()


def test_a_half_built_environment_is_built_again(tmp_path: Path, cache: Path) -> None:
    """Without requirements pip has nothing to do; what a kill left over is gone afterwards."""
    definition = NOTHING
    left = cache / definition.digest / "left over"
    left.mkdir(parents=True)
    log = tmp_path / "build.log"

    async def both() -> list[Path]:
        return await asyncio.gather(
            *(build_environment(definition, tmp_path / "cache", log) for _ in range(2))
        )

    first, second = asyncio.run(both())
    assert first == second == cache / definition.digest / "bin" / "python"
    assert not left.exists()
    assert log.read_text().count("building environment") == 1
    prefix = [str(first), "-c", "import sys; print(sys.prefix)"]
    assert subprocess.check_output(prefix, text=True).strip() == str(first.parents[1])
    told: list[str] = []
    build(definition, tmp_path, on_line=told.append)
    assert "is in the cache" in log.read_text()
    assert told == []

    first.unlink()  # as a removed base interpreter leaves it: a link to nothing
    build(definition, tmp_path, on_line=told.append)
    assert first.exists()
    assert told[0].startswith("building environment")


def test_a_python_that_is_not_here_is_named(tmp_path: Path) -> None:
    definition = EnvironmentDefinition("3.2", ())
    with pytest.raises(EnvironmentBuildError, match=r"python3\.2"):
        build(definition, tmp_path)


def test_a_python_that_is_not_here_can_be_replaced_by_ours() -> None:
    assert substituted(EnvironmentDefinition("3.2", ("a==1",))) == EnvironmentDefinition(
        HERE, ("a==1",)
    )
    assert substituted(NOTHING) == NOTHING


def test_a_build_that_takes_too_long_is_ended(tmp_path: Path, cache: Path) -> None:
    began = time.monotonic()
    with pytest.raises(EnvironmentBuildError, match="ran out of time"):
        build(NOTHING, tmp_path, seconds=0.3)
    assert time.monotonic() - began < 3
    assert processes_on(cache) == []
    assert not (cache / NOTHING.digest / COMPLETE).exists()


def test_a_builder_that_hangs_is_named_to_those_who_wait(tmp_path: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    with (
        filelock.FileLock(cache / f"{NOTHING.digest}.lock"),
        pytest.raises(EnvironmentBuildError, match=r"another process has been building .*lock"),
    ):
        build(NOTHING, tmp_path, seconds=0.1)


def test_nothing_of_a_build_outlives_the_killed_program(tmp_path: Path, cache: Path) -> None:
    """Pip asks an index that never answers; left alone, it would for a minute and more."""
    program = """
import asyncio, sys
from pathlib import Path
from weather_assets.foundation.environments.conda import EnvironmentDefinition
from weather_assets.foundation.environments.building import build_environment
cache, log, here, index = sys.argv[1:]
definition = EnvironmentDefinition(here, ("rain==1",))
options = ["--index-url", index]
asyncio.run(build_environment(definition, Path(cache), Path(log), pip_options=options))
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        arguments = [str(tmp_path / "cache"), str(tmp_path / "log"), HERE, index]
        with subprocess.Popen([sys.executable, "-c", program, *arguments]) as builder:
            silent.settimeout(20)
            connection, _ = silent.accept()
            assert processes_on(cache) != []
            builder.kill()
        wait_until(lambda: processes_on(cache) == [], 5, "the build to end")
        connection.close()
    assert list(cache.glob(f"*/{COMPLETE}")) == []


def test_a_build_sees_neither_another_environment_nor_the_folder_that_it_is_started_in(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("random.py", "queue.py", "pip.py", "venv.py"):
        (tmp_path / name).write_text("raise SystemExit('a stranger was imported')")
    assert build(NOTHING, tmp_path).is_relative_to(cache)


def processes_on(folder: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in part for part in process.info["cmdline"] or ())
    ]
