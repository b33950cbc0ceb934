"""When an asset follows its inputs by itself, and the sensor that looks at `raw/`.

Belongs here: automation conditions, sensors and why they did or did not act. Does not belong here:
what an asset does.

Conditions compare states, not events: the newest version of every input against the version that
the asset last consumed. Measured with Dagster 1.13: an update that lands on the tick right after a
request is lost by every stock condition; compared as states it cannot be.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from weather_assets.adapters.files.raw_snapshot import (
    RawDataError,
    RawSnapshot,
    growing_files,
    take_snapshot,
)
from weather_assets.defs.resources import DataRootResource

SETTLE_SECONDS = 5.0
"""How long a raw file must lie untouched before the sensor takes it as complete."""

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_GAVE_UP = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
RAW_VERSION_TAG = "weather_assets/raw_version"


class InputsUnconsumed(dg.AutomationCondition[dg.AssetKey]):
    """True while an input, or the asset's own code, is newer than what the asset last consumed.

    An attempt after the newest input arrived counts as consumed, however it ended: what succeeded
    without making the asset would do so again (a candidate that was refused makes no champion), the
    same input would fail again, and a person who cancels means it. The next input tries anew.
    (A run whose process was killed is retried by Dagster's run retries instead.)
    """

    @property
    def name(self) -> str:
        """How the UI calls the condition."""
        return "inputs_unconsumed"

    def evaluate(
        self, context: dg.AutomationContext[dg.AssetKey]
    ) -> dg.AutomationResult[dg.AssetKey]:
        """Compares versions in the event log of the instance."""
        instance = context.asset_graph_view.instance
        node = context.asset_graph.get(context.key)
        inputs = _inputs(instance, node.parent_keys)
        consumed = _consumed_versions(instance, context.key)
        unconsumed = inputs is not None and (
            consumed.get("dagster/code_version") != node.code_version
            or any(consumed.get(each.consumed_tag) != each.version for each in inputs)
        )
        if unconsumed and inputs is not None:
            unconsumed = not _was_tried(instance, context.key, inputs)
        subset = context.candidate_subset if unconsumed else context.get_empty_subset()
        return dg.AutomationResult(context, true_subset=subset)


def follows_its_inputs() -> dg.AutomationCondition[dg.AssetKey]:
    """Returns the condition of every asset below `raw_weather`.

    The asset runs when an input is newer than what it consumed, or is about to be made on this very
    tick (so that the whole chain is one run), unless it or an input is being made just now, and
    only behind passed blocking checks; inside a run, a failed blocking check stops what is below.
    """
    about_to_be_made = dg.AutomationCondition.any_deps_match(
        dg.AutomationCondition.will_be_requested()
    )
    return (
        (InputsUnconsumed() | about_to_be_made)
        & ~dg.AutomationCondition.in_progress()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.any_deps_missing()
        & dg.AutomationCondition.all_deps_blocking_checks_passed()
    ).with_label("follows_its_inputs")


@dg.sensor(
    name="raw_weather_sensor",
    target=dg.AssetSelection.assets("raw_weather"),
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Looks at raw/ and materializes raw_weather when the content of the files has changed. "
        "Touching a file, the same bytes again or a file that is still being written cause nothing."
    ),
)
def raw_weather_sensor(
    context: dg.SensorEvaluationContext, data_root: DataRootResource
) -> dg.RunRequest | dg.SkipReason:
    """Compares the content of `raw/` with what `raw_weather` last recorded.

    It keeps no cursor: what was recorded is read from the event log, so that no arrival, failure or
    restart can make the two differ for ever.
    """
    root = data_root.get()
    raw = root.raw
    growing = growing_files(raw, settle_seconds=SETTLE_SECONDS)
    if growing:
        return dg.SkipReason(
            f"waiting for files that are still being written: {', '.join(growing)}"
        )
    try:
        snapshot = take_snapshot(raw, root.contract_file, root.hashes_file)
    except RawDataError as problem:
        return dg.SkipReason(str(problem))
    return _request_or_reason(context.instance, snapshot)


def _request_or_reason(
    instance: dg.DagsterInstance, snapshot: RawSnapshot
) -> dg.RunRequest | dg.SkipReason:
    version = snapshot.version
    if _current_version(instance, dg.AssetKey("raw_weather")) == version:
        return dg.SkipReason(
            f"the content of raw/ is unchanged: version {version}, {len(snapshot.files)} file(s)"
        )
    tags = {RAW_VERSION_TAG: version}
    if instance.get_runs_count(dg.RunsFilter(tags=tags, statuses=_UNFINISHED)):
        return dg.SkipReason(f"version {version} of raw/ is being recorded by a run just now")
    latest = instance.get_runs(dg.RunsFilter(tags=tags), limit=1)
    if latest and latest[0].status in _GAVE_UP:
        return dg.SkipReason(
            f"run {latest[0].run_id} for version {version} of raw/ ended as "
            f"{latest[0].status.value}; correct the files, or materialize raw_weather by hand"
        )
    names = ", ".join(file.name for file in snapshot.files)
    return dg.RunRequest(
        run_config={"ops": {"raw_weather": {"config": {"settle_seconds": SETTLE_SECONDS}}}},
        tags={**tags, "weather_assets/raw_files": names[:200]},
    )


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Returns the sensor that evaluates the conditions of all assets."""
    with warnings.catch_warnings():
        # A condition of our own needs the code server; the parameter is documented, and beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.AutomationConditionSensorDefinition(
            name="continuous_training_sensor",
            target=dg.AssetSelection.all(),
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=5,
            use_user_code_server=True,
            description=(
                "Makes what is downstream of new data. An asset's Automation tab says why it was "
                "or was not requested."
            ),
        )


@dataclass(frozen=True, slots=True)
class _Input:
    """The newest materialization of one input.

    Attributes:
        consumed_tag: the tag under which a consumer's materialization keeps its version.
        version: its data version.
        made_at: when, in seconds since the epoch.
        made_by: id of the run.
    """

    consumed_tag: str
    version: str | None
    made_at: float
    made_by: str


def _inputs(instance: dg.DagsterInstance, keys: set[dg.AssetKey]) -> list[_Input] | None:
    """Returns the newest materialization of every input; None while one is missing."""
    found: list[_Input] = []
    for key in keys:
        event = instance.get_latest_materialization_event(key)
        if event is None or event.asset_materialization is None:
            return None
        version = (event.asset_materialization.tags or {}).get("dagster/data_version")
        tag = f"dagster/input_data_version/{key.to_user_string()}"
        found.append(_Input(tag, version, event.timestamp, event.run_id))
    return found


def _consumed_versions(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, str]:
    event = instance.get_latest_materialization_event(key)
    if event is None or event.asset_materialization is None:
        return {}
    return dict(event.asset_materialization.tags or {})


def _current_version(instance: dg.DagsterInstance, key: dg.AssetKey) -> str | None:
    return _consumed_versions(instance, key).get("dagster/data_version")


def _was_tried(instance: dg.DagsterInstance, key: dg.AssetKey, inputs: Sequence[_Input]) -> bool:
    """Tells whether the last run that was to make `key` from these very inputs ended without it."""
    records = instance.get_asset_records([key])
    run_id = records[0].asset_entry.last_run_id if records else None
    run = instance.get_run_record_by_id(run_id) if run_id else None
    if run is None or not run.dagster_run.is_finished:
        return False
    made = instance.get_latest_materialization_event(key)
    if made is not None and made.run_id == run_id:
        return False
    begun = run.create_timestamp.timestamp()
    return all(each.made_at <= begun or each.made_by == run_id for each in inputs)
