"""Marked processes are found and ended wherever they are; others are left alone."""

import os
import sys

import psutil

from weather_assets.foundation.marked_processes import end_marked, marked_processes
from weather_assets_tests.foundation.dying import waiting

MARK = "WEATHER_ASSETS_TEST_MARK"
CHILD = [sys.executable, "-c", "import time; time.sleep(600)"]
ORPHAN = (
    "import subprocess; subprocess.Popen("
    f"{CHILD!r}, stdout=subprocess.DEVNULL, start_new_session=True)"
)


def test_orphans_in_sessions_of_their_own_are_ended_too() -> None:
    marks = {MARK: str(os.getpid())}
    other = {**os.environ, MARK: "another"}
    with waiting("", other) as bystander, waiting(ORPHAN, {**os.environ, **marks}) as parent:
        (orphan,) = psutil.Process(parent.pid).children()
        parent.kill()
        parent.wait()
        assert [process.pid for process in marked_processes(marks)] == [orphan.pid]
        assert end_marked(marks) == [orphan.pid]
        assert end_marked(marks) == []
        assert bystander.poll() is None


def test_every_mark_counts_and_who_looks_is_not_found() -> None:
    marks = {MARK: str(os.getpid()), "RANK": "1"}
    with waiting("", {**os.environ, **marks, "RANK": "0"}):
        assert end_marked(marks) == []
