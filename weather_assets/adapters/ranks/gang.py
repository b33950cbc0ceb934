"""Runs all ranks of a training as one gang: all or none.

Belongs here: launching the ranks, passing on what they say, ending all of them as soon as one has
failed, and launching all of them again. Does not belong here: where ranks run (`processes`,
and a container backend, behind `rank_protocol.RankBackend`), and what counts as a failure
(`watch`). It knows nothing of Dagster or torch.

Why a gang: a collective operation waits for every rank, so that one lost rank stops all of them;
and torchrun's elastic rejoin failed 5 times of 5 on torch 2.13, where ending all ranks and resuming
all from the last checkpoint worked for either rank.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from weather_assets.adapters.ranks.protocol import (
    RANK_VARIABLE,
    RENDEZVOUS_VARIABLE,
    RankBackend,
    RankEvent,
    RankHandle,
    RankLaunchError,
    RankSpec,
    Rendezvous,
    parse_line,
)
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.ranks.watch import FailureCause, RankWatch, Symptom, first_cause

KILL_SECONDS = 10.0
"""How long a killed rank may take to be gone before `clean_up` has to find what is left."""


@dataclass(frozen=True)
class RankFailure:
    """Why one attempt was given up."""

    attempt: int
    """1-based."""
    rank: int
    """The rank that failed first."""
    cause: FailureCause
    """The kind of failure."""
    reason: str
    """In words, as the end of a sentence that begins with "rank 1"."""
    seconds: float
    """From the launch of the attempt to the decision to end it."""
    permanent: bool
    """Whether the rank said that trying again cannot help."""
    log_tail: tuple[str, ...]
    """The last lines of that rank."""

    def __str__(self) -> str:
        """One line for people."""
        return f"rank {self.rank} {self.reason} (attempt {self.attempt}, {self.seconds:.1f} s)"


@dataclass(frozen=True)
class RankReport:
    """One rank of the attempt that succeeded."""

    rank: int
    """Its number."""
    description: Mapping[str, str]
    """Where it ran: the backend's description, and `pid` and `host` as the rank saw them."""
    last_step: int | None
    """The last step that its heartbeats carried."""


@dataclass(frozen=True)
class GangOutcome:
    """A gang that finished."""

    attempts: int
    """How often it was launched."""
    ranks: tuple[RankReport, ...]
    """The ranks of the last attempt, in order."""
    seconds: float
    """From the first launch to the end."""
    failures: tuple[RankFailure, ...]
    """What the earlier attempts died of, oldest first; empty where the first one succeeded."""

    @property
    def recovered_from(self) -> str:
        """The failures in one line; empty where there were none."""
        return "; ".join(str(failure) for failure in self.failures)


class GangFailed(RuntimeError):  # noqa: N818  an outcome of a run, named as its counterpart is
    """Every allowed attempt failed."""

    def __init__(self, failures: Sequence[RankFailure]) -> None:
        """Names the last failure first, since it has the freshest log lines.

        Args:
            failures: one per attempt, oldest first; at least one.
        """
        self.failures = tuple(failures)
        last = self.failures[-1]
        lines = [f"training gave up after {_count(len(failures), 'attempt')}: {last}"]
        if last.permanent:
            lines.append("it was not launched again, since that cannot help")
        lines.extend(f"earlier: {failure}" for failure in self.failures[:-1])
        lines.append(f"last lines of rank {last.rank}:")
        lines.extend(f"  {line}" for line in last.log_tail or ("(none)",))
        super().__init__("\n".join(lines))


class GangCancelled(RuntimeError):  # noqa: N818  as above
    """Somebody ended the gang before it finished."""


