"""Which process works for a run, and whether it still lives.

Belongs here: the executor that makes a run's process known, and telling runs that were killed from
those that go on. Does not belong here: launching runs (`commands.run_launcher`), looking for killed
ones (`commands.recovery`), or whether they are tried again (`automation`).

A run's process holds a file of the run's name for as long as it lives.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.foundation.held_files import HeldFile, files_in, hold, is_held, left_behind

_START_TIME = timedelta(seconds=60)
"""How long a run's process may take to hold its file: 6 s on idle cores, 30 s on busy ones."""
_ADVICE = "What it had finished is kept, and it is tried again; or materialize its assets by hand."

_of_this_process: list[HeldFile] = []
"""Never let go of: until this process has ended, its run's last events may yet be written."""


def hold_run(root: DataRoot, run_id: str, name: str) -> HeldFile:
    """Makes it known that this process works for a run.

    Args:
        root: the data root.
        run_id: of the run.
        name: how this process is called in messages.

    Raises:
        HeldElsewhereError: another process works for it.
    """
    return hold(_file_of(root, run_id), f"{name} (process {os.getpid()})")


def why_lost(
    instance: dg.DagsterInstance, root: DataRoot, run_id: str, *, nobody_launches: bool = False
) -> str | None:
    """Returns in words what became of the process of an unfinished run; None while all is well.

    Args:
        instance: knows the run.
        root: the data root.
        run_id: of the run.
        nobody_launches: that the daemon is gone which would start it.
    """
    record = instance.get_run_record_by_id(run_id)
    if record is None or record.dagster_run.is_finished:
        return None
    lost = _why_lost(record, _file_of(root, run_id), nobody_launches=nobody_launches)
    if lost is None:
        return None
    # It may have finished before it ended, and after it was first asked for.
    run = instance.get_run_by_id(run_id)
    return None if run is None or run.is_finished else f"{lost} {_ADVICE}"


def forget_finished(instance: dg.DagsterInstance, root: DataRoot) -> None:
    """Removes the files of runs that have finished: their processes cannot, before they end."""
    for file in files_in(root.held_by_runs):
        run = instance.get_run_by_id(file.name) if left_behind(file) else None
        if run is not None and run.is_finished:
            file.unlink(missing_ok=True)


def _why_lost(run: dg.RunRecord, file: Path, *, nobody_launches: bool) -> str | None:
    if is_held(file):
        return None
    with suppress(FileNotFoundError):
        worker = file.read_text("utf-8")
        return f"{worker} was killed while it worked for this run, or the machine went down."
    if nobody_launches:
        return "`weather-assets dev` was killed, or the machine went down, as this run began."
    waits = run.dagster_run.status is dg.DagsterRunStatus.QUEUED
    if waits or datetime.now(UTC) - run.update_timestamp < _START_TIME:
        return None
    return "No process took this run up: the one that was to do it was killed as it started."


def _file_of(root: DataRoot, run_id: str) -> Path:
    return root.held_by_runs / run_id


class _HeldRun(dg.Executor):
    """Makes this process known as the run's, and lets another executor do the work."""

    def __init__(self, steps: dg.Executor) -> None:
        self._steps = steps

    @property
    def retries(self) -> Any:
        """See `dg.Executor`."""
        return self._steps.retries

    @property
    def step_dependency_config(self) -> Any:
        """See `dg.Executor`."""
        return self._steps.step_dependency_config

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        """Runs all steps in this process."""
        root = DataRoot.from_environment()
        forget_finished(plan_context.instance, root)
        _of_this_process.append(hold_run(root, plan_context.run_id, "the run's process"))
        yield from self._steps.execute(plan_context, execution_plan)


@dg.executor(name="in_process", config_schema=dg.in_process_executor.config_schema.as_field())
def held_in_process_executor(context: dg.InitExecutorContext) -> dg.Executor:
    """Executes all steps in one process, which is known as the run's for as long as it lives."""
    make = cast("Callable[..., dg.Executor]", dg.in_process_executor.executor_creation_fn)
    return _HeldRun(make(context))
