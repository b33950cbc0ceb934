"""Building the scoring environment: once, whole or not at all, with readable failures."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock
import psutil
import pytest

from weather_assets.adapters.scoring_environment import (
    CACHE_VARIABLE,
    MARKER,
    ScoringEnvironmentError,
    cache_directory,
    scoring_environment,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def nothing_required(tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text("# nothing\n", encoding="utf-8")
    return file


def test_one_of_many_callers_builds_and_all_get_it(nothing_required: Path, cache: Path) -> None:
    told: list[str] = []
    with ThreadPoolExecutor(3) as callers:
        pythons = list(
            callers.map(
                lambda _n: scoring_environment(nothing_required, on_progress=told.append), range(3)
            )
        )
    assert len(set(pythons)) == 1
    assert pythons[0].is_relative_to(cache / "environments")
    assert len([line for line in told if line.startswith("building the scoring")]) == 1
    prefix = [str(pythons[0]), "-c", "import sys; print(sys.prefix)"]
    assert subprocess.check_output(prefix, text=True).strip() == str(pythons[0].parents[1])

    told.clear()
    began = time.monotonic()
    assert scoring_environment(nothing_required, on_progress=told.append) == pythons[0]
    assert (told, time.monotonic() - began < 0.5) == ([], True)

    # As a killed build leaves it: everything but the marker, and something half-installed.
    (pythons[0].parents[1] / MARKER).unlink()
    half = pythons[0].parents[1] / "half-installed"
    half.touch()
    assert scoring_environment(nothing_required) == pythons[0]
    assert not half.exists()

    # As a removed base interpreter leaves it: a link to nothing.
    pythons[0].unlink()
    assert scoring_environment(nothing_required).exists()


def test_requirement_that_cannot_be_had_is_said_with_pips_words(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("no-such-package-here==1.0\n", encoding="utf-8")
    with pytest.raises(ScoringEnvironmentError) as caught:
        scoring_environment(file, pip_options=["--no-index"])
    message = str(caught.value)
    assert "ended with code 1. Check the network, or name an index" in message
    assert "No matching distribution found for no-such-package-here==1.0" in message
    assert not list(cache_directory().glob(f"environments/*/{MARKER}"))


def test_build_that_takes_too_long_is_ended(nothing_required: Path) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    began = time.monotonic()
    with pytest.raises(ScoringEnvironmentError, match="ran out of time"):
        scoring_environment(nothing_required, timeout_seconds=0.3)
    assert time.monotonic() - began < 3
    after = {process.pid for process in psutil.Process().children(recursive=True)}
    assert after <= before


def test_builder_that_hangs_is_named_to_those_who_wait(nothing_required: Path) -> None:
    with pytest.raises(ScoringEnvironmentError, match="ran out of time"):
        scoring_environment(nothing_required, timeout_seconds=0.01)
    (lock,) = cache_directory().glob("environments/*.lock")
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with filelock.FileLock(lock):
            held.set()
            done.wait(5)

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert held.wait(5)
        with pytest.raises(ScoringEnvironmentError, match="another process has been building"):
            scoring_environment(nothing_required, timeout_seconds=0.1)
    finally:
        done.set()
        other.join()


def test_other_requirements_or_options_are_another_environment(tmp_path: Path) -> None:
    files = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for file in files:
        file.write_text(f"# {file.name}\n", encoding="utf-8")
    for file, options in ((files[0], []), (files[0], ["--no-index"]), (files[1], [])):
        with pytest.raises(ScoringEnvironmentError):
            scoring_environment(file, pip_options=options, timeout_seconds=0.01)
    assert len(list(cache_directory().glob("environments/*.lock"))) == 3


def test_requirements_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scoring_environment(tmp_path / "absent.txt")


def test_cache_is_the_users_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CACHE_VARIABLE)
    assert cache_directory().name == "weather_assets"
    assert cache_directory().is_relative_to(Path.home())
    assert sys.prefix not in str(cache_directory())
