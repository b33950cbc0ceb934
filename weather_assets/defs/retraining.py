"""What Dagster's event log says of trainings, as terms for `reconciliation`.

Belongs here: when trainings ended, how many rows are new, what `live_skill` said. Does not belong
here: the terms, or any decision.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from weather_assets.adapters.settings.concerns import RETRAINING
from weather_assets.defs.metadata import LEARNED_ROWS, ROW_COUNT, TRAINED_NOW, WANTS_TRAINING
from weather_assets.foundation.settings import SettingError
from weather_assets.reconciliation.facts import AssetFacts
from weather_assets.reconciliation.retraining import RetrainingSettings, Terms

_TRAINED, _ROWS, _WATCHED = "weather_checkpoint", "processed_weather", "live_skill"
_MOST_TRAININGS_READ = 100


def with_terms(
    facts: Mapping[str, AssetFacts], instance: dg.DagsterInstance
) -> Mapping[str, AssetFacts]:
    """Returns the facts, with the terms on which `weather_checkpoint` is made again."""
    if _TRAINED not in facts:
        return facts
    return {**facts, _TRAINED: replace(facts[_TRAINED], terms=_terms(facts, instance))}


def _terms(facts: Mapping[str, AssetFacts], instance: dg.DagsterInstance) -> Terms | None:
    try:
        settings = RETRAINING.read()
    except SettingError as error:
        return Terms(RetrainingSettings(), problem=str(error))
    if settings == RetrainingSettings():
        return None
    trainings = _metadata(instance, _TRAINED, _MOST_TRAININGS_READ)
    learned, rows, looked = (
        next((each for _, each in found), {})
        for found in (trainings, _metadata(instance, _ROWS), _metadata(instance, _WATCHED))
    )
    is_counted = LEARNED_ROWS in learned and ROW_COUNT in rows
    return Terms(
        settings,
        trained_at=tuple(time for time, each in trainings if each.get(TRAINED_NOW)),
        new_rows=abs(rows[ROW_COUNT] - learned[LEARNED_ROWS]) if is_counted else None,
        is_wanted=_is_wanted(facts, looked),
    )


def _is_wanted(facts: Mapping[str, AssetFacts], said: Mapping[str, Any]) -> bool | None:
    """Returns whether it is time by what `live_skill` said, if it was of the newest rows."""
    rows, watched = facts[_ROWS].made, facts[_WATCHED].made
    is_newest = rows and watched and watched.consumed.get(_ROWS) == rows.version
    return bool(said.get(WANTS_TRAINING)) if is_newest else None


def _metadata(
    instance: dg.DagsterInstance, key: str, limit: int = 1
) -> list[tuple[float, Mapping[str, Any]]]:
    """Returns when an asset was made and what was said of it, newest first."""
    records = instance.fetch_materializations(dg.AssetKey(key), limit=limit).records
    return [
        (record.timestamp, {name: value.value for name, value in event.metadata.items()})
        for record in records
        if (event := record.asset_materialization) is not None
    ]
