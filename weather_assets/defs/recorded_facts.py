"""What Dagster's event log says of the assets, as facts for `reconciliation`.

Belongs here: reading materializations, runs and their ends. Does not belong here: any decision.

Every look reads the log anew: nothing is remembered between two of them that could be lost.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg

from weather_assets.defs.pools import line_of
from weather_assets.defs.run_tags import ASKED_BY, CODE, ENDED, PARENT_RUN
from weather_assets.reconciliation.facts import AssetFacts, Attempt, Ending, Made
from weather_assets.reconciliation.plan import news_for

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
    from dagster._core.snap.execution_plan_snapshot import ExecutionStepSnap

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_MOST_ATTEMPTS_READ = 50
_INPUT = "dagster/input_data_version/"
_VERDICTS = {str(ending): ending for ending in (Ending.TRANSIENT, Ending.PERMANENT)}


def read_graph(
    instance: dg.DagsterInstance, graph: "BaseAssetGraph[Any]"
) -> Mapping[str, AssetFacts]:
    """Returns the facts of all assets that are desired, and of their inputs, by key."""
    desired = [
        key for key in graph.materializable_asset_keys if graph.get(key).automation_condition
    ]
    keys = {*desired, *(parent for key in desired for parent in graph.get(key).parent_keys)}
    log = RunLog(instance)
    found = {key.to_user_string(): _facts(log, graph, key) for key in keys}
    # What was tried matters only where something is to be tried.
    return {
        name: replace(facts, attempts=tuple(log.attempts(dg.AssetKey(name), facts.made)))
        if facts.is_desired and news_for(found, facts)
        else facts
        for name, facts in found.items()
    }


@dataclass(frozen=True)
class RunLog:
    """The runs of an instance, as one look needs them.

    Attributes:
        instance: whose.
    """

    instance: dg.DagsterInstance
    _checks: dict[str, dict[dg.AssetCheckKey, bool]] = field(
        default_factory=dict[str, dict[dg.AssetCheckKey, bool]]
    )

    @cached_property
    def unfinished(self) -> Mapping[dg.AssetKey, frozenset[str]]:
        """The runs that have not ended, by the assets that they are to make."""
        found: defaultdict[dg.AssetKey, set[str]] = defaultdict(set)
        for record in self.instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED)):
            run = record.dagster_run
            for key in self._steps(run):
                found[key].add(run.run_id)
        return {key: frozenset(runs) for key, runs in found.items()}

    def made(self, key: dg.AssetKey, blocking: Collection[str] = ()) -> Made | None:
        """Returns the newest version of an asset.

        Args:
            key: the asset.
            blocking: names of its blocking checks.
        """
        records = self.instance.fetch_materializations(key, limit=1).records
        event = records[0].asset_materialization if records else None
        if event is None:
            return None
        tags, run_id = event.tags or {}, records[0].run_id
        evaluations = self._evaluations(run_id) if blocking else {}
        passed = {name: evaluations.get(dg.AssetCheckKey(key, name)) for name in blocking}
        return Made(
            number=records[0].storage_id,
            run_id=run_id,
            version=tags.get("dagster/data_version"),
            consumed={
                tag.removeprefix(_INPUT): version
                for tag, version in tags.items()
                if tag.startswith(_INPUT)
            },
            code_version=tags.get("dagster/code_version"),
            failed_checks=tuple(name for name in blocking if passed[name] is False),
            is_unproven=None in passed.values() and self._ended_badly(run_id),
        )

    def attempts(
        self, key: dg.AssetKey, made: Made | None, tags: Mapping[str, str] | None = None
    ) -> Iterator[Attempt]:
        """Yields what was tried since an asset was made, and did not make it, oldest first.

        Args:
            key: the asset.
            made: its newest version.
            tags: that the runs have; None for all.
        """
        planned = self.instance.event_log_storage.get_event_records(
            dg.EventRecordsFilter(
                dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
                asset_key=key,
                after_cursor=None if made is None else made.number,
            ),
            limit=_MOST_ATTEMPTS_READ,
        )
        numbers = {record.run_id: record.storage_id for record in planned}
        if not numbers:
            return
        runs = self.instance.get_run_records(dg.RunsFilter(run_ids=list(numbers), tags=tags))
        for record in sorted(runs, key=lambda record: numbers[record.dagster_run.run_id]):
            attempt = self._attempt(key, record, numbers[record.dagster_run.run_id])
            if attempt is not None:
                yield attempt

    def _attempt(self, key: dg.AssetKey, record: dg.RunRecord, number: int) -> Attempt | None:
        run = record.dagster_run
        step = self._steps(run).get(key)
        ending = self._ending(run, step.key) if run.is_finished and step is not None else None
        if ending is None or step is None:
            return None
        return Attempt(
            number=number,
            run_id=run.run_id,
            ending=ending,
            ended_at=record.end_time or record.update_timestamp.timestamp(),
            code_version=(step.tags or {}).get(CODE),
            by_hand=ASKED_BY not in run.tags or PARENT_RUN in run.tags,
        )

    def _ending(self, run: dg.DagsterRun, step_key: str) -> Ending | None:
        """Returns how a run that has ended came to not making something; None: it did not try."""
        if run.status is dg.DagsterRunStatus.CANCELED:
            return Ending.CANCELLED
        steps = {
            stats.step_key: stats.status.value
            for stats in self.instance.get_run_step_stats(run.run_id)
            if stats.status is not None
        }
        status = steps.get(step_key)
        if run.status is dg.DagsterRunStatus.SUCCESS:
            return Ending.NOTHING if status == "SUCCESS" else None
        if status == "FAILURE":
            return _VERDICTS.get(run.tags.get(ENDED, ""), Ending.KILLED)
        others = {"FAILURE", "IN_PROGRESS"}.intersection(steps.values())
        return Ending.KILLED if status == "IN_PROGRESS" or not (status or others) else None

    def _ended_badly(self, run_id: str) -> bool:
        run = self.instance.get_run_by_id(run_id)
        return run is not None and run.is_failure_or_canceled

    def _evaluations(self, run_id: str) -> Mapping[dg.AssetCheckKey, bool]:
        """Returns what checks said in a run; warnings pass."""
        if run_id in self._checks:
            return self._checks[run_id]
        found = self._checks[run_id] = {}
        for record in self.instance.get_records_for_run(
            run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records:
            event = record.event_log_entry.dagster_event
            data = None if event is None else event.asset_check_evaluation_data
            if data is not None:
                is_error = data.severity is dg.AssetCheckSeverity.ERROR
                found[data.asset_check_key] = data.passed or not is_error
        return found

    def _steps(self, run: dg.DagsterRun) -> Mapping[dg.AssetKey, "ExecutionStepSnap"]:
        """Returns the step of each asset that a run is to make."""
        if run.execution_plan_snapshot_id is None:
            return {}
        snapshot = self.instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
        return {
            output.properties.asset_key: step
            for step in snapshot.steps
            if step.key in snapshot.step_keys_to_execute
            for output in step.outputs
            if output.properties is not None and output.properties.asset_key is not None
        }


def _facts(log: RunLog, graph: "BaseAssetGraph[Any]", key: dg.AssetKey) -> AssetFacts:
    node = graph.get(key)
    blocking = [each.name for each in node.check_keys if graph.get(each).blocking]
    made = log.made(key, sorted(blocking))
    return AssetFacts(
        key=key.to_user_string(),
        inputs=tuple(sorted(parent.to_user_string() for parent in node.parent_keys)),
        code_version=node.code_version,
        line=line_of(node.pools or ()),
        is_desired=node.automation_condition is not None,
        made=made,
        unfinished=log.unfinished.get(key, frozenset()),
    )
