"""Rollout settings from environment variables."""

import pytest

from weather_assets.adapters.azure.rollout_environment import RolloutSettingsError, rollout_settings
from weather_assets.rollout.settings import RolloutSettings


def test_without_variables_the_defaults_of_each_place_hold() -> None:
    assert rollout_settings({"PATH": "x"}, local=False) == RolloutSettings()
    assert rollout_settings({"ROLLOUT_WARM_SECONDS": " "}, local=True) == RolloutSettings.local()


def test_each_variable_sets_its_setting() -> None:
    found = rollout_settings(
        {
            "ROLLOUT_CANARY_PERCENT": "5",
            "ROLLOUT_WARM_SECONDS": "1.5",
            "ROLLOUT_MAXIMUM_ERROR_SHARE": "0.02",
        },
        local=True,
    )
    assert (found.canary_percent, found.warm_seconds) == (5, 1.5)
    assert found.limits.maximum_error_share == 0.02
    assert found.mirror_percent == RolloutSettings.local().mirror_percent


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ROLLOUT_CANARY_PERCENT", "80", r"canary_percent must be .* from 1 to 49; found 80"),
        ("ROLLOUT_CANARY_PERCENT", "ten", r"ROLLOUT_CANARY_PERCENT is 'ten'; .* whole number"),
        ("ROLLOUT_WARM_SECONDS", "nan", r"warm_seconds must be 0 or more"),
        ("ROLLOUT_SKILL_MARGIN", "2", r"skill_margin must lie between 0 and 1"),
        ("ROLLOUT_CANARY_PERCENTAGE", "5", r"did you mean ROLLOUT_CANARY_PERCENT\?"),
    ],
)
def test_what_cannot_work_is_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(RolloutSettingsError, match=message):
        rollout_settings({variable: value}, local=False)
