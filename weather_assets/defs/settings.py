"""Settings as Dagster shows and takes them: resources, and the configuration of single assets.

Belongs here: which settings an asset needs, put together for its workflow. Does not belong here:
any setting, its variable or its range (`adapters.settings.concerns`).

What the launchpad gives an asset wins over what it gives a resource, that over the environment,
that over contract.toml where the setting belongs to the data, and that over the default.
"""

from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from pydantic import Field, create_model

from weather_assets.adapters.settings.concerns import (
    ENDPOINT,
    GANG,
    LIVE_SKILL,
    RETRAINING,
    ROLLOUT,
    ROLLOUT_LIMITS,
    ROW_LIMITS,
    SPARK,
    TRAINING,
    rollout_settings,
)
from weather_assets.adapters.settings.variables import Concern
from weather_assets.defs.code_versions import training_code
from weather_assets.foundation.settings import allowed_values, descriptions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from weather_assets.adapters.azure.settings import AzureSettings
    from weather_assets.monitoring.settings import LiveSkillSettings
    from weather_assets.rollout.settings import RolloutSettings
    from weather_assets.workflows.candidates import TrainingOrder

_Shown = TypeVar("_Shown", bound="SettingsResource")


class _Given:
    """What both kinds of configuration can do."""

    def given(self) -> dict[str, Any]:
        """Returns the settings that have a value here."""
        return {name: value for name, value in vars(self).items() if value is not None}


class SettingsConfig(dg.Config, _Given):
    """Settings of one asset in one run."""


class SettingsResource(dg.ConfigurableResource[Any], _Given):
    """Settings of all runs."""


def with_fields(base: type[Any], *concerns: Concern[Any]) -> type[Any]:
    """Returns a class with a field for each setting of some concerns, empty where not given."""
    definitions: dict[str, Any] = {}
    for concern in concerns:
        allowed, about = allowed_values(concern.kind), descriptions(concern.kind)
        defaults = concern.kind()
        for name, variable in concern.variables.items():
            default = getattr(defaults, name)
            shown = ",".join(default) if isinstance(default, tuple) else default
            definitions[name] = (
                type(shown) | None,
                Field(
                    default=None,
                    description=f"{about[name]} May be {allowed[name].words}. Where nothing is "
                    f"given, {variable}, and where that is unset, {shown!r}.",
                ),
            )
    return create_model("Settings", __base__=base, **definitions)


def as_set(resource: type[_Shown], *concerns: Concern[Any], **others: Any) -> _Shown:
    """Returns a resource with what the environment says, so that the UI shows it.

    A value that cannot work is left out: whoever needs it says so, and nobody else.

    Args:
        resource: its class.
        concerns: the settings in it.
        others: further fields.
    """
    chosen = {k: v for concern in concerns for k, v in concern.examined()[0].items()}
    shown = {k: ",".join(v) if isinstance(v, tuple) else v for k, v in chosen.items()}
    return resource(**shown, **others)


class LimitsResource(with_fields(SettingsResource, ROW_LIMITS)):
    """What rows must reach to be used, in place of what contract.toml says."""

    def overrides(self, config: SettingsConfig) -> dict[str, float]:
        """Returns the limits that hold in place of the contract's.

        Args:
            config: of the asset.
        """
        return ROW_LIMITS.chosen({**self.given(), **config.given()})


class TrainingConfig(with_fields(SettingsConfig, GANG, TRAINING)):
    """How many ranks train, how patient their supervisor is, and for how long."""


class TrainingResource(with_fields(SettingsResource, GANG, TRAINING)):
    """How many ranks train, how patient their supervisor is, and for how long."""

    def order(self, config: TrainingConfig, dagster_run_id: str) -> "TrainingOrder":
        """Returns what the settings order.

        Args:
            config: of the asset.
            dagster_run_id: the run that asks.
        """
        from weather_assets.workflows.candidates import TrainingOrder

        given = {**self.given(), **config.given()}
        return TrainingOrder(
            TRAINING.read(given), GANG.read(given), training_code(), dagster_run_id
        )


class RetrainingResource(with_fields(SettingsResource, RETRAINING, LIVE_SKILL)):
    """When new rows train by themselves, and what a model that serves must keep.

    The sensors decide by the environment alone; what is given to a run is about what it watches.
    """

    def live_skill(self) -> "LiveSkillSettings":
        """Returns what a model that serves must keep."""
        return LIVE_SKILL.read(self.given())


class RolloutResource(with_fields(SettingsResource, ENDPOINT, ROLLOUT, ROLLOUT_LIMITS)):
    """The online endpoint and its machines; percentages, times and limits of a rollout on it."""

    def settings(self) -> "tuple[AzureSettings, RolloutSettings]":
        """Returns the settings of the endpoint and of the rollout."""
        endpoint = ENDPOINT.read(self.given())
        return endpoint, rollout_settings(self.given(), local=endpoint.is_local)


class SparkResource(with_fields(SettingsResource, SPARK)):
    """Spark, through dagster-pyspark: embedded, or a standalone cluster."""

    def session(self) -> "SparkSession":
        """Returns the session, which is started when rows are first read."""
        from dagster_pyspark import LazyPySparkResource

        from weather_assets.adapters.spark_environment import set_spark_environment

        settings = SPARK.read(self.given())
        set_spark_environment(on_cluster=bool(settings.master))
        return LazyPySparkResource(spark_config=settings.configuration).spark_session
