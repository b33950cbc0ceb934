"""Runs all ranks of a training as one gang: all or none.

Belongs here: one attempt after the other, and what all of them came to. Does not belong here: the
attempt itself (`attempt`). It knows nothing of Dagster or torch.

Why a gang: a collective operation waits for every rank, so that one lost rank stops all of them;
and torchrun's elastic rejoin failed 5 times of 5 on torch 2.13, where ending all ranks and resuming
all from the last checkpoint worked for either rank.
"""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from weather_assets.adapters.ranks.attempt import Attempt, RankFailure, RankReport
from weather_assets.adapters.ranks.protocol import RankBackend, RankEvent
from weather_assets.adapters.ranks.settings import GangSettings


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
    """Every allowed attempt failed.

    Attributes:
        failures: one per attempt, oldest first.
        may_heal: whether another training may go well: ranks died of something that comes and goes.
    """

    def __init__(self, failures: Sequence[RankFailure]) -> None:
        """Names the last failure first, since it has the freshest log lines.

        Args:
            failures: one per attempt, oldest first; at least one.
        """
        self.failures = tuple(failures)
        last = self.failures[-1]
        self.may_heal = not last.permanent
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
    began = time.monotonic()
    attempt = partial(
        Attempt,
        command=tuple(command),
        environment=environment or {},
        settings=settings,
        backend=backend,
        on_event=on_event,
        began=began,
    )
    gang = Gang(settings, began, attempt)
    try:
        gang.launch()
        yield gang
    finally:
        gang.end()


class Gang:
    """All ranks of a training; `launched_gang` makes one."""

    def __init__(
        self, settings: GangSettings, began: float, attempt: Callable[[int], Attempt]
    ) -> None:
        """Launches nothing yet; `attempt` makes the attempt of a number."""
        self._settings, self._began, self._next = settings, began, attempt
        self._attempt = attempt(1)

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
            cause = {"reason": failure.reason, "cause": failure.cause.value}
            attempt.emit(failure.rank, "attempt_failed", {**cause, "seconds": failure.seconds})
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
