"""Percentages, times and limits of a rollout.

Belongs here: what can be chosen about a rollout, with the reason for each default, and its
validation. Does not belong here: what the service itself allows of names and quota (`preflight`).
"""

import math
from dataclasses import dataclass, field, fields
from typing import Self

from weather_assets.rollout.states import Stage


@dataclass(frozen=True, slots=True)
class Limits:
    """What a candidate may not exceed. All comparisons are with the slot that serves.

    Attributes:
        maximum_error_share: share of requests without a valid answer. One in a hundred leaves room
            for a lost connection among a few hundred requests.
        maximum_latency_ratio: median and 90th percentile of the answer time, as a multiple of the
            champion's. Three, because equal processes on one busy machine differ, and because the
            same network on another instance type may be slower by choice.
        latency_slack_seconds: added to that multiple: of answers in milliseconds a multiple says
            nothing that a user would notice.
        maximum_mean_difference: mean absolute difference of the two probabilities of a row. It is
            for mistakes (other columns, other units, the complement), not for skill, which is
            judged by itself: so it is wide.
        skill_margin: Brier skill score that may be given away. The margin of `model_verdict`, so
            that the endpoint demands what the verdict promised.
        significance: chance of a false alarm that each of these tests may have over a whole stage,
            however often it is looked at.
    """

    maximum_error_share: float = 0.01
    maximum_latency_ratio: float = 3.0
    latency_slack_seconds: float = 0.1
    maximum_mean_difference: float = 0.25
    skill_margin: float = 0.05
    significance: float = 0.01

    def allowed_seconds(self, usual_seconds: float) -> float:
        """Returns what a candidate may take where the champion takes `usual_seconds`."""
        return self.maximum_latency_ratio * usual_seconds + self.latency_slack_seconds

    def __post_init__(self) -> None:
        """Refuse limits that allow anything or nothing.

        Raises:
            ValueError: naming the limit, its value and what is allowed.
        """
        for name, low, high in (
            ("maximum_error_share", 0.0, 0.5),
            ("maximum_latency_ratio", 1.0, 100.0),
            ("maximum_mean_difference", 0.0, 1.0),
            ("skill_margin", 0.0, 1.0),
            ("significance", 0.0, 0.2),
        ):
            value = getattr(self, name)
            # NaN compares false, and so is refused.
            if not low < value < high:
                raise ValueError(
                    f"rollout limits: {name} must lie between {low:g} and {high:g}; found {value}"
                )
        if not 0.0 <= self.latency_slack_seconds < math.inf:
            raise ValueError(
                "rollout limits: latency_slack_seconds must be 0 or more; "
                f"found {self.latency_slack_seconds}"
            )


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """How a release is rolled out. The defaults suit Azure; `local` suits Local Azure.

    Attributes:
        mirror_percent: live requests mirrored to the candidate in its shadow stage, 1 to 50, which
            is the most that Azure mirrors.
        canary_percent: live requests that the candidate answers in its canary stage, 1 to 49: the
            champion keeps the majority.
        shadow_seconds: least time in the shadow stage; ten minutes show a leak or a cold cache.
        canary_seconds: least time in the canary stage.
        warm_seconds: how long the previous slot is kept and the candidate watched after it got
            100 %: going back costs one change of traffic, a new deployment many minutes.
        maximum_hold_seconds: how long a stage may wait for missing evidence beyond its least time
            before it is rolled back.
        probe_requests_per_second: probes sent while a stage is watched, each to both slots. One a
            second is no load for one instance, and 600 paired timings in ten minutes.
        rows_per_probe: rows in one request; a scorer takes about as long for 20 as for 1.
        minimum_probe_rows: rows on which both slots must have answered before a stage may pass.
            `model_verdict` wants 20 with the event and 20 without.
        look_seconds: time between two verdicts of a stage, so the longest that harm goes unseen.
        smoke_requests: good answers in a row that a new deployment must give.
        answer_seconds: how long it may take to give them. A gateway routes to a new deployment a
            little later than the deployment reports success.
        poll_seconds: time between two looks at an operation that somebody else started.
        operation_seconds: how long such an operation may take: an image is built in up to half an
            hour.
        apply_attempts: how often a step is tried when the service fails or refuses it, each time
            from a new observation.
        retry_seconds: time between two such attempts; doubled each time.
        limits: what a candidate may not exceed.
    """

    mirror_percent: int = 20
    canary_percent: int = 10
    shadow_seconds: float = 600.0
    canary_seconds: float = 600.0
    warm_seconds: float = 900.0
    maximum_hold_seconds: float = 1800.0
    probe_requests_per_second: float = 1.0
    rows_per_probe: int = 20
    minimum_probe_rows: int = 40
    look_seconds: float = 10.0
    smoke_requests: int = 5
    answer_seconds: float = 180.0
    poll_seconds: float = 5.0
    operation_seconds: float = 3600.0
    apply_attempts: int = 4
    retry_seconds: float = 5.0
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Refuse what the service would refuse and what could never end.

        Raises:
            ValueError: naming the setting, its value and what is allowed.
        """
        for name, low, high in (
            ("mirror_percent", 1, 50),
            ("canary_percent", 1, 49),
            ("rows_per_probe", 1, 1000),
            ("minimum_probe_rows", 1, 1_000_000),
            ("smoke_requests", 1, 100),
            ("apply_attempts", 1, 20),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(
                    f"rollout: {name} must be a whole number from {low} to {high}; found {value!r}"
                )
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name.endswith("_seconds") and not 0.0 <= value < math.inf:
                raise ValueError(f"rollout: {each.name} must be 0 or more seconds; found {value}")
        for name in ("look_seconds", "poll_seconds", "operation_seconds", "answer_seconds"):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"rollout: {name} must be more than 0 seconds; found 0")
        if not 0.0 < self.probe_requests_per_second <= 1000.0:
            raise ValueError(
                "rollout: probe_requests_per_second must be more than 0 and at most 1000; "
                f"found {self.probe_requests_per_second}"
            )

    @classmethod
    def local(cls) -> Self:
        """Returns the settings for Local Azure, where a whole rollout waits about 9 seconds."""
        return cls(
            shadow_seconds=3.0,
            canary_seconds=3.0,
            warm_seconds=3.0,
            maximum_hold_seconds=20.0,
            probe_requests_per_second=20.0,
            rows_per_probe=25,
            look_seconds=0.5,
            answer_seconds=10.0,
            poll_seconds=0.2,
            operation_seconds=300.0,
            retry_seconds=0.5,
        )

    def bake_seconds(self, stage: Stage) -> float:
        """Returns the least time in a stage; 0 for stages that are not watched."""
        times = {
            Stage.SHADOW: self.shadow_seconds,
            Stage.CANARY: self.canary_seconds,
            Stage.LIVE: self.warm_seconds,
        }
        return times.get(stage, 0.0)
