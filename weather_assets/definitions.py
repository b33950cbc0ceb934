"""The code location: assembles `defs/`, and nothing else."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from weather_assets.adapters.own_settings import tell_libraries
from weather_assets.adapters.settings.concerns import (
    CONTAINERS,
    ENDPOINT,
    GANG,
    LIVE_SKILL,
    PLACEMENT,
    RETRAINING,
    ROLLOUT,
    ROLLOUT_LIMITS,
    ROW_LIMITS,
    SPARK,
    TRAINING,
)
from weather_assets.defs import (
    automation,
    jobs,
    monitoring,
    observations,
    rollout,
    serving,
    training,
)
from weather_assets.defs.raw_sensor import raw_weather_sensor
from weather_assets.defs.resources import (
    DataRootResource,
    ModelRegistryResource,
    RankBackendResource,
    mlflow_tracking,
)
from weather_assets.defs.run_workers import held_in_process_executor
from weather_assets.defs.settings import (
    LimitsResource,
    RetrainingResource,
    RolloutResource,
    SparkResource,
    TrainingResource,
    as_set,
)


def build_defs(*, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Returns the definitions.

    Args:
        resource_overrides: resources by key that stand in for the embedded ones.

    Returns:
        Assets, checks, jobs, sensors and resources, with the in-process executor: one process
        imports each library once, and the work that needs processes of its own (Spark, the training
        ranks, the scoring server) starts them itself.
    """
    tell_libraries()
    data_root = DataRootResource()
    resources: dict[str, Any] = {
        "data_root": data_root,
        "spark": as_set(SparkResource, SPARK),
        "limits": as_set(LimitsResource, ROW_LIMITS),
        "training": as_set(TrainingResource, GANG, TRAINING),
        "retraining": as_set(RetrainingResource, RETRAINING, LIVE_SKILL),
        "rollout": as_set(RolloutResource, ENDPOINT, ROLLOUT, ROLLOUT_LIMITS),
        "mlflow": mlflow_tracking,
        "model_registry": ModelRegistryResource(data_root=data_root),
        "rank_backend": as_set(RankBackendResource, PLACEMENT, CONTAINERS, data_root=data_root),
        **(resource_overrides or {}),
    }
    return dg.Definitions(
        assets=dg.load_assets_from_modules([observations, monitoring, training, serving, rollout]),
        jobs=jobs.jobs(),
        sensors=[raw_weather_sensor, *automation.automation_sensors()],
        resources=resources,
        executor=held_in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Returns what Dagster loads."""
    return build_defs()
