"""Temporary files go with the process that made them, also when it was killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from weather_assets.foundation.scratch import remove_abandoned, scratch, users_temporary_folder
from weather_assets_tests.foundation.dying import waiting

MAKE = (
    "from weather_assets.foundation.scratch import scratch; import tempfile; "
    "kept = scratch(); kept.__enter__(); tempfile.mkdtemp(prefix='inside-')"
)
BY_A_CHILD = "import tempfile; print(tempfile.mkdtemp())"


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the user's temporary folder for this test."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_all_temporary_files_of_a_process_and_its_children_go_with_it(users: Path) -> None:
    with scratch() as folder:
        assert Path(tempfile.mkdtemp()).parent == folder
        child = [sys.executable, "-c", BY_A_CHILD]
        made = subprocess.run(child, capture_output=True, text=True, check=True, timeout=60).stdout
        assert Path(made.strip()).parent == folder
        assert users_temporary_folder() == users
    assert list(users.iterdir()) == []
    assert os.environ["TMPDIR"] == str(users)
    assert tempfile.gettempdir() == str(users)


def test_scratch_in_scratch_lies_beside_it(users: Path) -> None:
    """So that the simulator, which a command starts, outlives that command's folder."""
    with scratch() as outer:
        with scratch() as inner:
            assert inner.parent == outer.parent == users
        assert outer.is_dir()


def test_what_a_killed_process_left_is_removed_and_nothing_else(users: Path) -> None:
    (users / "scratch-of-mine").mkdir()
    (users / "other").mkdir()
    with waiting(MAKE) as alive:
        with waiting(MAKE) as killed:
            assert len(list(users.glob("scratch-*/inside-*"))) == 2
            killed.kill()
            killed.wait()
            remove_abandoned(users)
        (left,) = users.glob("scratch-*/inside-*")
        assert (left.parent / ".held").read_text() == str(alive.pid)
    assert {path.name for path in users.iterdir()} > {"scratch-of-mine", "other"}
    with scratch():
        assert not list(users.glob("scratch-*/inside-*"))
