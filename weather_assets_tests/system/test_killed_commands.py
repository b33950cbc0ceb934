"""Real commands are killed, or lose their terminal: nothing is stuck, and nothing is left."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest
import sqlalchemy.exc

from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.commands.instance import open_instance
from weather_assets.defs.run_tags import ENDED
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.synthetic import write_five_column
from weather_assets_tests.system.development_server import (
    READY_SECONDS,
    DevelopmentServer,
    development_server,
    wait_gone,
)

pytestmark = pytest.mark.timeout(600)
Status = dg.DagsterRunStatus
FAILED_SECONDS = 60.0
"""Within a minute of the next start, as README promises."""


@pytest.fixture(autouse=True)
def hang_ups_count() -> Iterator[None]:
    """Commands end with their terminal, also where this one was started to outlive its own."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataRoot:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path / "root"))
    root = DataRoot.at(tmp_path / "root").create()
    write_five_column(root.raw / "weather.csv", rows=300)
    return root


@pytest.fixture
def instance(root: DataRoot) -> Iterator[dg.DagsterInstance]:
    with open_instance(root) as instance:
        yield instance


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Returns the variables of a command whose temporary files can be seen."""
    (tmp_path / "t").mkdir()
    return {"TMPDIR": str(tmp_path / "t"), "WEATHER_ASSETS_CACHE": str(tmp_path / "cache")}


def frozen_worker(root: DataRoot, instance: dg.DagsterInstance) -> tuple[str, psutil.Process]:
    """Stops the process of the first run that starts, so that it stays as it is.

    Not where it holds a lock of the database, since a lock of a process that is stopped stays too.
    """
    started = dg.RunsFilter(statuses=[Status.STARTED])

    def found() -> list[Path]:
        files = [root.held_by_runs / run.run_id for run in instance.get_runs(started)]
        return [file for file in files if file.exists()]

    (file,) = wait_until(found, READY_SECONDS, "a run", pause_seconds=0.01)
    process = psutil.Process(int(file.read_text().split()[-1].rstrip(")")))

    def frozen() -> bool:
        process.suspend()
        try:
            assert status_of(instance, file.name) == (Status.STARTED, None)
        except sqlalchemy.exc.OperationalError:
            process.resume()
            return False
        return True

    wait_until(frozen, READY_SECONDS, "a run that holds no lock")
    return file.name, process


def status_of(instance: dg.DagsterInstance, run_id: str) -> tuple[Status, str | None]:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status, run.tags.get(ENDED)


def test_a_dev_that_was_killed_blocks_nothing(
    root: DataRoot, instance: dg.DagsterInstance, environment: dict[str, str], tmp_path: Path
) -> None:
    with development_server(root, environment) as killed:
        run_id, _ = frozen_worker(root, instance)
        refuse_another(root, killed)
        family, mark = killed.family(), killed.mark()
        killed.process.kill()
        killed.process.wait()
        wait_gone(family, mark)
        assert status_of(instance, run_id) == (Status.STARTED, None)
        assert list((tmp_path / "t").iterdir())
    with development_server(root, environment) as dev:
        failed = (Status.FAILURE, "killed")
        wait_until(lambda: status_of(instance, run_id) == failed, FAILED_SECONDS, "its end")
        dev.wait_ready()
        everything_is_started_again(dev)
        family, mark = dev.family(), dev.mark()
        dev.process.send_signal(signal.SIGHUP)
        assert dev.process.wait(READY_SECONDS) == 0
        wait_gone(family, mark)
    assert list((tmp_path / "t").iterdir()) == []
    assert not root.held_by_dev.exists()


def refuse_another(root: DataRoot, first: DevelopmentServer) -> None:
    """A second `dev` on the data root says where the first one is."""
    command = [sys.executable, "-m", "weather_assets", "dev", "--data", str(root.path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert f"runs on {root.path} already, at {first.url};" in done.stderr
    assert "Traceback" not in done.stderr


def everything_is_started_again(dev: DevelopmentServer) -> None:
    """Each of its servers is killed; each answers again."""
    mine = psutil.Process(dev.process.pid)
    before = mine.children()
    assert len(before) == 4
    for guard in before:
        for program in guard.children():
            program.kill()
    wait_until(
        lambda: len(set(mine.children()) - set(before)) == 4, READY_SECONDS, "all to start again"
    )
    dev.wait_ready()


def test_a_run_that_lost_its_terminal_ends_as_one_that_is_interrupted(
    root: DataRoot, instance: dg.DagsterInstance, environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "weather_assets", "run", "--data", str(root.path)]
    child, terminal = pty.fork()
    if child == 0:
        os.execve(command[0], command, {**os.environ, **environment})  # noqa: S606 - no shell
    run_id, worker = frozen_worker(root, instance)
    family = [worker, *worker.children(recursive=True)]
    worker.resume()
    os.close(terminal)
    wait_until(lambda: os.waitpid(child, os.WNOHANG)[0], READY_SECONDS, "run to end")
    assert status_of(instance, run_id)[0] is Status.FAILURE, "Dagster's way"
    _, left = psutil.wait_procs(family, timeout=FAILED_SECONDS)
    assert not left
    assert list((tmp_path / "t").iterdir()) == []
    assert list(root.held_by_runs.iterdir()) == []


def test_a_run_that_was_killed_fails_when_the_next_one_starts(
    root: DataRoot, instance: dg.DagsterInstance, environment: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "weather_assets", "run", "--data", str(root.path)]
    variables = {**os.environ, **environment}
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL) as process:
        run_id, worker = frozen_worker(root, instance)
        assert worker.pid == process.pid
        process.kill()
    done = subprocess.run(
        [*command, "--until", "raw_weather"],
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert status_of(instance, run_id) == (Status.FAILURE, "killed")
    assert list((tmp_path / "t").iterdir()) == []
