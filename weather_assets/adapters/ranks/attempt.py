"""One launch of all ranks of a gang, from the rendezvous to the end of the last process.

Belongs here: launching the ranks, passing on what they say, and ending all of them, also as soon as
one has failed. Does not belong here: launching them again (`gang`), where ranks run (`processes`,
and a container backend, behind `protocol.RankBackend`), and what counts as a failure (`watch`).
"""

import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
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


@dataclass
class Attempt:
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
        found = self.symptom
        if found is None:
            return None
        # A rank that could not be launched has no watch.
        tails = {watch.rank: tuple(watch.tail) for watch in self.watches}
        log_tail = tails.get(found.rank, ())
        return RankFailure(
            self.number, found.rank, found.cause, found.reason, seconds, found.permanent, log_tail
        )

    def emit(self, rank: int | None, name: str, fields: Mapping[str, object]) -> None:
        """Tells the caller."""
        seconds = time.monotonic() - self.began
        self.on_event(RankEvent(self.number, rank, name, seconds, fields))

    def reports(self) -> tuple[RankReport, ...]:
        """Describes the ranks, in order."""
        return tuple(
            RankReport(watch.rank, _description(handle, watch))
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


def _not_launched(rank: int, error: RankLaunchError, now: float) -> Symptom:
    reason = f"was not launched: {error}"
    return Symptom(rank, FailureCause.NOT_LAUNCHED, reason, now, error.permanent)


def _description(handle: RankHandle, watch: RankWatch) -> Mapping[str, str]:
    said = watch.started or {}
    seen = {name: str(said[name]) for name in ("pid", "host") if name in said}
    return {**handle.describe(), **seen}
