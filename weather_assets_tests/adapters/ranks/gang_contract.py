"""The faults that every rank backend must survive, as one suite.

A backend's test module subclasses `GangContract` and gives it a fixture `place`. Every fault ends
in bounded time, with the right rank and reason named, recovered from the checkpoint with the result
of an uninterrupted run, and with nothing left.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from weather_assets.adapters.ranks.gang import Gang, GangFailed, GangOutcome, launched_gang
from weather_assets.adapters.ranks.protocol import RankBackend, RankEvent
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.ranks.watch import FailureCause
from weather_assets.foundation.waiting import wait_until

STEPS = 8


def uninterrupted(steps: int = STEPS) -> int:
    """The result of a fake training that nothing disturbed."""
    value = 1
    for step in range(1, steps + 1):
        value = (value * 31 + step) % 1_000_003
    return value


class GangPlace(Protocol):
    """What a backend's tests must provide."""

    @property
    def settings(self) -> GangSettings:
        """Time-outs as short as this backend allows."""
        ...

    @property
    def command(self) -> Sequence[str]:
        """Runs fake_rank.py there."""
        ...

    @property
    def directory(self) -> Path:
        """A folder that the ranks share, as this process sees it."""
        ...

    @property
    def directory_there(self) -> str:
        """The same folder as the ranks see it."""
        ...

    @property
    def bound_seconds(self) -> float:
        """No fault may take longer, with these time-outs."""
        ...

    def backend(self) -> RankBackend:
        """A fresh backend."""
        ...

    def backend_with_first_port_taken(self) -> tuple[RankBackend, AbstractContextManager[object]]:
        """One whose first rendezvous port is in use by another program, and that program."""
        ...

    def survivors(self) -> list[str]:
        """Whatever of any attempt is still there, described."""
        ...


@dataclass
class Told:
    """All events of one gang."""

    events: list[RankEvent] = field(default_factory=list[RankEvent])

    def __call__(self, event: RankEvent) -> None:
        self.events.append(event)

    def named(self, name: str, rank: int | None = None) -> list[RankEvent]:
        return [e for e in self.events if e.name == name and rank in (None, e.rank)]


def fault(name: str, *, rank: int, step: int = 4, attempt: int | None = 1) -> dict[str, Any]:
    """One line of a fault plan; `attempt=None` is every attempt."""
    plan: dict[str, Any] = {"fault": name, "rank": rank, "step": step}
    return plan if attempt is None else {**plan, "attempt": attempt}


def launched(
    place: GangPlace,
    *faults: Mapping[str, Any],
    told: Callable[[RankEvent], None] | None = None,
    backend: RankBackend | None = None,
    settings: GangSettings | None = None,
    **job: float,
) -> AbstractContextManager[Gang]:
    """A gang of fake ranks with these faults."""
    work = {
        "directory": place.directory_there,
        "steps": STEPS,
        "step_seconds": 0.02,
        "faults": faults,
        **job,
    }
    return launched_gang(
        place.command,
        environment={"FAKE_RANK": json.dumps(work)},
        settings=settings or place.settings,
        backend=backend or place.backend(),
        on_event=told or Told(),
    )


def run(place: GangPlace, *faults: Mapping[str, Any], **options: Any) -> GangOutcome:
    """Runs a gang that `launched` makes to its end."""
    with launched(place, *faults, **options) as ranks:
        return ranks.finish()


def result(place: GangPlace) -> dict[str, int]:
    """The last checkpoint."""
    return json.loads((place.directory / "checkpoint.json").read_text(encoding="utf-8"))


