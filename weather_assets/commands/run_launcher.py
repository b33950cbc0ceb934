"""The run launcher of the embedded instance, which knows whether a run's process still lives.

Belongs here: what Dagster's run monitoring asks of it (`run_monitoring` in `dagster.yaml`). Does
not belong here: how that is known (`defs.run_workers`), or looking at a start (`recovery`).
"""

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.defs.run_tags import ENDED
from weather_assets.defs.run_workers import why_lost
from weather_assets.reconciliation.facts import Ending


class WatchedRunLauncher(DefaultRunLauncher):
    """Dagster's own launcher, with a health check: without one, a killed run blocks for ever."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tells whether a run's process lives; the run monitoring fails the run where it does not.

        Args:
            run: one that has started.
        """
        lost = why_lost(self._instance, DataRoot.from_environment(), run.run_id)
        if lost is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        self._instance.add_run_tags(run.run_id, {ENDED: str(Ending.KILLED)})
        return CheckRunHealthResult(WorkerStatus.FAILED, lost)
