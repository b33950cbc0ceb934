"""What can be chosen, and what cannot."""

import math
from dataclasses import replace

import pytest

from weather_assets.rollout.evidence import ProbeSet
from weather_assets.rollout.settings import Limits, RolloutSettings
from weather_assets.rollout.states import Stage


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mirror_percent", 51),
        ("mirror_percent", 0),
        ("mirror_percent", True),
        ("canary_percent", 50),
        ("canary_percent", 2.5),
        ("shadow_seconds", -1.0),
        ("warm_seconds", math.nan),
        ("maximum_hold_seconds", math.inf),
        ("look_seconds", 0.0),
        ("probe_requests_per_second", 0.0),
        ("apply_attempts", 0),
    ],
)
def test_a_setting_out_of_range_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} is .*; set it to"):
        replace(RolloutSettings(), **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maximum_error_share", 0.0),
        ("maximum_latency_ratio", 1.0),
        ("latency_slack_seconds", -0.1),
        ("skill_margin", math.nan),
        ("significance", 0.5),
    ],
)
def test_a_limit_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} is .*; set it to"):
        replace(Limits(), **{name: value})


def test_a_local_rollout_waits_for_seconds() -> None:
    local = RolloutSettings.local()
    assert sum(local.bake_seconds(stage) for stage in Stage) <= 12
    assert local.bake_seconds(Stage.DEPLOYED) == 0


def test_a_probe_set_that_cannot_show_skill_is_refused() -> None:
    for rows, outcomes, rate in (((), (), 0.5), (({},), (1, 0), 0.5), (({},), (2,), 0.5)):
        with pytest.raises(ValueError, match="probe set"):
            ProbeSet(rows, outcomes, rate)
    with pytest.raises(ValueError, match="base_rate"):
        ProbeSet(({},), (1,), 1.0)
    assert ProbeSet(({}, {}), (1, 0), 0.25).climatology_score == pytest.approx(
        (0.75**2 + 0.25**2) / 2
    )
