"""Runs that nobody works for any more, ended when `run` or `dev` starts.

Belongs here: looking through the unfinished runs, and their trainings in MLflow. Does not belong
here: telling the dead from the living (`defs.run_workers`), ending processes (`leftovers`), trying
again (`defs.automation`), or what a living daemon notices by itself (`run_launcher`).
"""

import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

import dagster as dg

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.defs.recorded_facts import UNFINISHED
from weather_assets.defs.run_tags import ENDED
from weather_assets.defs.run_workers import forget_finished, hold_run, why_lost
from weather_assets.foundation.held_files import HeldElsewhereError, hold, left_behind
from weather_assets.reconciliation.facts import Ending


@contextmanager
def working_run(instance: dg.DagsterInstance, root: DataRoot) -> Generator[str]:
    """Yields the id of a run that this process works for in the block.

    Before that, it ends the runs of processes that are gone; of a killed `dev` also what waits in
    the queue, which nobody would take up.
    """
    dev_was_killed = left_behind(root.held_by_dev)
    recover_runs(instance, root, nobody_launches=dev_was_killed, queue_goes_on=False)
    if dev_was_killed:
        with suppress(HeldElsewhereError):  # another `dev` has just begun
            hold(root.held_by_dev, "").release()
    run_id = str(uuid.uuid4())
    held = hold_run(root, run_id, "`weather-assets run`")
    try:
        yield run_id
    finally:
        held.release()


def recover_runs(
    instance: dg.DagsterInstance,
    root: DataRoot,
    *,
    nobody_launches: bool,
    queue_goes_on: bool,
    ending: Ending = Ending.KILLED,
) -> list[str]:
    """Ends every unfinished run whose process is gone; runs of living processes go on.

    Args:
        instance: of the data root.
        root: the data root.
        nobody_launches: that no daemon is about to start a process for a run that has none yet.
        queue_goes_on: that a later daemon takes up what waits in the queue.
        ending: what they are known as; where `dev` itself ends them in order, it was no fault of
            theirs, and they are tried again as what may heal.

    Returns:
        The runs that were ended.
    """
    ended: list[str] = []
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        waits = queue_goes_on and run.status is dg.DagsterRunStatus.QUEUED
        lost = why_lost(instance, root, run.run_id, nobody_launches=nobody_launches and not waits)
        if lost is not None:
            _end(instance, run, lost, ending)
            ended.append(run.run_id)
    _end_trainings(root, ended)
    forget_finished(instance, root)
    return ended


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun, lost: str, ending: Ending) -> None:
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, f"It was being cancelled. {lost}")
        return
    instance.add_run_tags(run.run_id, {ENDED: str(ending)})
    instance.report_run_failed(run, lost)


def _end_trainings(root: DataRoot, runs: Sequence[str]) -> None:
    """Says in MLflow that the trainings of runs were killed."""
    if not runs:
        return
    from weather_assets.adapters.tracking.model_registry import ModelRegistry

    ModelRegistry(root.tracking_uri).end_abandoned(lambda run_id: run_id in runs)
