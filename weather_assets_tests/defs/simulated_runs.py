"""Runs as the event log of a real instance shows them, step by step, so that a test can cut in.

Belongs here: runs that are queued, started, finished, cancelled and killed, and their events. Does
not belong here: what a step makes (`simulated_world`), or what is expected (`test_reconciliation`).

`test_automation` holds the same conditions against runs that Dagster executes itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.events import (
    DagsterEvent,
    DagsterEventType,
    JobFailureData,
    StepMaterializationData,
)
from dagster._core.execution.plan.objects import StepFailureData, StepSuccessData
from dagster._core.instance.instance import DagsterInstance

from weather_assets.defs.run_tags import ASKED_BY, ENDED

_NO_DETAILS = {
    DagsterEventType.STEP_SUCCESS: StepSuccessData(duration_ms=1000.0),
    DagsterEventType.STEP_FAILURE: StepFailureData(error=None, user_failure_data=None),
    DagsterEventType.PIPELINE_FAILURE: JobFailureData(error=None),
}


@dataclass
class Run:
    """A run and how far it is.

    Attributes:
        run_id: in the instance.
        keys: the assets that it is to make, in their order.
        pools: that it holds while it is in progress.
        by: the sensor that asked for it; empty where a person did.
        tags: of the request.
        is_started: whether it left the queue.
        skipped: assets whose input was not made.
        consumed: versions of the inputs of the step under way; None between steps.
    """

    run_id: str
    keys: list[str]
    pools: set[str]
    by: str
    tags: Mapping[str, str]
    is_started: bool = False
    skipped: set[str] = field(default_factory=set[str])
    consumed: dict[str, str | None] | None = None


@dataclass
class Log:
    """Writes the events of runs into an instance.

    Attributes:
        instance: the instance.
        now: by the simulated clock.
    """

    instance: DagsterInstance
    now: float

    def launched(
        self, job: dg.JobDefinition, keys: Sequence[str], by: str, tags: Mapping[str, str]
    ) -> str:
        """Puts a run into the queue, and returns its id."""
        run = self.instance.create_run_for_job(
            job,
            asset_selection={dg.AssetKey(key) for key in keys},
            tags={**tags, **({ASKED_BY: by} if by else {})},
            status=dg.DagsterRunStatus.NOT_STARTED,  # a queued one would need a code location
        )
        return run.run_id

    def write(
        self, run: Run, kind: DagsterEventType, step: str | None = None, data: object = None
    ) -> None:
        """Writes one event."""
        event = DagsterEvent(
            event_type_value=kind.value,
            job_name="__ASSET_JOB",
            step_key=step,
            event_specific_data=data or _NO_DETAILS.get(kind),  # pyright: ignore[reportArgumentType]
        )
        self.instance.report_dagster_event(event, run.run_id, timestamp=self.now)

    def made(
        self,
        run: Run,
        key: str,
        version: str,
        code_version: str,
        checks: Mapping[str, bool],
    ) -> None:
        """Writes that a step has made its asset, and what the asset's checks say."""
        consumed = {
            f"dagster/input_data_version/{name}": there
            for name, there in (run.consumed or {}).items()
            if there is not None
        }
        tags = {"dagster/data_version": version, "dagster/code_version": code_version, **consumed}
        made = dg.AssetMaterialization(dg.AssetKey(key), tags=tags)
        self.write(run, DagsterEventType.ASSET_MATERIALIZATION, key, StepMaterializationData(made))
        for name, passed in checks.items():
            evaluation = AssetCheckEvaluation(
                asset_key=dg.AssetKey(key),
                check_name=name,
                passed=passed,
                metadata={},
                blocking=True,
            )
            self.write(run, DagsterEventType.ASSET_CHECK_EVALUATION, key, evaluation)

    def ended(self, run: Run, kind: DagsterEventType, ending: str = "") -> None:
        """Writes the end of a run, and what it says of itself."""
        if ending:
            self.instance.add_run_tags(run.run_id, {ENDED: ending})
        self.write(run, kind)
