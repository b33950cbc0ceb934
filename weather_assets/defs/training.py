"""Training: the candidate, the verdict on it, and the champion.

Belongs here: the assets of the group `training` and the check on the verdict. Does not belong here:
the network (`forecasting`), the criteria (`verification`), what they work on (`observations`).
"""

from collections.abc import Iterator
from functools import partial

import dagster as dg

from weather_assets.defs.automation import desired
from weather_assets.defs.code_versions import training_code, verification_code
from weather_assets.defs.metadata import OWNERS
from weather_assets.defs.pools import REGISTRY, TRAINING
from weather_assets.defs.resources import (
    DataRootResource,
    ModelRegistryResource,
    RankBackendResource,
    TrackedRun,
    run_has_ended,
)
from weather_assets.defs.settings import TrainingConfig, TrainingResource
from weather_assets.defs.training_metadata import (
    VERDICT_CHECK,
    candidate_metadata,
    rank_event_logger,
    verdict_check,
    verdict_data_version,
    verdict_metadata,
)


@dg.asset(
    deps=["processed_weather"],
    group_name="training",
    kinds={"pytorch", "mlflow"},
    owners=OWNERS,
    **desired(training_code(), TRAINING),
)
def weather_checkpoint(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    data_root: DataRootResource,
    model_registry: ModelRegistryResource,
    rank_backend: RankBackendResource,
    training: TrainingResource,
    mlflow: dg.ResourceParam[TrackedRun],
) -> dg.MaterializeResult:
    """The trained candidate: one registered model version, bound to data, code and configuration.

    Made from the training rows of `processed_weather` by all ranks of a gang under DDP; the best
    epoch of the best network by validation log loss. Weights, description and history lie in
    `registry/<version>` and in MLflow. Equal rows, code and configuration cost no training. Fails
    if a loss stops being a number, or if the ranks fail more often than they may be relaunched.
    """
    from weather_assets.workflows.candidates import obtain_candidate

    candidate = obtain_candidate(
        data_root.get(),
        model_registry.get(),
        rank_backend.get(context),
        training.order(config, context.run.run_id),
        open_run=lambda: _open_while_ranks_load(mlflow),
        on_event=rank_event_logger(context.log),
        has_ended=partial(run_has_ended, context.instance),
    )
    return dg.MaterializeResult(
        metadata=candidate_metadata(candidate),
        data_version=dg.DataVersion(candidate.version.version),
    )


def _open_while_ranks_load(mlflow: TrackedRun) -> str:
    """Opens the MLflow run, and imports what the verdict needs.

    The ranks import torch and Lightning just now, and this thread has nothing to do but wait for
    them: it is spared those 2.4 s later. (Not in a thread beside this one: of two that import, one
    can see half a module.)
    """
    import weather_assets.workflows.judgement  # noqa: F401  # pyright: ignore[reportUnusedImport]

    return mlflow.open()


@dg.asset(
    deps=["weather_checkpoint", "processed_weather"],
    group_name="training",
    kinds={"python", "mlflow"},
    owners=OWNERS,
    **desired(verification_code(), REGISTRY),
    check_specs=[
        dg.AssetCheckSpec(
            VERDICT_CHECK,
            asset="model_verdict",
            description=(
                "Better than climatology, no worse than logistic regression and than the champion; "
                "a warning if not: then the champion stays, and nothing follows."
            ),
        )
    ],
)
def model_verdict(
    data_root: DataRootResource, model_registry: ModelRegistryResource
) -> dg.MaterializeResult:
    """The verdict on the candidate: pass, fail or inconclusive, with the numbers.

    Made from what candidate, champion and simple baselines say about the same held-out test rows.
    Written to `registry/<version>/verdict.json`, with pictures, and into the training's MLflow run.
    Fails if the candidate belongs to other rows than the current ones. Every verdict but a pass is
    a warning, not a failure: the champion stays.
    """
    from weather_assets.verification.claims import Criteria
    from weather_assets.workflows.judgement import judge_candidate

    judgement = judge_candidate(data_root.get(), model_registry.get(), Criteria())
    return dg.MaterializeResult(
        metadata=verdict_metadata(judgement),
        data_version=verdict_data_version(judgement.verdict),
        check_results=[verdict_check(judgement.verdict)],
    )


@dg.asset(
    deps=["model_verdict"],
    group_name="training",
    kinds={"mlflow"},
    owners=OWNERS,
    **desired("1", REGISTRY),
    output_required=False,
)
def champion_model(
    context: dg.AssetExecutionContext,
    data_root: DataRootResource,
    model_registry: ModelRegistryResource,
) -> Iterator[dg.MaterializeResult]:
    """The model version that the registry's alias `champion` names: the one to be served.

    Moved to the candidate, and materialized, only behind a passed verdict. On any other one the
    alias stays where it is, and everything below is skipped and stays as it is. Fails if the
    verdict was reached against another champion than the present one.
    """
    from weather_assets.workflows.judgement import promote_candidate

    promotion = promote_candidate(data_root.get(), model_registry.get())
    context.log.info(promotion.sentence)
    if promotion.passed:
        champion = promotion.candidate
        yield dg.MaterializeResult(
            metadata={"model_version": champion.version, "mlflow_run_id": champion.run_id},
            data_version=dg.DataVersion(champion.version),
        )