RECOVERABLE = [
    # fault, rank, step, cause, words of the reason
    ("kill", 0, 4, FailureCause.KILLED, "SIGKILL"),
    ("kill", 1, 4, FailureCause.KILLED, "SIGKILL"),
    ("kill", 1, 1, FailureCause.KILLED, "SIGKILL"),
    ("freeze", 0, 4, FailureCause.FROZEN, "froze"),
    ("freeze", 1, 4, FailureCause.FROZEN, "froze"),
    ("mute", 1, 4, FailureCause.FROZEN, "froze"),
    ("crash", 1, 4, FailureCause.FAILED, "ArithmeticError: the loss is not"),
    ("exit_nonzero", 1, 4, FailureCause.FAILED, "exited with code 3"),
    ("exit_zero", 1, 4, FailureCause.ENDED_EARLY, "without saying that it had finished"),
    ("exit_at_once", 0, 0, FailureCause.FAILED, "exited with code 7"),
    ("never_start", 1, 0, FailureCause.NEVER_STARTED, "never started"),
    ("never_exit", 1, 0, FailureCause.FROZEN, "had not exited"),
    ("ignore_sigterm", 1, 4, FailureCause.NO_PROGRESS, "stays at step 3"),
    ("hang", 0, 4, FailureCause.NO_PROGRESS, "stays at step 3"),
    ("grandchild", 1, 4, FailureCause.FAILED, "exited with code 3"),
]


