"""A run whose process was killed is ended at the next start, and by the daemon; others go on.

Whole commands are killed in `system/test_killed_commands.py`.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.adapters.tracking.model_registry import ModelRegistry
from weather_assets.commands.instance import open_instance, written_home
from weather_assets.commands.recovery import recover_runs
from weather_assets.defs.run_tags import ENDED
from weather_assets.defs.run_workers import hold_run
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.foundation.dying import waiting

Status = dg.DagsterRunStatus
START_SECONDS = 60.0
ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("a"), "b"), "rain")
HOLD = """
from pathlib import Path
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.defs.run_workers import hold_run
root = DataRoot(Path({root!r}))
kept = [hold_run(root, each, "`weather-assets run`") for each in {run_ids!r}]
"""
WORK = """
import time
import dagster as dg
from weather_assets.defs.run_workers import held_in_process_executor

@dg.asset
def rain() -> None:
    time.sleep(600)

defs = dg.Definitions([rain], executor=held_in_process_executor)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataRoot:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path))
    return DataRoot.at(tmp_path).create()


@pytest.fixture
def instance(root: DataRoot) -> Iterator[dg.DagsterInstance]:
    with open_instance(root) as instance:
        yield instance


def run_of(instance: dg.DagsterInstance, status: Status) -> str:
    """Returns a new run that stands at a status."""
    return create_run_for_test(
        instance, job_name="rain", status=status, remote_job_origin=ORIGIN
    ).run_id


def held(root: DataRoot, *run_ids: str) -> str:
    """Returns a program that works for runs, under the name of `run`."""
    return HOLD.format(root=str(root.path), run_ids=run_ids)


def kill_worker_of(root: DataRoot, *run_ids: str) -> int:
    """Has a process work for runs and be killed; returns its number."""
    with waiting(held(root, *run_ids)) as process:
        process.kill()
        process.wait()
        return process.pid


def let_time_pass(root: DataRoot, run_id: str) -> None:
    """Makes a run look as if nothing had happened for two minutes."""
    with closing(sqlite3.connect(root.dagster_home / "history" / "runs.db")) as store, store:
        store.execute(
            "UPDATE runs SET update_timestamp = datetime(update_timestamp, '-2 minutes') "
            "WHERE run_id = ?",
            (run_id,),
        )


def ended(instance: dg.DagsterInstance, run_id: str) -> tuple[Status, str | None]:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status, run.tags.get(ENDED)


def last_words(instance: dg.DagsterInstance, run_id: str) -> str:
    return instance.all_logs(run_id)[-1].message


UNFINISHED = [
    Status.QUEUED,
    Status.NOT_STARTED,
    Status.STARTING,
    Status.STARTED,
]


def test_a_run_whose_process_was_killed_fails_at_the_next_start(
    root: DataRoot, instance: dg.DagsterInstance
) -> None:
    run_ids = [run_of(instance, status) for status in UNFINISHED]
    pid = kill_worker_of(root, *run_ids)
    recovered = recover_runs(instance, root, nobody_launches=False, queue_goes_on=True)
    assert sorted(recovered) == sorted(run_ids)
    for run_id in run_ids:
        assert ended(instance, run_id) == (Status.FAILURE, "killed")
        assert f"`weather-assets run` (process {pid}) was killed" in last_words(instance, run_id)
    assert list(root.held_by_runs.iterdir()) == []
    assert recover_runs(instance, root, nobody_launches=True, queue_goes_on=False) == []


def test_a_living_run_goes_on(root: DataRoot, instance: dg.DagsterInstance) -> None:
    runs = {run_of(instance, status): status for status in (*UNFINISHED, Status.CANCELING)}
    with waiting(held(root, *runs)):
        for run_id in runs:
            let_time_pass(root, run_id)
        assert recover_runs(instance, root, nobody_launches=True, queue_goes_on=False) == []
        assert {run_id: ended(instance, run_id) for run_id in runs} == {
            run_id: (status, None) for run_id, status in runs.items()
        }


def test_a_run_that_a_person_was_ending_is_cancelled(
    root: DataRoot, instance: dg.DagsterInstance
) -> None:
    run_id = run_of(instance, Status.CANCELING)
    kill_worker_of(root, run_id)
    assert recover_runs(instance, root, nobody_launches=False, queue_goes_on=True) == [run_id]
    assert ended(instance, run_id) == (Status.CANCELED, None)


