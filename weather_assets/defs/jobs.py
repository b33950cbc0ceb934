"""The pipelines by their names, as jobs over parts of the asset graph.

Belongs here: which assets a job makes. Does not belong here: when (`automation`), or how.
"""

from typing import Any

import dagster as dg

from weather_assets.defs.automation import ROLLOUT
from weather_assets.defs.rollout import RolloutConfig


def jobs() -> list[Any]:
    """Returns all jobs (Dagster does not export the type of an unresolved one)."""
    observations = dg.AssetSelection.groups("observations")
    training = dg.AssetSelection.groups("training")
    at_once = RolloutConfig(immediate=True)
    return [
        dg.define_asset_job(
            "spark_preprocessing_pipeline",
            selection=observations,
            description="Raw files to validated, labelled, divided rows; training follows.",
        ),
        dg.define_asset_job(
            "distributed_training_pipeline",
            selection=training,
            description="Two ranks train a candidate, it is judged, and a pass makes it champion.",
        ),
        dg.define_asset_job(
            "azure_manual_deploy",
            selection=dg.AssetSelection.assets("candidate_deployment", "live_deployment"),
            config=dg.RunConfig(ops={"candidate_deployment": at_once, "live_deployment": at_once}),
            description="The scoring package to the endpoint, made if missing, and 100 % at once.",
        ),
        dg.define_asset_job(
            "azure_automated_rollout",
            selection=ROLLOUT,
            description="The scoring package through shadow and canary to 100 %, or back.",
        ),
        dg.define_asset_job(
            "continuous_training",
            selection=dg.AssetSelection.all(),
            description="The whole chain, from raw files to what is served.",
        ),
    ]
