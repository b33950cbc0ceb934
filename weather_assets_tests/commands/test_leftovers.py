"""Any command with a data root ends what a killed `dev` has left; a living one is left alone."""

import os
import sys
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.cli import main
from weather_assets.commands.leftovers import DEV_MARK
from weather_assets.foundation.marked_processes import marked_processes
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.foundation.dying import waiting

CHILD = [sys.executable, "-c", "import time; time.sleep(600)"]
DEV = """
import os, subprocess
from pathlib import Path
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.foundation.held_files import hold
kept = hold(DataRoot(Path({root!r})).held_by_dev, "http://127.0.0.1:3000 {mark}")
marked = {{**os.environ, {variable!r}: "{mark}"}}
subprocess.Popen({child!r}, env=marked, stdout=subprocess.DEVNULL, start_new_session=True)
"""


@pytest.mark.parametrize("words", [["doctor"], ["endpoint", "status"], ["endpoint", "key"]])
def test_a_child_that_outlived_dev_is_ended(tmp_path: Path, words: list[str]) -> None:
    root = DataRoot.at(tmp_path).create()
    mark = f"test-{os.getpid()}-{'-'.join(words)}"
    dev = DEV.format(root=str(tmp_path), mark=mark, variable=DEV_MARK, child=CHILD)

    def children() -> list[psutil.Process]:
        return list(marked_processes({DEV_MARK: mark}))

    command = [*words, "--data", str(root.path)]
    with waiting(dev) as killed:
        wait_until(children, 30, "the child")
        CliRunner().invoke(main, command)
        assert children(), "its parent lives"
        killed.kill()
        killed.wait()
        assert children()
        CliRunner().invoke(main, command)
        assert not children()