class GangContract:
    """The fault matrix."""

    @pytest.mark.parametrize(
        ("name", "rank", "step", "cause", "words"),
        RECOVERABLE,
        ids=[f"{name}-rank{rank}-step{step}" for name, rank, step, *_ in RECOVERABLE],
    )
    def test_recovers_from(
        self,
        place: GangPlace,
        name: str,
        rank: int,
        step: int,
        cause: FailureCause,
        words: str,
    ) -> None:
        told = Told()
        began = time.monotonic()
        outcome = run(place, fault(name, rank=rank, step=step), told=told)
        assert time.monotonic() - began < place.bound_seconds
        assert place.survivors() == []
        assert outcome.attempts == 2
        (failure,) = outcome.failures
        # In lockstep a hung rank and its waiting peer stay at the same step.
        assert failure.rank == rank or cause is FailureCause.NO_PROGRESS
        assert failure.cause is cause
        assert words in failure.reason
        assert outcome.recovered_from == str(failure)
        assert result(place) == {"step": STEPS, "value": uninterrupted()}
        if step > 1:
            assert [e.fields["line"] for e in told.named("log", rank=0) if e.attempt == 2] == [
                f"resuming after step {step - 1}"
            ]

    def test_uninterrupted_run_reports_everything_in_order(self, place: GangPlace) -> None:
        told = Told()
        outcome = run(place, told=told)
        assert place.survivors() == []
        assert (outcome.attempts, outcome.failures, outcome.recovered_from) == (1, (), "")
        assert result(place) == {"step": STEPS, "value": uninterrupted()}
        assert [report.rank for report in outcome.ranks] == [0, 1]
        for rank in (0, 1):
            names = [e.name for e in told.events if e.rank == rank]
            assert names[:2] == ["launched", "started"]
            assert names[-1] == "finished"
            assert names.count("heartbeat") >= 2
            assert outcome.ranks[rank].description["pid"] == str(
                told.named("started", rank)[0].fields["pid"]
            )
        seconds = [event.seconds for event in told.events]
        assert seconds == sorted(seconds)

    def test_port_taken_is_left_for_another(self, place: GangPlace) -> None:
        backend, other_program = place.backend_with_first_port_taken()
        with other_program:
            outcome = run(place, backend=backend)
        (failure,) = outcome.failures
        assert (failure.rank, failure.cause) == (0, FailureCause.PORT_TAKEN)
        assert result(place)["value"] == uninterrupted()
        assert place.survivors() == []

    def test_process_that_left_its_group_is_ended_too(self, place: GangPlace) -> None:
        outcome = run(place, fault("daemon", rank=1))
        assert outcome.attempts == 1
        assert place.survivors() == []

    def test_peer_that_times_out_first_does_not_take_the_blame(self, place: GangPlace) -> None:
        outcome = run(place, fault("freeze", rank=1), peer_seconds=0.6)
        (failure,) = outcome.failures
        assert (failure.rank, failure.cause) == (1, FailureCause.FROZEN)

    def test_aborting_peer_does_not_take_the_blame(self, place: GangPlace) -> None:
        plan = (fault("abort", rank=0), fault("mute", rank=1, step=3))
        outcome = run(place, *plan, peer_seconds=0.6)
        assert outcome.failures[0].rank == 1

    def test_gives_up_after_the_last_relaunch(self, place: GangPlace) -> None:
        told = Told()
        with pytest.raises(GangFailed) as caught:
            run(place, fault("crash", rank=1, attempt=None), told=told)
        attempts = place.settings.max_relaunches + 1
        assert [failure.attempt for failure in caught.value.failures] == [*range(1, attempts + 1)]
        assert len(told.named("attempt_failed")) == attempts
        assert len(told.named("relaunching")) == attempts - 1
        message = str(caught.value)
        assert f"gave up after {attempts} attempts: rank 1 reported: ArithmeticError" in message
        assert "Traceback: ArithmeticError" in message
        assert place.survivors() == []

    def test_permanent_failure_is_not_tried_again(self, place: GangPlace) -> None:
        with pytest.raises(GangFailed, match=r"rank 1 reported: the loss is NaN \(attempt 1"):
            run(place, fault("permanent", rank=1, attempt=None))
        assert place.survivors() == []

    @pytest.mark.parametrize("interrupt", [KeyboardInterrupt, RuntimeError])
    def test_cancelled_run_leaves_nothing(
        self, place: GangPlace, interrupt: type[BaseException]
    ) -> None:
        def cancel(event: RankEvent) -> None:
            if event.name == "heartbeat" and event.fields["step"] == 3:
                raise interrupt("cancelled")

        began = time.monotonic()
        with pytest.raises(interrupt, match="cancelled"):
            run(place, fault("ignore_sigterm", rank=1, step=6), told=cancel, step_seconds=0.1)
        assert time.monotonic() - began < place.bound_seconds
        assert place.survivors() == []

    @pytest.mark.parametrize("interrupt", [None, KeyboardInterrupt, RuntimeError])
    def test_ranks_end_with_the_block_also_unwatched(
        self, place: GangPlace, interrupt: type[BaseException] | None
    ) -> None:
        told = Told()
        with (
            pytest.raises(interrupt, match="block") if interrupt else nullcontext(),
            launched(place, fault("hang", rank=1), told=told),
        ):
            assert [event.name for event in told.events] == ["launched", "launched"]
            wait_until(place.survivors, place.bound_seconds, "ranks to be there")
            if interrupt:
                raise interrupt("in the block")
        assert place.survivors() == []

    def test_ranks_work_before_they_are_watched(self, place: GangPlace) -> None:
        with launched(place) as ranks:
            checkpoint = place.directory / "checkpoint.json"
            wait_until(
                lambda: checkpoint.exists() and result(place)["step"] == STEPS,
                place.bound_seconds,
                "the last checkpoint",
            )
            assert ranks.finish().attempts == 1
        assert place.survivors() == []

    def test_loud_rank_and_slow_reader_lose_no_line(self, place: GangPlace) -> None:
        told = Told()

        def slow(event: RankEvent) -> None:
            told(event)
            if event.fields.get("line") == "line 5000":
                time.sleep(place.settings.heartbeat_timeout_seconds * 1.5)

        # The loud rank waits for room in its pipe meanwhile, and its peer for that rank.
        settings = replace(place.settings, progress_timeout_seconds=60)
        outcome = run(place, fault("flood", rank=1), told=slow, settings=settings)
        assert outcome.attempts == 1
        lines = [str(event.fields["line"]) for event in told.named("log", rank=1)]
        assert [line for line in lines if line.startswith("line ")] == [
            f"line {number}" for number in range(30_000)
        ]
        assert sum(line.count("x") for line in lines) == 200_000

    def test_each_attempt_has_its_own_rendezvous(self, place: GangPlace) -> None:
        run(place, fault("kill", rank=1))
        for rank in (0, 1):
            identities = (place.directory / f"attempts-{rank}").read_text("utf-8").splitlines()
            assert len(set(identities)) == 2

    def test_one_rank_is_a_gang_too(self, place: GangPlace) -> None:
        alone = GangSettings(
            world_size=1,
            start_timeout_seconds=place.settings.start_timeout_seconds,
            heartbeat_timeout_seconds=place.settings.heartbeat_timeout_seconds,
        )
        assert len(run(place, settings=alone).ranks) == 1
