"""Judges ranks by what they say and how they end: has one failed, why, and which failed first.

Belongs here: reading symptoms out of one rank's lines, silence and exit code, and telling the cause
from its echo when several ranks fail together. All of it is plain state and arithmetic on times
that the caller passes in: nothing here sleeps, reads a clock, or starts or ends anything (`gang`).
"""

import re
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from weather_assets.adapters.ranks.protocol import SIGNAL_EXIT_BASE, OutputLine
from weather_assets.adapters.ranks.settings import GangSettings

ECHO_LINES = 5
"""How many of a rank's last lines are searched for a complaint about its peers."""
SUSPICIOUS_SHARE = 1 / 3
"""Share of the heartbeat time-out after which silence is suspicious, once a peer has complained."""

PEER_LOST = re.compile(
    r"connection (was )?(closed|reset|refused|aborted)|(closed|reset) by peer|broken pipe"
    r"|socket (is )?closed|timed? ?out|gloo|nccl|Dist(Network|Store|Backend)Error|recvValue failed",
    re.IGNORECASE,
)
"""How gloo, NCCL and torch's store word "another rank is gone" (torch 2.13)."""
PORT_TAKEN = re.compile(r"EADDRINUSE|address already in use", re.IGNORECASE)
OUT_OF_MEMORY = re.compile(
    r"out of memory|OutOfMemory|MemoryError|cannot allocate memory", re.IGNORECASE
)
"""How a container's guard, CUDA, Python and the C library word it."""


class FailureCause(StrEnum):
    """Why an attempt was given up."""

    NOT_LAUNCHED = "not launched"
    NEVER_STARTED = "never started"
    KILLED = "killed"
    FROZEN = "frozen"
    NO_PROGRESS = "no progress"
    PORT_TAKEN = "port taken"
    OUT_OF_MEMORY = "out of memory"
    FAILED = "failed"
    ENDED_EARLY = "ended early"
    PEER_LOST = "peer lost"


@dataclass(frozen=True)
class Symptom:
    """What is wrong with one rank."""

    rank: int
    """The rank."""
    cause: FailureCause
    """Its kind."""
    reason: str
    """In words, as the end of a sentence that begins with "rank 1"."""
    since: float
    """`time.monotonic()` of its onset, in seconds: for a frozen rank, when it was last heard."""
    permanent: bool = False
    """Whether trying again cannot help."""
    complete: bool = True
    """Whether the rank has said all: one that reports an error goes on to print its traceback."""


class RankWatch:
    """What is known about one rank of one attempt."""

    def __init__(self, rank: int, launched_at: float, settings: GangSettings) -> None:
        """Begins at the launch.

        Args:
            rank: its number.
            launched_at: `time.monotonic()` of the launch, in seconds.
            settings: the time limits.
        """
        self.rank, self._settings = rank, settings
        self.step: int | None = None
        self.exit_code: int | None = None
        self.started: Mapping[str, object] | None = None
        self.tail: deque[str] = deque(maxlen=settings.log_tail_lines)
        self._launched_at = self._heard_at = self._moved_at = self._exited_at = launched_at
        self._finished_at: float | None = None
        self._error: tuple[str, float, bool] | None = None

    def observe(
        self, line: OutputLine, name: str, fields: Mapping[str, object], now: float
    ) -> None:
        """Takes in one output line.

        Args:
            line: as received.
            name: what `protocol.parse_line` made of it.
            fields: the same.
            now: `time.monotonic()` when it was taken from the rank's queue, in seconds. Silence is
                counted from there, not from the line's arrival: while the supervisor is slow and
                the queue full, it is not the rank that is silent.
        """
        self._heard_at = now
        if name == "heartbeat":
            step = fields.get("step")
            if isinstance(step, int) and step != self.step:
                self.step, self._moved_at = step, now
            return
        self.tail.append(line.text)
        if name == "started":
            self.started, self._moved_at = fields, now
        elif name == "finished":
            self._finished_at = now
        elif name == "failed":
            error = str(fields.get("error") or "no reason given")
            self._error = (error, line.received_at, fields.get("permanent") is True)
        elif name != "log":
            self._moved_at = now

    def exited(self, code: int, now: float) -> None:
        """Takes in that the rank has ended and all its lines were observed."""
        if self.exit_code is None:
            self.exit_code, self._exited_at = code, now

    @property
    def succeeded(self) -> bool:
        """Whether it said that it finished, and exited 0."""
        return self._finished_at is not None and self.exit_code == 0 and self._error is None

    def symptom(self, now: float) -> Symptom | None:
        """What is wrong with the rank, as far as it can be told without looking at the others.

        Args:
            now: `time.monotonic()`, in seconds.

        Returns:
            What its own words, its exit or its silence show; None where nothing is wrong.
        """
        if self._error is not None:
            error, at, permanent = self._error
            complete = self.exit_code is not None
            reason = f"reported: {error}"
            return Symptom(self.rank, _cause_in(error), reason, at, permanent, complete)
        if self.exit_code is not None:
            return None if self.succeeded else self._bad_exit(self.exit_code)
        settings = self._settings
        return self._absence(now, settings.start_timeout_seconds) or self._silence(
            now, settings.heartbeat_timeout_seconds
        )

    def stall(self, now: float, share: float) -> Symptom | None:
        """Says whether the rank lives but does not move.

        Args:
            now: `time.monotonic()`, in seconds.
            share: of the progress time-out that it may take over a step.
        """
        if self.started is None or self._finished_at is not None or self.exit_code is not None:
            return None
        place = "is before its first step" if self.step is None else f"stays at step {self.step}"
        words = f"made no progress for {{seconds}}: it lives, but {place}"
        limit = self._settings.progress_timeout_seconds * share
        return self._late(now, self._moved_at, limit, FailureCause.NO_PROGRESS, words)

    def suspicion(self, now: float) -> Symptom | None:
        """What may be wrong with a rank that a peer has lost, though no limit has passed yet."""
        if self.exit_code is not None or self._error is not None:
            return None
        settings = self._settings
        patience = settings.heartbeat_timeout_seconds
        return (
            self._absence(now, 0)
            or self._silence(now, patience * SUSPICIOUS_SHARE)
            or self.stall(now, patience / settings.progress_timeout_seconds)
        )

    def _absence(self, now: float, limit: float) -> Symptom | None:
        if self.started is not None:
            return None
        words = "never started: no sign of it {seconds} after its launch"
        return self._late(now, self._launched_at, limit, FailureCause.NEVER_STARTED, words)

    def _silence(self, now: float, limit: float) -> Symptom | None:
        if self.started is None:
            return None
        if self._finished_at is not None:
            words = "said that it had finished, but had not exited {seconds} later"
            return self._late(now, self._finished_at, limit, FailureCause.FROZEN, words)
        words = "froze: nothing was heard from it for {seconds}"
        return self._late(now, self._heard_at, limit, FailureCause.FROZEN, words)

    def _late(
        self, now: float, since: float, limit: float, cause: FailureCause, words: str
    ) -> Symptom | None:
        waited = now - since
        if waited <= limit:
            return None
        return Symptom(self.rank, cause, words.format(seconds=f"{waited:.1f} s"), since)

    def _bad_exit(self, code: int) -> Symptom:
        last_words = "\n".join(list(self.tail)[-ECHO_LINES:])
        if code == 0:
            reason = "exited with code 0 without saying that it had finished"
            return Symptom(self.rank, FailureCause.ENDED_EARLY, reason, self._exited_at)
        if code <= SIGNAL_EXIT_BASE:
            said = f": {self.tail[-1].strip()}" if self.tail else " and said nothing"
            reason = f"exited with code {code}{said}"
            return Symptom(self.rank, _cause_in(last_words), reason, self._exited_at)
        reason = f"was killed by {_signal_name(code - SIGNAL_EXIT_BASE)}"
        # An uncaught C++ exception of gloo or NCCL ends in abort(): then its words count.
        aborted = code - SIGNAL_EXIT_BASE == signal.SIGABRT
        echo = aborted and _cause_in(last_words) is FailureCause.PEER_LOST
        cause = FailureCause.PEER_LOST if echo else FailureCause.KILLED
        return Symptom(self.rank, cause, reason, self._exited_at)


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    hint = " (out of memory?)" if number == signal.SIGKILL else ""
    return f"signal {number}, {name}{hint}"


