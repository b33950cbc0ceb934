"""The verdict on a stage: continue, roll back or hold.

Belongs here: what a verdict holds, and how the findings of all criteria become one. Does not belong
here: the criteria themselves (`criteria`), or what a verdict sets in motion (`controller`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from weather_assets.rollout.criteria import (
    Finding,
    Says,
    find_agreement,
    find_answers,
    find_enough,
    find_latency,
    find_live_answers,
    find_skill,
)
from weather_assets.rollout.evidence import StageEvidence
from weather_assets.rollout.settings import RolloutSettings


class StageOutcome(StrEnum):
    """What follows from a stage's evidence. Only `CONTINUE` moves anything forward."""

    CONTINUE = "continue"
    ROLL_BACK = "roll_back"
    HOLD = "hold"


_WORDS = {
    StageOutcome.CONTINUE: "Continue",
    StageOutcome.ROLL_BACK: "Roll back",
    StageOutcome.HOLD: "Hold",
}


@dataclass(frozen=True, slots=True)
class StageVerdict:
    """What follows, why, and the numbers.

    Attributes:
        outcome: continue, roll back or hold.
        reasons: sentences that decided.
        numbers: what the verdict rests on, by name; all finite.
    """

    outcome: StageOutcome
    reasons: tuple[str, ...]
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def passed(self) -> bool:
        """Whether the next stage may follow."""
        return self.outcome is StageOutcome.CONTINUE

    @property
    def sentence(self) -> str:
        """The verdict for people."""
        return f"{_WORDS[self.outcome]}: {' '.join(self.reasons)}"

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Returns the verdict that `to_dict` described."""
        outcome = StageOutcome(document["outcome"])
        return cls(outcome, tuple(document["reasons"]), document["numbers"])

    def to_dict(self) -> dict[str, object]:
        """Returns it as JSON can carry it."""
        return {
            "outcome": self.outcome.value,
            "reasons": list(self.reasons),
            "numbers": dict(self.numbers),
        }


def judge_stage(evidence: StageEvidence, settings: RolloutSettings) -> StageVerdict:
    """Returns what follows from all that a stage has seen so far.

    Harm that is beyond chance rolls back at once, whatever else is missing. Otherwise everything
    that is missing is a hold, and a hold that lasts too long rolls back. May be called after every
    answer: the tests are valid at any time (`sequential`).

    Args:
        evidence: what was seen since the stage began.
        settings: limits, least rows, longest hold.
    """
    limits = settings.limits
    findings = (
        find_answers(evidence, limits),
        find_live_answers(evidence, limits),
        find_latency(evidence, limits),
        find_agreement(evidence, limits),
        find_skill(evidence, limits),
        find_enough(evidence, settings.minimum_probe_rows),
    )
    numbers = {"elapsed_seconds": evidence.elapsed_seconds, "probes": float(len(evidence.probes))}
    for finding in findings:
        numbers.update(finding.numbers)
    harm = _sentences(findings, Says.HARM)
    if harm:
        return StageVerdict(StageOutcome.ROLL_BACK, harm, numbers)
    missing = _sentences(findings, Says.MISSING)
    if not missing:
        return StageVerdict(StageOutcome.CONTINUE, _sentences(findings, Says.FINE), numbers)
    if evidence.interruptions:
        missing += (f"Last interruption: {evidence.interruptions[-1]}.",)
    longest = evidence.bake_seconds + settings.maximum_hold_seconds
    if evidence.elapsed_seconds < longest:
        return StageVerdict(StageOutcome.HOLD, missing, numbers)
    waited = f"Not shown to be fit to serve within {longest:g} seconds, the longest allowed."
    return StageVerdict(StageOutcome.ROLL_BACK, (waited, *missing), numbers)


def _sentences(findings: tuple[Finding, ...], says: Says) -> tuple[str, ...]:
    return tuple(each.sentence for each in findings if each.says is says and each.sentence)