def run_gang(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    settings: GangSettings,
    backend: RankBackend,
    on_event: Callable[[RankEvent], None],
    cancelled: threading.Event | None = None,
) -> GangOutcome:
    """Runs `command` as every rank of a gang until all of them have finished.

    On any failure all ranks are ended and then all are launched again, under a new rendezvous id
    and port; the ranks resume from their own checkpoint. When this function returns or raises, for
    whatever reason (an exception out of `on_event`, KeyboardInterrupt, Dagster's interrupt), no
    rank and nothing that a rank started is running.

    Args:
        command: program and arguments of a rank; it speaks `protocol`.
        environment: variables for every rank, beside those that tell it its place (RANK,
            WORLD_SIZE, MASTER_ADDR, MASTER_PORT, WEATHER_ASSETS_RENDEZVOUS, and what the backend
            adds).
        settings: size, time limits, relaunches.
        backend: where the ranks run.
        on_event: called in this thread with every line of every rank and with the supervisor's own
            events. It should return quickly: while it runs nobody watches.
        cancelled: set by another thread to have everything ended.

    Returns:
        Where the ranks ran and what was recovered from.

    Raises:
        GangFailed: the last allowed attempt failed too, or a rank reported a permanent failure.
        GangCancelled: `cancelled` was set.
        RuntimeError: something of an ended attempt could not be removed.
    """
    began = time.monotonic()
    failures: list[RankFailure] = []
    for number in range(1, settings.max_relaunches + 2):
        attempt = _Attempt(
            number,
            tuple(command),
            environment,
            settings,
            backend,
            on_event,
            began,
            cancelled or threading.Event(),
        )
        failure = attempt.run()
        if failure is None:
            seconds = time.monotonic() - began
            return GangOutcome(number, attempt.reports(), seconds, tuple(failures))
        failures.append(failure)
        attempt.emit(
            failure.rank,
            "attempt_failed",
            {"reason": failure.reason, "cause": failure.cause.value, "seconds": failure.seconds},
        )
        if failure.permanent or number > settings.max_relaunches:
            break
        attempt.emit(None, "relaunching", {"next_attempt": number + 1})
    raise GangFailed(failures)


