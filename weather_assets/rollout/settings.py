"""Percentages, times and limits of a rollout.

Belongs here: what can be chosen about a rollout, with the reason for each default, and its
validation. Does not belong here: what the service itself allows of names and quota (`preflight`).
"""

from dataclasses import dataclass, field
from typing import Self

from weather_assets.foundation.settings import CheckedSettings, number, setting, whole
from weather_assets.rollout.states import Stage

_SECONDS = number(least=0)
_PAUSE = number(above=0)


@dataclass(frozen=True, slots=True)
class Limits(CheckedSettings):
    """What a candidate may not exceed. All comparisons are with the slot that serves."""

    maximum_error_share: float = setting(0.01, number(above=0, below=0.5))
    """Share of requests without a valid answer. One in a hundred leaves room for a lost connection
    among a few hundred requests."""
    maximum_latency_ratio: float = setting(3.0, number(above=1, below=100))
    """Median and 90th percentile of the answer time, as a multiple of the champion's. Three,
    because equal processes on one busy machine differ, and because the same network on another
    instance type may be slower by choice."""
    latency_slack_seconds: float = setting(0.1, number(least=0))
    """Added to that multiple: of answers in milliseconds a multiple says nothing that a user would
    notice."""
    maximum_mean_difference: float = setting(0.25, number(above=0, below=1))
    """Mean absolute difference of the two probabilities of a row. It is for mistakes (other
    columns, other units, the complement), not for skill, which is judged by itself: so it is
    wide."""
    skill_margin: float = setting(0.05, number(above=0, below=1))
    """Brier skill score that may be given away. The margin of `model_verdict`, so that the endpoint
    demands what the verdict promised."""
    significance: float = setting(0.01, number(above=0, below=0.2))
    """Chance of a false alarm that each of these tests may have over a whole stage, however often
    it is looked at."""

    def allowed_seconds(self, usual_seconds: float) -> float:
        """Returns what a candidate may take where the champion takes `usual_seconds`."""
        return self.maximum_latency_ratio * usual_seconds + self.latency_slack_seconds


@dataclass(frozen=True, slots=True)
class RolloutSettings(CheckedSettings):
    """How a release is rolled out. The defaults suit Azure; `local` suits Local Azure."""

    mirror_percent: int = setting(20, whole(1, 50))
    """Live requests mirrored to the candidate in its shadow stage; 50 is the most that Azure
    mirrors."""
    canary_percent: int = setting(10, whole(1, 49))
    """Live requests that the candidate answers in its canary stage: the champion keeps the
    majority."""
    shadow_seconds: float = setting(600.0, _SECONDS)
    """Least time in the shadow stage; ten minutes show a leak or a cold cache."""
    canary_seconds: float = setting(600.0, _SECONDS)
    """Least time in the canary stage."""
    warm_seconds: float = setting(900.0, _SECONDS)
    """How long the previous slot is kept and the candidate watched after it got 100 %: going back
    costs one change of traffic, a new deployment many minutes."""
    maximum_hold_seconds: float = setting(1800.0, _SECONDS)
    """How long a stage may wait for missing evidence beyond its least time before it is rolled
    back."""
    probe_requests_per_second: float = setting(1.0, number(above=0, most=1000))
    """Probes sent while a stage is watched, each to both slots. One a second is no load for one
    instance, and 600 paired timings in ten minutes."""
    rows_per_probe: int = setting(20, whole(1, 1000))
    """Rows in one request; a scorer takes about as long for 20 as for 1."""
    minimum_probe_rows: int = setting(40, whole(1, 1_000_000))
    """Rows on which both slots must have answered before a stage may pass. `model_verdict` wants 20
    with the event and 20 without."""
    look_seconds: float = setting(10.0, _PAUSE)
    """Time between two verdicts of a stage, so the longest that harm goes unseen."""
    smoke_requests: int = setting(5, whole(1, 100))
    """Good answers in a row that a new deployment must give."""
    answer_seconds: float = setting(180.0, _PAUSE)
    """How long it may take to give them. A gateway routes to a new deployment a little later than
    the deployment reports success."""
    poll_seconds: float = setting(5.0, _PAUSE)
    """Time between two looks at an operation that somebody else started."""
    operation_seconds: float = setting(3600.0, _PAUSE)
    """How long such an operation may take: an image is built in up to half an hour."""
    apply_attempts: int = setting(4, whole(1, 20))
    """How often a step is tried when the service fails or refuses it, each time from a new
    observation."""
    retry_seconds: float = setting(5.0, _SECONDS)
    """Time between two such attempts; doubled each time."""
    limits: Limits = field(default_factory=Limits)
    """What a candidate may not exceed."""

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
