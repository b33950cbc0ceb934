"""What tests of whole rollouts share: an endpoint, a controller, and how to run them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from weather_assets.rollout.controller import RolloutController
from weather_assets.rollout.convergence import RolloutRefused
from weather_assets.rollout.evidence import ProbeSet
from weather_assets.rollout.journal import Entry
from weather_assets.rollout.report import StageReport
from weather_assets.rollout.settings import RolloutSettings
from weather_assets.rollout.states import Release, Stage
from weather_assets_tests.rollout.memory_service import (
    Clock,
    Killed,
    MemoryService,
    Scorer,
    probe_set,
    release,
)

FAST = replace(
    RolloutSettings(),
    rows_per_probe=25,
    shadow_seconds=30.0,
    canary_seconds=30.0,
    warm_seconds=30.0,
    maximum_hold_seconds=60.0,
    look_seconds=15.0,
)
BRIEF = replace(
    FAST,
    shadow_seconds=10.0,
    canary_seconds=10.0,
    warm_seconds=10.0,
    look_seconds=5.0,
    smoke_requests=2,
)
ROLLOUT = (Stage.DEPLOYED, Stage.SHADOW, Stage.CANARY, Stage.LIVE)
PROBES = probe_set()


@dataclass
class MemoryJournal:
    """A journal that survives the process, as a file does."""

    kept: list[Entry] = field(default_factory=list[Entry])
    kill_at: tuple[int, str] | None = None
    """Number of an entry, and whether the process ends before or after it is kept."""
    appended: int = 0

    def append(self, entry: Entry) -> None:
        self.appended += 1
        at = self.kill_at[1] if self.kill_at and self.kill_at[0] == self.appended else ""
        if at != "before":
            self.kept.append(dict(entry))
        if at:
            raise Killed

    def entries(self) -> Sequence[Entry]:
        return list(self.kept)


@dataclass
class Place:
    """An endpoint and all that a controller needs besides."""

    service: MemoryService
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    settings: RolloutSettings = FAST
    probes: ProbeSet = PROBES
    said: list[str] = field(default_factory=list[str])
    newer: str = ""

    def controller(self) -> RolloutController:
        clock = self.service.clock
        return RolloutController(
            self.service,
            self.settings,
            self.probes,
            clock,
            clock.sleep,
            self.journal,
            self.said.append,
            lambda: self.newer,
        )

    def advance(self, candidate: Release, stage: Stage, *, immediate: bool = False) -> StageReport:
        return self.controller().advance(candidate, stage, immediate=immediate)

    def roll_out(self, candidate: Release, stages: Sequence[Stage] = ROLLOUT) -> list[StageReport]:
        """Runs stages as the graph does: the next one only where the last one passed."""
        reports: list[StageReport] = []
        for stage in stages:
            reports.append(self.advance(candidate, stage))
            if not reports[-1].passed:
                break
        return reports

    def survive(self, candidate: Release) -> None:
        """Runs the stages, beginning again each that is killed, as a retried asset does."""
        for stage in ROLLOUT:
            for _ in range(3):
                try:
                    report = self.advance(candidate, stage)
                except Killed:
                    self.service.revive()
                except RolloutRefused:
                    return  # its rollback was complete when it was killed
                else:
                    break
            else:
                raise AssertionError(f"{stage} did not come to an end")
            if not report.passed:
                return


def place(
    scorers: Mapping[int, Scorer] | None = None,
    *,
    champion: bool = True,
    settings: RolloutSettings = FAST,
) -> Place:
    """Returns an endpoint where release 1 serves on blue, or an empty one."""
    known = {release(number).identity: scorer for number, scorer in (scorers or {}).items()}
    service = MemoryService(Clock(), known)
    if champion:
        service.place("blue", release(1))
        service.give({"blue": 100})
    return Place(service, settings=settings)
