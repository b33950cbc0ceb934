"""A held file tells a living process from one that was killed, whatever killed it."""

import shutil
import sys
import threading
from multiprocessing.pool import ThreadPool
from pathlib import Path

import psutil
import pytest

from weather_assets.foundation.held_files import (
    HeldElsewhereError,
    HeldFile,
    files_in,
    hold,
    is_held,
    left_behind,
)
from weather_assets_tests.foundation.dying import waiting

HOLD = "from weather_assets.foundation.held_files import hold; from pathlib import Path; "


def holding(path: Path) -> str:
    """Returns a program that holds a file."""
    return f"{HOLD} kept = hold(Path({str(path)!r}), 'another')"


def test_a_file_is_held_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    assert not is_held(path)
    assert not left_behind(path)
    held = hold(path, "this test")
    assert is_held(path)
    assert not left_behind(path)
    assert path.read_text() == "this test"
    held.release()
    assert list(path.parent.iterdir()) == []


def test_what_a_killed_process_held_is_left_behind_and_can_be_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with waiting(holding(path)) as process:
        assert is_held(path)
        with pytest.raises(HeldElsewhereError, match="another"):
            hold(path, "this test")
        process.kill()
        process.wait()
        assert left_behind(path)
        assert path.read_text() == "another"
    held = hold(path, "me")
    assert path.read_text() == "me"
    assert is_held(path)
    held.release()


def test_a_child_does_not_go_on_holding(tmp_path: Path) -> None:
    path = tmp_path / "file"
    child = [sys.executable, "-c", "import time; time.sleep(600)"]
    start = f"import subprocess; child = subprocess.Popen({child!r}, stdout=subprocess.DEVNULL)"
    with waiting(f"{holding(path)}\n{start}") as process:
        (left,) = psutil.Process(process.pid).children()
        process.kill()
        process.wait()
        assert left.is_running()
        assert left_behind(path)
        left.kill()


def test_a_moved_file_is_held_on_and_a_copy_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with waiting(holding(tmp_path / "a" / "file")):
        (tmp_path / "a").rename(tmp_path / "b")
        shutil.copytree(tmp_path / "b", tmp_path / "c")
        assert is_held(tmp_path / "b" / "file")
        assert left_behind(tmp_path / "c" / "file")


def test_of_many_at_once_one_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def attempt(number: int) -> HeldFile | None:
        try:
            return hold(path, str(number))
        except HeldElsewhereError:
            return None

    with ThreadPool(8) as pool:
        (winner,) = filter(None, pool.map(attempt, range(8)))
        assert is_held(path)
        assert files_in(tmp_path) == [path], "and no draft is one of them"
    winner.release()


def test_who_only_looks_hinders_nobody(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("left")
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            left_behind(path)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(200):
            hold(path, "me").release()
            path.write_text("left")
    finally:
        stop.set()
        looker.join()