@dataclass
class _Attempt:
    """One launch of all ranks, from the rendezvous to the end of the last process."""

    number: int
    command: tuple[str, ...]
    environment: Mapping[str, str]
    settings: GangSettings
    backend: RankBackend
    on_event: Callable[[RankEvent], None]
    began: float
    cancelled: threading.Event
    handles: list[RankHandle] = field(default_factory=list[RankHandle])
    watches: list[RankWatch] = field(default_factory=list[RankWatch])

    def run(self) -> RankFailure | None:
        """Launches and watches the ranks; returns what went wrong, if anything did."""
        identity = f"{uuid.uuid4().hex[:12]}-{self.number}"
        launched_at = time.monotonic()
        try:
            rendezvous = self.backend.prepare(identity)
        except RankLaunchError as error:
            seconds = time.monotonic() - launched_at
            return self._failure(_not_launched(0, error, launched_at), seconds)
        symptom: Symptom | None = None
        seconds = 0.0
        try:
            symptom = self._launch(rendezvous) or self._watch()
            seconds = time.monotonic() - launched_at
        finally:
            self._end(rendezvous, symptom)
        return None if symptom is None else self._failure(symptom, seconds)

    def _failure(self, symptom: Symptom, seconds: float) -> RankFailure:
        return RankFailure(
            attempt=self.number,
            rank=symptom.rank,
            cause=symptom.cause,
            reason=symptom.reason,
            seconds=seconds,
            permanent=symptom.permanent,
            log_tail=self._tail(symptom.rank),
        )

    def emit(self, rank: int | None, name: str, fields: Mapping[str, object]) -> None:
        """Tells the caller."""
        seconds = time.monotonic() - self.began
        self.on_event(RankEvent(self.number, rank, name, seconds, fields))

    def reports(self) -> tuple[RankReport, ...]:
        """Describes the ranks, in order."""
        return tuple(
            RankReport(watch.rank, _description(handle, watch), watch.step)
            for handle, watch in zip(self.handles, self.watches, strict=True)
        )

    def _launch(self, rendezvous: Rendezvous) -> Symptom | None:
        for rank in range(self.settings.world_size):
            own = {
                RANK_VARIABLE: str(rank),
                "WORLD_SIZE": str(self.settings.world_size),
                "MASTER_ADDR": rendezvous.address,
                "MASTER_PORT": str(rendezvous.port),
                RENDEZVOUS_VARIABLE: rendezvous.identity,
                "PYTHONUNBUFFERED": "1",
            }
            spec = RankSpec(
                rank=rank,
                world_size=self.settings.world_size,
                command=self.command,
                environment={**self.environment, **own},
                rendezvous=rendezvous,
            )
            now = time.monotonic()
            try:
                handle = self.backend.launch(spec)
            except RankLaunchError as error:
                return _not_launched(rank, error, now)
            self.handles.append(handle)
            self.watches.append(RankWatch(rank, now, self.settings))
            self.emit(rank, "launched", handle.describe())
        return None

    def _watch(self) -> Symptom | None:
        while True:
            if self.cancelled.is_set():
                raise GangCancelled("the gang was cancelled")
            now = time.monotonic()
            self._listen(now)
            cause = first_cause(self.watches, now, self.settings.attribution_seconds)
            if cause is not None or all(watch.succeeded for watch in self.watches):
                return cause
            time.sleep(self.settings.poll_seconds)

    def _listen(self, now: float) -> None:
        """Takes in all that the ranks said and how they ended, and passes it on in order."""
        # The exit code first: what is drained after it is complete.
        codes = [handle.poll() for handle in self.handles]
        batch = [
            (line, watch)
            for handle, watch in zip(self.handles, self.watches, strict=True)
            for line in handle.drain()
        ]
        for line, watch in sorted(batch, key=lambda each: each[0].received_at):
            for name, fields in parse_line(line):
                watch.observe(line, name, fields, now)
                self.emit(watch.rank, name, fields)
        for code, watch in zip(codes, self.watches, strict=True):
            if code is not None:
                watch.exited(code, now)

    def _end(self, rendezvous: Rendezvous, symptom: Symptom | None) -> None:
        """Leaves nothing of the attempt running, also when it is interrupted itself."""
        try:
            if symptom is not None and symptom.cause is FailureCause.FROZEN:
                # A stopped process gets no SIGTERM; waiting for it would only cost the grace.
                self.handles[symptom.rank].kill()
            for handle in self.handles:
                handle.terminate()
            self._await_end(self.settings.stop_grace_seconds)
        finally:
            try:
                for handle in self.handles:
                    handle.kill()
                self._await_end(KILL_SECONDS)
            finally:
                self.backend.clean_up(rendezvous)

    def _await_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while any([handle.poll() is None for handle in self.handles]):  # noqa: C419  polls each
            for handle, watch in zip(self.handles, self.watches, strict=True):
                # A rank that dies talking would otherwise wait for room in its pipe.
                for line in handle.drain():
                    for name, fields in parse_line(line):
                        watch.observe(line, name, fields, now=time.monotonic())
            if time.monotonic() >= deadline:
                return
            time.sleep(self.settings.poll_seconds / 5)

    def _tail(self, rank: int) -> tuple[str, ...]:
        # A rank that could not be launched has no watch.
        return next((tuple(watch.tail) for watch in self.watches if watch.rank == rank), ())


def _not_launched(rank: int, error: RankLaunchError, now: float) -> Symptom:
    reason = f"was not launched: {error}"
    return Symptom(rank, FailureCause.NOT_LAUNCHED, reason, now, error.permanent)


def _description(handle: RankHandle, watch: RankWatch) -> Mapping[str, str]:
    said = watch.started or {}
    seen = {name: str(said[name]) for name in ("pid", "host") if name in said}
    return {**handle.describe(), **seen}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
