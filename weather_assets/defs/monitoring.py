"""Monitoring: how what serves fares on rows that are new to it.

Belongs here: the assets of the group `monitoring` and their checks. Does not belong here: what is
counted as a loss (`monitoring`), or what follows from one (`automation`).
"""

from typing import TYPE_CHECKING, Any

import dagster as dg

from weather_assets.defs.automation import desired
from weather_assets.defs.code_versions import monitoring_code
from weather_assets.defs.metadata import OWNERS, WANTS_TRAINING
from weather_assets.defs.pools import REGISTRY
from weather_assets.defs.resources import DataRootResource, ModelRegistryResource
from weather_assets.defs.settings import RetrainingResource
from weather_assets.defs.training_metadata import picture

if TYPE_CHECKING:
    from weather_assets.workflows.live_skill import LiveSkill

_CHECK = "champion_keeps_its_skill"


@dg.asset(
    deps=["processed_weather"],
    group_name="monitoring",
    kinds={"python"},
    owners=OWNERS,
    **desired(monitoring_code(), REGISTRY),
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset="live_skill",
            description=(
                "On rows that came since it was trained, what serves does what its verdict has "
                "shown; a warning where that is lost beyond chance."
            ),
        )
    ],
)
def live_skill(
    context: dg.AssetExecutionContext,
    data_root: DataRootResource,
    model_registry: ModelRegistryResource,
    retraining: RetrainingResource,
) -> dg.MaterializeResult:
    """How the champion has forecast the rows that came since it was trained, day by day.

    Made of the newest rows of `processed_weather`, whose outcomes are known, and of what served as
    they came. Kept in `registry/live_skill.json`. The check warns where the skill that the verdict
    showed is lost: by a test that may look at every version without raising more false alarms.
    Fails if the champion's weights or that record are gone or damaged.
    """
    from weather_assets.workflows.live_skill import watch_champion

    found = watch_champion(data_root.get(), model_registry.get(), retraining.live_skill())
    context.log.info(found.sentence)
    return dg.MaterializeResult(
        metadata=_metadata(found),
        check_results=[
            dg.AssetCheckResult(
                passed=not found.is_lost,
                check_name=_CHECK,
                severity=dg.AssetCheckSeverity.WARN,
                description=found.sentence,
                metadata={"evidence": found.seen.evidence, "days": len(found.days)},
            )
        ],
    )


def _metadata(found: "LiveSkill") -> dict[str, Any]:
    """Returns what `live_skill` shows."""
    from weather_assets.monitoring.drift import RECENT_DAYS, in_words
    from weather_assets.monitoring.scores import skill

    recent = skill(found.days[-RECENT_DAYS:])
    shown = {
        "in_words": found.sentence,
        "model_version": found.champion or "none yet",
        WANTS_TRAINING: found.wants_training,
        "evidence_of_a_loss": found.seen.evidence,
        "days": len(found.days),
        "brier_skill_score": recent,
    }
    metadata: dict[str, Any] = {name: value for name, value in shown.items() if value is not None}
    from weather_assets.monitoring.pictures import draw_live_skill, draw_readings

    if found.days:
        drawn = draw_live_skill(found.days, found.promises, found.seen)
        metadata["skill"] = picture(drawn)
    if found.readings:
        moved = [in_words(reading) for reading in found.readings if reading.has_moved]
        metadata["moved_readings"] = dg.MetadataValue.md(
            "\n".join(f"- {each}" for each in moved) or "none, beside this season in earlier years"
        )
        metadata["readings"] = picture(draw_readings(found.readings))
    return metadata
