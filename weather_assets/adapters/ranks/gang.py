"""Runs all ranks of a training as one gang: all or none.

Belongs here: launching the ranks, passing on what they say, ending all of them as soon as one has
failed, and launching all of them again. Does not belong here: where ranks run (`processes`,
and a container backend, behind `rank_protocol.RankBackend`), and what counts as a failure
(`watch`). It knows nothing of Dagster or torch.

Why a gang: a collective operation waits for every rank, so that one lost rank stops all of them;
and torchrun's elastic rejoin failed 5 times of 5 on torch 2.13, where ending all ranks and resuming
all from the last checkpoint worked for either rank.
"""

import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

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
from weather_assets.foundation.waiting import WaitedTooLongError, wait_until

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


@contextmanager
def launched_gang(
    command: Sequence[str],
    *,
    settings: GangSettings,
    backend: RankBackend,
    on_event: Callable[[RankEvent], None],
    environment: Mapping[str, str] | None = None,
) -> Generator["Gang"]:
    """Launches `command` as every rank of a gang, and yields the gang while the ranks load.

    Nobody watches the ranks before `Gang.finish` is called; call it within the block. When the
    block is left, for whatever reason (an exception out of `on_event`, KeyboardInterrupt, Dagster's
    interrupt), no rank and nothing that a rank started is running.

    Args:
        command: program and arguments of a rank; it speaks `protocol`.
        settings: size, time limits, relaunches.
        backend: where the ranks run.
        on_event: called in this thread with every line of every rank and with the supervisor's own
            events. It should return quickly: while it runs nobody watches.
        environment: variables for every rank, beside those that tell it its place (RANK,
            WORLD_SIZE, MASTER_ADDR, MASTER_PORT, WEATHER_ASSETS_RENDEZVOUS, and what the backend
            adds).

    Raises:
        RuntimeError: something of an ended attempt could not be removed.
    """
    gang = Gang(tuple(command), environment or {}, settings, backend, on_event)
    try:
        gang.launch()
        yield gang
    finally:
        gang.end()


class Gang:
    """All ranks of a training; `launched_gang` makes one."""

    def __init__(
        self,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        settings: GangSettings,
        backend: RankBackend,
        on_event: Callable[[RankEvent], None],
    ) -> None:
        """Launches nothing yet; takes what `launched_gang` takes."""
        self._settings = settings
        self._began = time.monotonic()
        self._next = partial(
            _Attempt,
            command=command,
            environment=environment,
            settings=settings,
            backend=backend,
            on_event=on_event,
            began=self._began,
        )
        self._attempt = self._next(1)

    def launch(self) -> None:
        """Launches the ranks, and returns at once."""
        self._attempt.launch()

    def finish(self) -> GangOutcome:
        """Watches the ranks until all of them have finished.

        On any failure all ranks are ended and then all are launched again, under a new rendezvous
        id and port; the ranks resume from their own checkpoint.

        Returns:
            Where the ranks ran and what was recovered from.

        Raises:
            GangFailed: the last allowed attempt failed too, or a rank reported a permanent failure.
            RuntimeError: something of an ended attempt could not be removed.
        """
        failures: list[RankFailure] = []
        while (failure := self._attempt.finish()) is not None:
            failures.append(failure)
            attempt = self._attempt
            attempt.emit(
                failure.rank,
                "attempt_failed",
                {
                    "reason": failure.reason,
                    "cause": failure.cause.value,
                    "seconds": failure.seconds,
                },
            )
            if failure.permanent or attempt.number > self._settings.max_relaunches:
                raise GangFailed(failures)
            attempt.emit(None, "relaunching", {"next_attempt": attempt.number + 1})
            self._attempt = self._next(attempt.number + 1)
            self._attempt.launch()
        seconds = time.monotonic() - self._began
        return GangOutcome(self._attempt.number, self._attempt.reports(), seconds, tuple(failures))

    def end(self) -> None:
        """Ends whatever still runs; does nothing to a gang that has ended."""
        self._attempt.end()


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
    launched_at: float = 0.0
    rendezvous: Rendezvous | None = None
    """None before there is something to end, and after everything has ended."""
    symptom: Symptom | None = None
    handles: list[RankHandle] = field(default_factory=list[RankHandle])
    watches: list[RankWatch] = field(default_factory=list[RankWatch])

    def launch(self) -> None:
        """Launches the ranks; what hinders that is a symptom, which `finish` reports."""
        self.launched_at = time.monotonic()
        try:
            self.rendezvous = self.backend.prepare(f"{uuid.uuid4().hex[:12]}-{self.number}")
        except RankLaunchError as error:
            self.symptom = _not_launched(0, error, self.launched_at)
            return
        self.symptom = self._launch(self.rendezvous)

    def finish(self) -> RankFailure | None:
        """Watches the ranks and ends them; returns what went wrong, if anything did."""
        self.symptom = self.symptom or self._watch()
        seconds = time.monotonic() - self.launched_at
        self.end()
        return None if self.symptom is None else self._failure(self.symptom, seconds)

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

    def end(self) -> None:
        """Leaves nothing of the attempt running, also when it is interrupted itself."""
        if self.rendezvous is None:
            return
        try:
            if self.symptom is not None and self.symptom.cause is FailureCause.FROZEN:
                # A stopped process gets no SIGTERM; waiting for it would only cost the grace.
                self.handles[self.symptom.rank].kill()
            for handle in self.handles:
                handle.terminate()
            self._await_end(self.settings.stop_grace_seconds)
        finally:
            try:
                for handle in self.handles:
                    handle.kill()
                self._await_end(KILL_SECONDS)
            finally:
                self.backend.clean_up(self.rendezvous)
        self.rendezvous = None

    def _await_end(self, seconds: float) -> None:
        """Returns when all ranks have ended, or when the time is over."""
        with suppress(WaitedTooLongError):
            wait_until(
                self._have_ended, seconds, "the ranks", pause_seconds=self.settings.poll_seconds / 5
            )

    def _have_ended(self) -> bool:
        codes = [handle.poll() for handle in self.handles]
        for handle, watch in zip(self.handles, self.watches, strict=True):
            # A rank that dies talking would otherwise wait for room in its pipe.
            for line in handle.drain():
                for name, fields in parse_line(line):
                    watch.observe(line, name, fields, now=time.monotonic())
        return None not in codes

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
