"""Gathers the evidence of a stage, and judges it as it comes in.

Belongs here: when which probe is sent, when the endpoint and the service's counts are looked at,
and what keeps evidence from being gathered. Does not belong here: what follows from it
(`stage_verdict`).

Nothing that fails here ends the watch by itself: an endpoint that cannot be observed, or asked, is
evidence that is missing, and missing evidence is a hold.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from weather_assets.rollout.convergence import check_claim
from weather_assets.rollout.evidence import LiveCounts, Probe, ProbeSet, Reply, StageEvidence
from weather_assets.rollout.service import EndpointService, ServiceError, Superseded
from weather_assets.rollout.settings import RolloutSettings
from weather_assets.rollout.stage_verdict import StageOutcome, StageVerdict, judge_stage
from weather_assets.rollout.states import Endpoint, Release, Traffic
from weather_assets.rollout.view import View

_HISTORY = timedelta(hours=1)
"""How far before the stage the champion's own failures are counted: in the live stage it answers
nobody any more."""

_INVALID_FOR_HARM = 2
"""Answers of HTTP 200 without valid probabilities that convict a new deployment. A gateway that is
not ready answers an error; a scorer that answers nonsense will not learn better."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is watched.

    Attributes:
        release: the candidate.
        slot: its slot.
        champion: the slot to compare with; None: climatology.
        beside: identity of the release in each other slot of ours; a new one is another rollout.
        traffic: as it was set; nobody else may change it meanwhile.
        bake_seconds: least time to watch.
        stage: name of the stage, for people.
    """

    release: Release
    slot: str
    champion: str | None
    beside: Mapping[str, str]
    traffic: Traffic
    bake_seconds: float
    stage: str


@dataclass(slots=True)
class Watch:
    """One stage being watched.

    Attributes:
        service: the endpoint.
        settings: rates, times and limits.
        probe_set: rows to ask about.
        clock: returns the time, with time zone.
        sleep: waits so many seconds.
        report_progress: told each verdict in words.
        subject: what is watched.
    """

    service: EndpointService
    settings: RolloutSettings
    probe_set: ProbeSet
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    report_progress: Callable[[str], None]
    subject: Subject
    _probes: list[Probe] = field(default_factory=list[Probe])
    _routed: list[Reply] = field(default_factory=list[Reply])
    _interruptions: list[str] = field(default_factory=list[str])
    _queue: deque[int] = field(default_factory=deque[int])

    def until_answering(self) -> StageVerdict:
        """Asks a new deployment until it has given some good answers in a row.

        Raises:
            Superseded: another rollout took its place.
        """
        began, good, invalid, problem = self.clock(), list[float](), 0, "it was not asked"
        while True:
            rows = self._draw()
            reply = self._ask(rows, self.subject.slot)
            problem = reply.fault(len(rows))
            if problem:
                good.clear()
            else:
                good.append(reply.seconds)
            invalid = invalid + 1 if problem and reply.status == 200 else 0
            numbers = {"good_answers": float(len(good)), "elapsed_seconds": self._since(began)}
            if len(good) >= self.settings.smoke_requests:
                sentence = (
                    f"{self.subject.release} on {self.subject.slot} answered {len(good)} requests "
                    f"in a row, in {median(good) * 1000:.0f} ms (median)."
                )
                numbers["median_seconds"] = median(good)
                return StageVerdict(StageOutcome.CONTINUE, (sentence,), numbers)
            late = numbers["elapsed_seconds"] >= self.settings.answer_seconds
            if late or invalid >= _INVALID_FOR_HARM:
                sentence = (
                    f"{self.subject.release} on {self.subject.slot} did not give "
                    f"{self.settings.smoke_requests} good answers in a row within "
                    f"{numbers['elapsed_seconds']:.0f} s; last problem: {problem or 'none'}."
                )
                return StageVerdict(StageOutcome.ROLL_BACK, (sentence,), numbers)
            if problem:
                self.report_progress(f"{self.subject.slot} does not answer yet: {problem}")
                verdict = self._look()
                if verdict is not None:
                    return verdict
                self.sleep(self.settings.poll_seconds)

    def until_verdict(self) -> StageVerdict:
        """Sends probes until the stage is passed or must be rolled back.

        Raises:
            Superseded: somebody else changed the traffic, or the candidate's slot.
        """
        began = next_probe = self.clock()
        next_look = began + timedelta(seconds=self.settings.look_seconds)
        gap = timedelta(seconds=1.0 / self.settings.probe_requests_per_second)
        while True:
            # What was missed is not made up for: bursts are no load that anybody has.
            if self.clock() >= next_probe:
                self._probe()
                next_probe = max(next_probe + gap, self.clock())
            if self.clock() >= next_look:
                verdict = self._look() or judge_stage(self._evidence(began), self.settings)
                self.report_progress(f"{self.subject.stage}: {verdict.sentence}")
                if verdict.outcome is not StageOutcome.HOLD:
                    return verdict
                next_look = self.clock() + timedelta(seconds=self.settings.look_seconds)
            pause = min(next_probe, next_look) - self.clock()
            self.sleep(max(0.0, pause.total_seconds()))

    def _since(self, began: datetime) -> float:
        return (self.clock() - began).total_seconds()

    def _draw(self) -> tuple[int, ...]:
        """Draws rows at random, without replacement until all were asked."""
        if not self._queue:
            order = list(range(len(self.probe_set.rows)))
            # A fixed seed: the order has to be independent of what the rows hold, not secret.
            random.Random(self.subject.release.identity).shuffle(order)  # noqa: S311
            self._queue.extend(order)
        count = min(self.settings.rows_per_probe, len(self._queue))
        return tuple(self._queue.popleft() for _ in range(count))

    def _probe(self) -> None:
        rows, champion = self._draw(), self.subject.champion
        first, replies = len(self._probes) % 2, dict[str, Reply]()
        # The two slots take turns in being asked first: the second finds warmer caches.
        slots = [self.subject.slot, *([] if champion is None else [champion])]
        for slot in slots[::-1] if first else slots:
            replies[slot] = self._ask(rows, slot)
        probe = Probe(
            rows=rows,
            outcomes=tuple(self.probe_set.outcomes[row] for row in rows),
            champion=None if champion is None else replies[champion],
            candidate=replies[self.subject.slot],
        )
        self._probes.append(probe)
        if probe.candidate_fault or probe.champion_fault:
            self._queue.extend(rows)  # not compared, so asked again
        if self.subject.traffic.live:
            self._routed.append(self._ask(rows, None))

    def _ask(self, rows: tuple[int, ...], slot: str | None) -> Reply:
        try:
            return self.service.ask([self.probe_set.rows[row] for row in rows], slot)
        except ServiceError as error:
            self._interruptions.append(f"a request could not be sent: {error}")
            return Reply(0, 0.0, None, "", str(error))

    def _look(self) -> StageVerdict | None:
        """Looks at the endpoint; returns a verdict where that alone decides."""
        subject = self.subject
        try:
            observed = self.service.observe()
            if observed is not None and observed.shares != subject.traffic:
                self.sleep(self.settings.poll_seconds)  # a change may show a little later
                observed = self.service.observe()
        except ServiceError as error:
            self._interruptions.append(f"the endpoint could not be observed: {error}")
            return None
        check_claim(observed, subject.slot, subject.release)
        if observed is None:
            return None
        beside = View(observed, subject.release).beside
        newcomers = sorted(beside.items() - subject.beside.items())
        gone = [] if subject.champion is None or subject.champion in beside else [subject.champion]
        for slot in [*(slot for slot, _ in newcomers), *gone]:
            raise Superseded(
                f"Slot {slot} is not what it was when this stage began: another rollout, or "
                f"somebody, replaced or removed it. Nothing was touched since; {subject.release} "
                f"stays on {subject.slot} ({observed.shares})."
            )
        return self._judge_state(observed)

    def _judge_state(self, observed: Endpoint) -> StageVerdict | None:
        subject = self.subject
        if observed.provisioning.settled and observed.shares != subject.traffic:
            raise Superseded(
                f"Somebody else changed the traffic of {observed.name} from {subject.traffic} to "
                f"{observed.shares}. Nothing was touched since. Materialize this stage again to "
                "set it back and go on."
            )
        deployment = observed.deployment(subject.slot)
        if deployment is None or not deployment.provisioning.settled:
            return None
        if deployment.provisioning.healthy:
            return None
        return StageVerdict(StageOutcome.ROLL_BACK, (failed_sentence(subject.slot, observed),))

    def _evidence(self, began: datetime) -> StageEvidence:
        subject = self.subject
        champion = subject.champion
        return StageEvidence(
            probes=tuple(self._probes),
            probe_set_rows=len(self.probe_set.rows),
            base_rate=self.probe_set.base_rate,
            climatology_score=self.probe_set.climatology_score,
            elapsed_seconds=self._since(began),
            bake_seconds=subject.bake_seconds,
            candidate_live=self._counts(subject.slot, began),
            champion_live=None if champion is None else self._counts(champion, began - _HISTORY),
            routed=tuple(self._routed),
            candidate_slot=subject.slot,
            interruptions=tuple(self._interruptions),
        )

    def _counts(self, slot: str, since: datetime) -> LiveCounts | None:
        try:
            return self.service.live_counts(slot, since)
        except ServiceError as error:
            self._interruptions.append(f"live requests could not be counted: {error}")
            return None


def failed_sentence(slot: str, observed: Endpoint) -> str:
    """Says that a deployment came to a bad end after it had served."""
    deployment = observed.deployment(slot)
    state = "gone" if deployment is None else deployment.provisioning
    return f"Deployment {slot} is {state}: the service has given up on it."
