"""Rollout: the scoring package on the online endpoint, stage by stage, and back where it must be.

Belongs here: the assets from `candidate_deployment` to `live_deployment` and their blocking checks.
Does not belong here: what a stage does and how it is judged (`rollout`), or Azure (`adapters`).
"""

from collections.abc import Callable, Iterator
from inspect import getdoc

import dagster as dg
from pydantic import Field

from weather_assets.defs.automation import follows_its_inputs, tried
from weather_assets.defs.code_versions import rollout_code
from weather_assets.defs.metadata import OWNERS
from weather_assets.defs.pools import ENDPOINT
from weather_assets.defs.resources import DataRootResource
from weather_assets.defs.rollout_metadata import (
    released,
    stage_check,
    stage_data_version,
    stage_metadata,
)
from weather_assets.defs.settings import RolloutResource

DEPLOYED = dg.AssetKey("candidate_deployment")


class RolloutConfig(dg.Config):
    """Whether a release goes through all stages."""

    immediate: bool = Field(
        default=False,
        description="Give all traffic at once, without shadow and canary (azure_manual_deploy).",
    )


def _stage(
    upstream: str, check: str, description: str
) -> Callable[[Callable[..., Iterator[dg.MaterializeResult]]], dg.AssetsDefinition]:
    """Returns the decorator of a stage's asset.

    Args:
        upstream: the asset that it follows.
        check: name of its blocking check.
        description: what the check asks.
    """

    def decorate(compute: Callable[..., Iterator[dg.MaterializeResult]]) -> dg.AssetsDefinition:
        name, code = compute.__name__, rollout_code()
        return dg.multi_asset(
            name=name,
            specs=[
                dg.AssetSpec(
                    name,
                    deps=[upstream],
                    description=getdoc(compute),
                    group_name="serving",
                    kinds={"azureml"},
                    owners=OWNERS,
                    code_version=code,
                    automation_condition=follows_its_inputs(),
                    skippable=True,
                )
            ],
            check_specs=[
                dg.AssetCheckSpec(check, asset=name, blocking=True, description=description)
            ],
            can_subset=True,  # a stage that is superseded has no result, and no check either
            **tried(code, ENDPOINT),
        )(compute)

    return decorate


@_stage(
    "scoring_package",
    "candidate_answers",
    "The new deployment answers held-out raw rows with probabilities; if not, it is removed.",
)
def candidate_deployment(
    context: dg.AssetExecutionContext,
    config: RolloutConfig,
    data_root: DataRootResource,
    rollout: RolloutResource,
) -> Iterator[dg.MaterializeResult]:
    """The scoring package, deployed on the free slot (blue or green) at 0 % traffic.

    Makes the endpoint where the service says that there is none, and nothing else says that. The
    slot that serves is not touched. Fails if the names, the quota or the credentials do not allow
    it; the check fails where the deployment does not come up or does not answer.
    """
    yield from _materialize(context, config, data_root, rollout, "deployed", "candidate_answers")


@_stage(
    "candidate_deployment",
    "shadow_is_no_worse",
    "Errors, latency, agreement and skill on the wire, while live requests are mirrored.",
)
def shadow_traffic(
    context: dg.AssetExecutionContext,
    config: RolloutConfig,
    data_root: DataRootResource,
    rollout: RolloutResource,
) -> Iterator[dg.MaterializeResult]:
    """A share of live requests mirrored to the candidate, and the paired comparison.

    Both slots are asked about the same held-out rows with known outcomes. No evidence is a hold; a
    hold that lasts too long, and any harm beyond chance, is a rollback: traffic back at once, logs
    kept here, candidate removed. Where a newer package is published meanwhile, this stage ends
    without a result, as any other does: that one is rolled out instead. Fails if the service fails
    for good; the check fails on a rollback.
    """
    yield from _materialize(context, config, data_root, rollout, "shadow", "shadow_is_no_worse")


@_stage(
    "shadow_traffic",
    "canary_is_no_worse",
    "Errors, latency, agreement and skill on the wire, while a share of users is answered.",
)
def canary_traffic(
    context: dg.AssetExecutionContext,
    config: RolloutConfig,
    data_root: DataRootResource,
    rollout: RolloutResource,
) -> Iterator[dg.MaterializeResult]:
    """A share of live requests answered by the candidate, and the paired comparison.

    Judged as `shadow_traffic` is, with live errors of the candidate counted too. Fails if the
    service fails for good; the check fails on a rollback.
    """
    yield from _materialize(context, config, data_root, rollout, "canary", "canary_is_no_worse")


@_stage(
    "canary_traffic",
    "live_is_no_worse",
    "Still no worse with all traffic, while the previous slot is kept warm for going back.",
)
def live_deployment(
    context: dg.AssetExecutionContext,
    config: RolloutConfig,
    data_root: DataRootResource,
    rollout: RolloutResource,
) -> Iterator[dg.MaterializeResult]:
    """The candidate at 100 %; the previous slot kept warm for rollback, then removed.

    The scoring URI in the metadata takes raw readings. Fails if the candidate has not passed its
    canary stage (unless `immediate`), or if the service fails for good; the check fails on a
    rollback, after which the previous slot has all traffic again.
    """
    yield from _materialize(context, config, data_root, rollout, "live", "live_is_no_worse")


def _materialize(
    context: dg.AssetExecutionContext,
    config: RolloutConfig,
    data_root: DataRootResource,
    rollout: RolloutResource,
    stage: str,
    check: str,
) -> Iterator[dg.MaterializeResult]:
    from weather_assets.rollout.states import Stage
    from weather_assets.workflows.rollouts import RolloutOrder, advance_rollout

    order = RolloutOrder(Stage(stage), config.immediate, context.run.run_id, _deployed(context))
    report = advance_rollout(data_root.get(), *rollout.settings(), order, context.log.info)
    if report is not None:
        yield dg.MaterializeResult(
            metadata=stage_metadata(report),
            data_version=stage_data_version(report),
            check_results=[stage_check(report, context.asset_key, check)],
        )


def _deployed(context: dg.AssetExecutionContext) -> str:
    """Returns the identity of the release that the first stage deployed; empty for that stage."""
    if context.asset_key == DEPLOYED:
        return ""
    event = context.instance.get_latest_materialization_event(DEPLOYED)
    made = None if event is None else event.asset_materialization
    version = "" if made is None else (made.tags or {}).get("dagster/data_version", "")
    return released(version)
