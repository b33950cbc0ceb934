"""What a policy of retraining was worth, from tick to tick of a simulated clock.

Belongs here: the ticks, and what they sum up to. Does not belong here: the clock, rows and models
(`workflows.replay`), or how it is shown (`replay_report`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean
from typing import Self

from weather_assets.monitoring.scores import skill

Lives = Mapping[int, Sequence["Step"]]
"""The ticks of one policy, by seed."""


@dataclass(frozen=True, slots=True)
class Step:
    """What happened between two ticks of the clock.

    Attributes:
        time: of the first one.
        outcome: of the retraining at it: `promoted`, `refused`, `failed`; empty where there was
            none.
        version: that answered; empty where nothing did.
        rows: that came until the next tick.
        squared_error: sum over them, of what answered; of the base rate where nothing did.
        reference_error: likewise, of the event's frequency when the clock began.
        former_error: likewise, of what answered before, where it was replaced at this tick; else
            None.
        seconds: that the retraining took.
    """

    time: datetime
    outcome: str
    version: str
    rows: int
    squared_error: float
    reference_error: float
    former_error: float | None
    seconds: float

    @property
    def was_worse(self) -> bool:
        """Whether what was promoted did worse on the rows that came than what it replaced."""
        return self.former_error is not None and self.former_error < self.squared_error


@dataclass(frozen=True, slots=True)
class Summary:
    """What a policy was worth; numbers are means over seeds.

    Attributes:
        policy: its name.
        skill: of what served, against the event's frequency when the clock began.
        lowest: of the seeds.
        highest: likewise.
        retrainings: how many.
        outcomes: how many of them were promoted, refused, failed.
        replaced: promotions that replaced a model and had rows to forecast.
        worse: share of those that did worse on these rows than what they replaced.
        seconds: of retraining.
    """

    policy: str
    skill: float
    lowest: float
    highest: float
    retrainings: float
    outcomes: Mapping[str, float]
    replaced: float
    worse: float
    seconds: float

    @property
    def is_void(self) -> bool:
        """Whether every retraining failed, so that there is no skill to tell."""
        return bool(self.retrainings) and self.outcomes["failed"] == self.retrainings

    @classmethod
    def of(cls, policy: str, lives: Lives) -> Self:
        """Sums up the lives of a policy, at least one."""
        skills = [skill(steps) or 0.0 for steps in lives.values()]
        every = [step for steps in lives.values() for step in steps]
        made = [step.outcome for step in every if step.outcome]
        replaced = [step for step in every if step.former_error is not None]
        return cls(
            policy=policy,
            skill=mean(skills),
            lowest=min(skills),
            highest=max(skills),
            retrainings=len(made) / len(lives),
            outcomes={
                name: made.count(name) / len(lives) for name in ("promoted", "refused", "failed")
            },
            replaced=len(replaced) / len(lives),
            worse=mean([step.was_worse for step in replaced]) if replaced else 0.0,
            seconds=sum(step.seconds for step in every) / len(lives),
        )
