"""What one stage came to, for people and for the metadata of its asset.

Belongs here: the report and its sentences. Does not belong here: how it came about (`controller`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from weather_assets.rollout.stage_verdict import StageVerdict
from weather_assets.rollout.states import Release, Stage, Traffic


@dataclass(frozen=True, slots=True)
class StageReport:
    """What one stage came to.

    Attributes:
        stage: what was asked for.
        release: the candidate.
        slot: where it is, or was before it was withdrawn; empty where it never was.
        verdict: continue or roll back; a hold is not reported, it is waited for.
        traffic_before: when the stage began.
        traffic_after: when it ended.
        standing: what is so now, in a sentence.
        scoring_uri: where requests go.
        rolled_back: whether the candidate was withdrawn.
        logs: the end of both slots' logs after a rollback, by slot.
    """

    stage: Stage
    release: Release
    slot: str
    verdict: StageVerdict
    traffic_before: Traffic
    traffic_after: Traffic
    standing: str
    scoring_uri: str
    rolled_back: bool = False
    logs: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def passed(self) -> bool:
        """Whether the next stage may follow."""
        return self.verdict.passed

    @property
    def numbers(self) -> Mapping[str, float]:
        """What the verdict rests on."""
        return self.verdict.numbers

    @property
    def sentence(self) -> str:
        """The verdict, and what is so now."""
        return f"{self.verdict.sentence} {self.standing}"
