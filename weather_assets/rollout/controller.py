"""Runs one stage of a rollout to its end: reached and judged, or rolled back.

Belongs here: the order of preflight, convergence, watch, verdict and rollback, and what is written
to the journal when. Does not belong here: any of these themselves.

A rollback gives the traffic back first, in one step; then logs are kept; then the candidate is
removed. It is decided in the journal before it begins, so that a kill anywhere in it leaves a
rollback that the next call completes. A stage that was killed before its verdict is watched again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from weather_assets.rollout.convergence import Convergence, Reached, RolloutRefused
from weather_assets.rollout.evidence import ProbeSet
from weather_assets.rollout.journal import Journal, Memory, remember
from weather_assets.rollout.plan import Desired
from weather_assets.rollout.preflight import Circumstances, preflight
from weather_assets.rollout.report import StageReport
from weather_assets.rollout.service import (
    DeploymentFailed,
    EndpointService,
    NewerRelease,
    ServiceError,
)
from weather_assets.rollout.settings import RolloutSettings
from weather_assets.rollout.stage_verdict import StageOutcome, StageVerdict
from weather_assets.rollout.states import Endpoint, Release, Stage, Traffic
from weather_assets.rollout.steps import Change, DeleteDeployment, Deploy, SetTraffic
from weather_assets.rollout.view import View
from weather_assets.rollout.watch import Subject, Watch, failed_sentence

_WATCHED = (Stage.SHADOW, Stage.CANARY, Stage.LIVE)
_ASSETS = {
    Stage.DEPLOYED: "candidate_deployment",
    Stage.SHADOW: "shadow_traffic",
    Stage.CANARY: "canary_traffic",
}


@dataclass(frozen=True, slots=True)
class _Task:
    """One call of `advance`."""

    release: Release
    stage: Stage
    immediate: bool
    before: Endpoint | None

    @property
    def stage_before(self) -> Stage | None:
        """The stage that must have been passed; None where none must."""
        if self.stage is Stage.SHADOW or (self.stage is Stage.LIVE and self.immediate):
            return Stage.DEPLOYED
        return {Stage.CANARY: Stage.SHADOW, Stage.LIVE: Stage.CANARY}.get(self.stage)

    def view(self) -> View | None:
        """The endpoint when the call began."""
        return None if self.before is None else View(self.before, self.release)


@dataclass(slots=True)
class RolloutController:
    """Takes releases through the stages of a rollout, on one endpoint.

    Attributes:
        service: the endpoint.
        settings: percentages, times and limits.
        probes: held-out rows with known outcomes.
        clock: returns the time, with time zone.
        sleep: waits so many seconds.
        journal: remembers what the service cannot show.
        report_progress: told in words what happens.
        newer: says which release is to be rolled out instead by now; empty where none is. Asked
            while a stage is watched.
    """

    service: EndpointService
    settings: RolloutSettings
    probes: ProbeSet
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    journal: Journal
    report_progress: Callable[[str], None]
    newer: Callable[[], str] = str
    _convergence: Convergence = field(init=False)

    def __post_init__(self) -> None:
        """Binds the loop to the journal."""
        self._convergence = Convergence(self.service, self.settings, self.sleep, self._announce)

    def advance(self, release: Release, stage: Stage, *, immediate: bool = False) -> StageReport:
        """Takes a release to a stage, judges it there, and rolls it back where it must be.

        Safe to call again after a kill anywhere: it goes on from what the service reports.

        Args:
            release: the candidate.
            stage: SHADOW, CANARY and LIVE are watched until they are passed or rolled back; LIVE
                then removes the previous slot. DEPLOYED asks the new deployment until it answers.
                SETTLED and WITHDRAWN are reached without a verdict.
            immediate: gives the candidate all traffic without shadow and canary. It is then judged
                against climatology, since whoever asks for this wants the champion replaced, also
                where that does not answer any more.

        Raises:
            RolloutRefused: the stage cannot be reached from here; the message says what to do.
            Superseded: somebody else has taken over; nothing was touched since.
            NewerRelease: another release is to be rolled out instead.
            ServiceError: the service fails or refuses for good. Call again to go on.
        """
        task = _Task(release, stage, immediate, self._convergence.observe())
        memory = self._memory(release)
        if stage is Stage.WITHDRAWN:
            asked = StageVerdict(StageOutcome.ROLL_BACK, ("The withdrawal was asked for.",))
            return self._roll_back(task, asked)
        if stage in _WATCHED and memory.withdrawing is not None:
            self.report_progress("a rollback was decided before and is completed now")
            return self._roll_back(task, memory.withdrawing)
        self._check(task, memory)
        failed = self._failed(task)
        if failed is not None:
            return self._roll_back(task, failed)
        try:
            reached = self._convergence.reach(self._desired(task, stage))
        except DeploymentFailed as error:
            failed = StageVerdict(StageOutcome.ROLL_BACK, (f"It did not come to serve: {error}",))
            return self._roll_back(task, failed, log=(error.slot, error.log))
        return self._judge(task, reached)

    def _check(self, task: _Task, memory: Memory) -> None:
        """Refuses what could not end well, and what skips a stage."""
        needed = available = None
        if task.stage is Stage.DEPLOYED:
            needed, available = self.service.cores_needed(), self.service.cores_available()
        problems = preflight(
            task.before,
            self._desired(task, task.stage),
            self.settings,
            Circumstances(self.service.name, len(self.probes.rows), needed, available),
        )
        if problems:
            raise RolloutRefused(" ".join(problems))
        self._check_order(task, memory)

    def _check_order(self, task: _Task, memory: Memory) -> None:
        """Refuses to skip a stage: traffic shows that one was begun, never that it was passed."""
        view, before = task.view(), task.stage_before
        if view is None or view.candidate is None or view.is_live or before is None:
            return  # without a candidate the plan refuses, in better words
        if before is Stage.DEPLOYED and before in memory.passed:
            return  # whether it answers has nothing to do with who serves
        if memory.has_passed(before, _identity(view)):
            return
        raise RolloutRefused(
            f"The {before} stage was not passed by {task.release} against what serves now "
            f"({view.endpoint.shares}). Materialize {_ASSETS[before]}."
        )

    def _failed(self, task: _Task) -> StageVerdict | None:
        """Returns the verdict on a candidate that the service has given up on since."""
        view = task.view()
        candidate = None if view is None else view.candidate
        if task.stage not in _WATCHED or view is None or candidate is None:
            return None
        if not candidate.provisioning.settled or candidate.provisioning.healthy:
            return None
        sentence = failed_sentence(candidate.slot, view.endpoint)
        return StageVerdict(StageOutcome.ROLL_BACK, (sentence,))

    def _judge(self, task: _Task, reached: Reached) -> StageReport:
        endpoint = reached.endpoint
        view = None if endpoint is None else View(endpoint, task.release)
        if view is None or view.candidate is None:
            raise AssertionError(f"{task.stage} was reached without {task.release}: {reached}")
        memory = self._memory(task.release)
        settled = task.stage is Stage.LIVE and Stage.LIVE in memory.passed
        if task.stage is Stage.SETTLED or settled:
            return self._settle(task, _nothing_to_judge(reached))
        if view.is_live and task.stage is not Stage.LIVE:
            return self._report(task, _nothing_to_judge(reached), reached)
        verdict = self._watch(task, self._subject(task, view, memory))
        if not verdict.passed:
            return self._roll_back(task, verdict)
        self._record(
            task.release,
            "passed",
            stage=task.stage.value,
            champion=_identity(view),
            verdict=verdict.to_dict(),
        )
        if task.stage is Stage.LIVE:
            return self._settle(task, verdict)
        return self._report(task, verdict, reached)

    def _subject(self, task: _Task, view: View, memory: Memory) -> Subject:
        champion = view.previous(memory.previous) if task.stage is Stage.LIVE else view.stable
        comparable = champion is not None and not (task.immediate and task.stage is Stage.LIVE)
        candidate = view.candidate
        return Subject(
            release=task.release,
            slot="" if candidate is None else candidate.slot,
            champion=champion.slot if champion is not None and comparable else None,
            beside=view.beside,
            traffic=view.endpoint.shares,
            bake_seconds=self.settings.bake_seconds(task.stage),
            stage=task.stage.value,
        )

    def _watch(self, task: _Task, subject: Subject) -> StageVerdict:
        watch = Watch(
            self.service,
            self.settings,
            self.probes,
            self.clock,
            self._sleep_unless_outdated,
            self.report_progress,
            subject,
        )
        try:
            if task.stage is Stage.DEPLOYED:
                return watch.until_answering()
            return watch.until_verdict()
        except ServiceError:
            raise
        except Exception as error:
            # Whatever broke here, an unwatched candidate must not keep its traffic.
            reason = f"The watch itself failed: {type(error).__name__}: {error}"
            self._roll_back(task, StageVerdict(StageOutcome.ROLL_BACK, (reason,)))
            raise

    def _sleep_unless_outdated(self, seconds: float) -> None:
        newer = self.newer()
        if newer:
            raise NewerRelease(newer)
        self.sleep(seconds)

    def _settle(self, task: _Task, verdict: StageVerdict) -> StageReport:
        reached = self._convergence.reach(self._desired(task, Stage.SETTLED))
        self._record(task.release, "settled")
        return self._report(task, verdict, reached)

    def _roll_back(
        self, task: _Task, verdict: StageVerdict, *, log: tuple[str, str] = ("", "")
    ) -> StageReport:
        """Gives the traffic back, keeps the logs, removes the candidate."""
        self.report_progress(verdict.sentence)
        if self._memory(task.release).withdrawing is None:
            self._record(
                task.release, "withdrawing", stage=task.stage.value, verdict=verdict.to_dict()
            )
        if log[1]:
            self._record(task.release, "logs", logs={log[0]: log[1]})
        try:
            reached = self._convergence.reach(self._desired(task, Stage.WITHDRAWN))
        except RolloutRefused as refused:
            logs = self._keep_logs(task.release, self._convergence.observe())
            self._record(task.release, "kept")
            kept = replace(verdict, reasons=(*verdict.reasons, str(refused)))
            endpoint = self._convergence.observe()
            return self._report(task, kept, Reached(endpoint, "It was not rolled back."), logs=logs)
        except ServiceError as error:
            error.add_note(f"This was to be rolled back, and is not yet: {verdict.sentence}")
            raise
        logs = self._memory(task.release).logs
        self._record(task.release, "withdrawn")
        return self._report(task, verdict, reached, rolled_back=True, logs=logs)

    def _keep_logs(self, release: Release, endpoint: Endpoint | None) -> dict[str, str]:
        """Writes the logs of both slots to the journal, beside what was kept before."""
        logs = dict(self._memory(release).logs)
        for deployment in () if endpoint is None else View(endpoint, release).ours:
            try:
                text = self.service.logs(deployment.slot)
            except ServiceError as error:
                text = f"(the log could not be read: {error})"
            logs[deployment.slot] = text or logs.get(deployment.slot, "")
        self._record(release, "logs", logs=logs)
        return logs

    def _announce(self, desired: Desired, step: Change, observed: Endpoint | None) -> None:
        """Writes down what must be known should the step be the last that this process does."""
        release = desired.release
        view = None if observed is None else View(observed, release)
        if isinstance(step, Deploy) and not (view is not None and view.is_live):
            self._record(release, "deploying")
        takes_all = isinstance(step, SetTraffic) and desired.stage is Stage.LIVE
        if takes_all and view is not None and not view.is_live:
            self._record(release, "taking_over", previous=_identity(view))
        if isinstance(step, DeleteDeployment) and desired.stage is Stage.WITHDRAWN:
            self._keep_logs(release, observed)
        self._record(release, "step", step=str(step))
        self.report_progress(str(step))

    def _desired(self, task: _Task, stage: Stage) -> Desired:
        previous = self._memory(task.release).previous
        return Desired(task.release, stage, task.immediate, previous)

    def _memory(self, release: Release) -> Memory:
        return remember(self.journal.entries(), self.service.name, release)

    def _record(self, release: Release, kind: str, **fields: object) -> None:
        entry: dict[str, object] = {
            "at": self.clock().isoformat(),
            "endpoint": self.service.name,
            "release": release.identity,
            "version": release.version,
            "kind": kind,
            **fields,
        }
        self.journal.append(entry)

    def _report(
        self,
        task: _Task,
        verdict: StageVerdict,
        reached: Reached,
        *,
        rolled_back: bool = False,
        logs: Mapping[str, str] | None = None,
    ) -> StageReport:
        after = reached.endpoint
        views = [View(each, task.release) for each in (after, task.before) if each is not None]
        slots = [view.candidate.slot for view in views if view.candidate is not None]
        return StageReport(
            stage=task.stage,
            release=task.release,
            slot=slots[0] if slots else "",
            verdict=verdict,
            traffic_before=Traffic() if task.before is None else task.before.shares,
            traffic_after=Traffic() if after is None else after.shares,
            standing=reached.sentence,
            scoring_uri=self.service.scoring_uri,
            rolled_back=rolled_back,
            logs=logs or {},
        )


def _identity(view: View) -> str | None:
    """Returns the identity of the release that serves beside the candidate."""
    stable = view.stable
    return stable.release.identity if stable is not None and stable.release is not None else None


def _nothing_to_judge(reached: Reached) -> StageVerdict:
    return StageVerdict(StageOutcome.CONTINUE, ("There is nothing to judge.", reached.sentence))