def test_a_run_without_a_process_has_a_minute_to_get_one(
    root: DataRoot, instance: dg.DagsterInstance
) -> None:
    statuses = (Status.NOT_STARTED, Status.STARTING, Status.STARTED)
    run_ids = [run_of(instance, status) for status in statuses]
    assert recover_runs(instance, root, nobody_launches=False, queue_goes_on=True) == []
    for run_id in run_ids:
        let_time_pass(root, run_id)
    recovered = recover_runs(instance, root, nobody_launches=False, queue_goes_on=True)
    assert sorted(recovered) == sorted(run_ids)
    assert {ended(instance, run_id) for run_id in run_ids} == {(Status.FAILURE, "killed")}


def test_a_killed_dev_launches_nothing_any_more(
    root: DataRoot, instance: dg.DagsterInstance
) -> None:
    queued, *others = [run_of(instance, status) for status in UNFINISHED]
    for_dev = recover_runs(instance, root, nobody_launches=True, queue_goes_on=True)
    assert sorted(for_dev) == sorted(others), "its daemon takes up the queue"
    recover_runs(instance, root, nobody_launches=True, queue_goes_on=False)
    assert {ended(instance, each) for each in (queued, *others)} == {(Status.FAILURE, "killed")}


def test_finished_runs_stay_as_they_are(root: DataRoot, instance: dg.DagsterInstance) -> None:
    finished = (Status.SUCCESS, Status.FAILURE, Status.CANCELED)
    runs = {run_of(instance, status): status for status in finished}
    kill_worker_of(root, *runs)
    assert recover_runs(instance, root, nobody_launches=True, queue_goes_on=False) == []
    for run_id, status in runs.items():
        assert ended(instance, run_id) == (status, None)


def test_a_run_of_any_dagster_command_is_known_by_its_process(
    root: DataRoot, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """The executor of the code location makes it known, and the launcher's health check sees it."""
    (tmp_path / "work.py").write_text(WORK)
    command = [sys.executable, "-m", "dagster", "asset", "materialize", "--select", "rain"]
    environment = {**os.environ, "DAGSTER_HOME": str(written_home(root))}
    with subprocess.Popen(
        [*command, "-f", str(tmp_path / "work.py")], env=environment, stderr=subprocess.DEVNULL
    ) as worker:
        started = dg.RunsFilter(statuses=[Status.STARTED])
        (run,) = wait_until(lambda: instance.get_runs(started), START_SECONDS, "a run")
        file = root.held_by_runs / run.run_id
        wait_until(file.exists, START_SECONDS, "its process to be known")
        launcher = instance.run_launcher
        assert launcher.supports_check_run_worker_health
        assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
        assert recover_runs(instance, root, nobody_launches=True, queue_goes_on=False) == []
        worker.kill()
    health = launcher.check_run_worker_health(run)
    assert health.status is WorkerStatus.FAILED
    assert f"the run's process (process {worker.pid}) was killed" in str(health.msg)
    assert ended(instance, run.run_id) == (Status.STARTED, "killed"), "the daemon fails it then"


def test_the_trainings_of_killed_runs_are_killed_in_mlflow_too(
    root: DataRoot, instance: dg.DagsterInstance
) -> None:
    registry, client = ModelRegistry(root.tracking_uri), MlflowClient(root.tracking_uri)
    experiment = registry.ensure_experiment()
    killed, alive = run_of(instance, Status.STARTED), run_of(instance, Status.STARTED)
    trainings = {
        run_id: client.create_run(experiment, tags={"dagster_run_id": run_id}).info.run_id
        for run_id in (killed, alive)
    }
    kill_worker_of(root, killed)
    with waiting(held(root, alive)):
        recover_runs(instance, root, nobody_launches=False, queue_goes_on=True)
    assert client.get_run(trainings[killed]).info.status == "KILLED"
    assert client.get_run(trainings[alive]).info.status == "RUNNING"


def test_one_process_works_for_a_run(root: DataRoot) -> None:
    first = hold_run(root, "a-run", "first")
    with pytest.raises(RuntimeError, match="first"):
        hold_run(root, "a-run", "second")
    first.release()
