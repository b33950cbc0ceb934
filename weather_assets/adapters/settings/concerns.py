"""Every setting of the product: which dataclasses, and how their variables are called.

Belongs here: the list, and settings that are put together from several dataclasses. Does not belong
here: what a setting means and may be (beside what it is for), or how one is read (`variables`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from weather_assets.adapters.azure.settings import WORKSPACE_VARIABLES, AzureSettings
from weather_assets.adapters.containers.settings import ContainerSettings
from weather_assets.adapters.ranks.settings import GangSettings, RankPlacement
from weather_assets.adapters.settings.places import Credentials, Places
from weather_assets.adapters.settings.variables import NOTHING, Concern, unknown_variables
from weather_assets.adapters.spark_session import SparkSettings
from weather_assets.contract.limits import Limits as RowLimits
from weather_assets.forecasting.settings import TrainingSettings
from weather_assets.foundation.settings import SettingError
from weather_assets.monitoring.settings import LiveSkillSettings
from weather_assets.reconciliation.retraining import RetrainingSettings
from weather_assets.rollout.settings import Limits, RolloutSettings

PLACES = Concern(
    "places", Places, "WEATHER_ASSETS_", (("tracking_uri", "MLFLOW_TRACKING_URI"),),
    owns_prefix=False,
)  # fmt: skip
SPARK = Concern(
    "Spark", SparkSettings, "", (("master", "WEATHER_ASSETS_SPARK_MASTER"),), owns_prefix=False
)
ROW_LIMITS = Concern("limits of rows", RowLimits, "WEATHER_ASSETS_LIMIT_")
TRAINING = Concern("training", TrainingSettings, "WEATHER_ASSETS_TRAINING_")
GANG = Concern(
    "training", GangSettings, "WEATHER_ASSETS_TRAINING_",
    only=("world_size", "max_relaunches", "start_timeout_seconds", "progress_timeout_seconds"),
)  # fmt: skip
RETRAINING = Concern("retraining", RetrainingSettings, "WEATHER_ASSETS_RETRAIN_")
LIVE_SKILL = Concern("retraining", LiveSkillSettings, "WEATHER_ASSETS_LIVE_SKILL_")
PLACEMENT = Concern(
    "ranks", RankPlacement, "", (("placement", "WEATHER_ASSETS_RANKS"),), owns_prefix=False
)
CONTAINERS = Concern("ranks", ContainerSettings, "WEATHER_ASSETS_RANK_")
ENDPOINT = Concern(
    "endpoint", AzureSettings, "ENDPOINT_",
    (*WORKSPACE_VARIABLES.items(), ("endpoint", "ENDPOINT_NAME")), owns_prefix=False,
)  # fmt: skip
ROLLOUT = Concern("rollout", RolloutSettings, "ROLLOUT_")
ROLLOUT_LIMITS = Concern("rollout", Limits, "ROLLOUT_")

CREDENTIALS = Concern(
    "credentials", Credentials, "AZURE_", (("spark_secret", "_SPARK_AUTH_SECRET"),),
    owns_prefix=False, hidden=("client_secret", "spark_secret"),
)  # fmt: skip

CONCERNS: tuple[Concern[Any], ...] = (
    PLACES, ROW_LIMITS, SPARK, TRAINING, GANG, RETRAINING, LIVE_SKILL, PLACEMENT, CONTAINERS,
    ENDPOINT, ROLLOUT, ROLLOUT_LIMITS, CREDENTIALS,
)  # fmt: skip


def rollout_settings(given: Mapping[str, Any] = NOTHING, *, local: bool) -> RolloutSettings:
    """Returns the settings of rollouts.

    Args:
        given: values by field, which win over the environment.
        local: whether Local Azure serves, where stages take seconds.

    Raises:
        SettingError: naming the setting, its value and what is allowed.
    """
    base = RolloutSettings.local() if local else RolloutSettings()
    settings = ROLLOUT.read(given, base)
    return replace(settings, limits=ROLLOUT_LIMITS.read(given))


def mistakes(concerns: Iterable[Concern[Any]] = CONCERNS) -> Iterator[str]:
    """Yields a sentence on each setting of the environment that cannot work."""
    chosen = tuple(concerns)
    yield from unknown_variables(chosen)
    for concern in chosen:
        try:
            concern.read()
        except SettingError as error:
            yield str(error)