def _cause_in(words: str) -> FailureCause:
    if PORT_TAKEN.search(words):
        return FailureCause.PORT_TAKEN
    if OUT_OF_MEMORY.search(words):
        return FailureCause.OUT_OF_MEMORY
    return FailureCause.PEER_LOST if PEER_LOST.search(words) else FailureCause.FAILED


def first_cause(watches: Sequence[RankWatch], now: float, patience: float) -> Symptom | None:
    """Which rank failed first, and why.

    When one rank is lost its peers fail too, within 0.2 s or only at the process group's time-out,
    and say that a connection was closed. Such a complaint is named only where, `patience` seconds
    later, no other rank has failed by itself, and none is suspiciously absent, silent or stuck.

    Args:
        watches: all ranks of the attempt.
        now: `time.monotonic()`, in seconds.
        patience: seconds for which a complaint waits for its cause, and for which a rank that
            reported an error is left to exit by itself.

    Returns:
        The cause with the earliest onset; None while nothing has failed or the cause is awaited.
    """
    symptoms = [symptom for watch in watches if (symptom := watch.symptom(now))]
    causes = [symptom for symptom in symptoms if symptom.cause is not FailureCause.PEER_LOST]
    if causes:
        cause = min(causes, key=lambda symptom: symptom.since)
        return cause if cause.complete or now - cause.since >= patience else None
    if symptoms:
        complaint = min(symptoms, key=lambda symptom: symptom.since)
        if now - complaint.since < patience and any(watch.exit_code is None for watch in watches):
            return None
        suspicions = [suspicion for watch in watches if (suspicion := watch.suspicion(now))]
        return min(suspicions or [complaint], key=lambda symptom: symptom.since)
    return _stalled(watches, now)


def _stalled(watches: Sequence[RankWatch], now: float) -> Symptom | None:
    """The rank that holds up the others, once all have started: until then they wait for that."""
    if any(watch.started is None for watch in watches):
        return None
    if not any(watch.stall(now, 1.0) for watch in watches):
        return None
    # The culprit's last step may have come a moment after those of the ranks that wait for it.
    stalls = {watch: stall for watch in watches if (stall := watch.stall(now, 0.5))}
    # In a collective the others wait one step ahead, or at the same step as the culprit.
    behind = min(stalls, key=lambda watch: (watch.step or 0, stalls[watch].since))
    others = ", ".join(f"rank {watch.rank} at {watch.step}" for watch in stalls if watch != behind)
    stall = stalls[behind]
    return replace(stall, reason=f"{stall.reason} ({others})") if others else stall
