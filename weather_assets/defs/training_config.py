"""What a training may be told, and the order that comes of it.

Belongs here: the configuration of `weather_checkpoint`, its defaults, and the settings made of it.
Does not belong here: what the settings mean (`forecasting.settings`, `adapters.ranks.settings`).
"""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from weather_assets.defs.code_versions import training_code
from weather_assets.forecasting.settings import TrainingSettings

if TYPE_CHECKING:
    from weather_assets.adapters.ranks.settings import GangSettings
    from weather_assets.workflows.candidates import TrainingOrder

_DEFAULTS = TrainingSettings()


class TrainingConfig(dg.Config):
    """How many ranks train, how patient their supervisor is, and what may be tried."""

    world_size: int = Field(default=2, ge=1, description="Number of DDP ranks.")
    seed: int = Field(
        default=_DEFAULTS.seed, ge=0, description="Of weights and of the order of rows."
    )
    maximum_steps: int = Field(
        default=_DEFAULTS.maximum_steps, ge=1, description="Optimiser steps per candidate network."
    )
    max_relaunches: int = Field(
        default=2, ge=0, description="How often all ranks are started again after one has failed."
    )
    start_timeout_seconds: float = Field(
        default=120.0, gt=0, description="Longest time until a rank says that it has started."
    )

    def order(self, dagster_run_id: str) -> "TrainingOrder":
        """Returns what the configuration orders.

        Args:
            dagster_run_id: the run that asks.
        """
        from weather_assets.workflows.candidates import TrainingOrder

        return TrainingOrder(
            settings=TrainingSettings(seed=self.seed, maximum_steps=self.maximum_steps),
            gang=self.gang(),
            code_version=training_code(),
            dagster_run_id=dagster_run_id,
        )

    def gang(self) -> "GangSettings":
        """Returns the size and the patience of the gang."""
        from weather_assets.adapters.ranks.settings import GangSettings

        return GangSettings(
            world_size=self.world_size,
            max_relaunches=self.max_relaunches,
            start_timeout_seconds=self.start_timeout_seconds,
        )
