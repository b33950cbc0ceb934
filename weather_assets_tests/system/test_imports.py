"""A run imports in its main thread alone, so a slow disk delays it and never fails it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from weather_assets_tests.synthetic import write_five_column

WATCH = """
import importlib.abc, os, sys, threading

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        thread = threading.current_thread()
        if thread is not threading.main_thread():
            with open(os.environ["IMPORTS_ELSEWHERE"], "a") as file:
                file.write(f"{thread.name} imports {name} in {sys.argv[0]}\\n")

sys.meta_path.insert(0, Watch())
if os.environ.get("IMPORT_THERE"):
    thread = threading.Thread(target=__import__, args=("colorsys",), name="another")
    thread.start()
    thread.join()
"""


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """Returns variables under which every Python notes what other threads import."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path / "watch"), *filter(None, sys.path)])
    noted = tmp_path / "imports"
    noted.touch()
    return {**os.environ, "PYTHONPATH": path, "IMPORTS_ELSEWHERE": str(noted)}


def test_a_run_and_its_ranks_import_in_their_main_threads(
    tmp_path: Path, surroundings: dict[str, str]
) -> None:
    root = tmp_path / "root"
    (root / "raw").mkdir(parents=True)
    write_five_column(root / "raw" / "weather.csv", 600)
    command = [sys.executable, "-m", "weather_assets", "run", "--data", str(root)]
    done = subprocess.run(
        [*command, "--until", "weather_checkpoint"],
        check=False,
        env=surroundings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert Path(surroundings["IMPORTS_ELSEWHERE"]).read_text("utf-8") == ""


def test_an_import_elsewhere_would_be_noted(surroundings: dict[str, str]) -> None:
    command = [sys.executable, "-c", "pass"]
    subprocess.run(command, env={**surroundings, "IMPORT_THERE": "1"}, check=True, timeout=60)
    noted = Path(surroundings["IMPORTS_ELSEWHERE"]).read_text("utf-8")
    assert "another imports colorsys" in noted
