"""Which rank failed first, and why: pure judgement on a made-up clock."""

import json
from typing import Any

import pytest

from weather_assets.adapters.ranks.protocol import OutputLine, Stream, parse_line
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.ranks.watch import FailureCause, RankWatch, Symptom, first_cause

SETTINGS = GangSettings(
    start_timeout_seconds=60,
    heartbeat_timeout_seconds=15,
    progress_timeout_seconds=300,
    attribution_seconds=1,
    log_tail_lines=3,
)

# As torch 2.13 words them, from killed and from frozen peers.
GLOO_CLOSED = (
    "RuntimeError: [/__w/pytorch/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:538] "
    "Connection closed by peer [127.0.0.1]:40231"
)
GLOO_TIMED_OUT = (
    "RuntimeError: [/__w/pytorch/pytorch/third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:78] "
    "Timed out waiting 25000ms for recv operation to complete"
)
STORE_TIMED_OUT = (
    "DistStoreError: Timed out after 26 seconds waiting for clients. 1/2 clients joined."
)
PORT_IN_USE = (
    "DistNetworkError: The server socket has failed to listen on any local network address. "
    "port: 29500, useIpv6: false, code: -98, name: EADDRINUSE, message: address already in use"
)


def told(watch: RankWatch, now: float, event: str | None = None, **fields: Any) -> None:
    """Has a rank say something at `now`: an event, or `line=` for a log line."""
    text = json.dumps({"event": event, **fields}) if event else fields["line"]
    line = OutputLine(text, Stream.OUTPUT, now)
    for name, parsed in parse_line(line):
        watch.observe(line, name, parsed, now)


def gang(started_at: float | None = 1.0, size: int = 2) -> list[RankWatch]:
    """Ranks launched at 0 that said `started`, and beat at step 5, at that time."""
    watches = [RankWatch(rank, 0.0, SETTINGS) for rank in range(size)]
    for watch in watches:
        if started_at is not None:
            told(watch, started_at, "started", pid=100 + watch.rank)
            told(watch, started_at, "heartbeat", step=5)
    return watches


def judge(watches: list[RankWatch], now: float) -> tuple[int, FailureCause] | None:
    found = first_cause(watches, now, SETTINGS.attribution_seconds)
    return (found.rank, found.cause) if found else None


def reason(watches: list[RankWatch], now: float) -> str:
    found = first_cause(watches, now, SETTINGS.attribution_seconds)
    assert isinstance(found, Symptom)
    return found.reason


def test_healthy_gang_has_no_cause() -> None:
    watches = gang()
    assert judge(watches, 15.9) is None
    for watch in watches:
        told(watch, 16.0, "finished")
        watch.exited(0, 16.1)
    assert judge(watches, 1000) is None
    assert all(watch.succeeded for watch in watches)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("complaint", [GLOO_CLOSED, GLOO_TIMED_OUT, STORE_TIMED_OUT])
def test_killed_rank_is_named_however_early_its_peer_complains(first: int, complaint: str) -> None:
    watches = gang()
    told(watches[1 - first], 9.9, "failed", error=complaint)
    watches[1 - first].exited(1, 9.95)
    assert judge(watches, 10.0) is None
    watches[first].exited(137, 10.1)
    assert judge(watches, 10.1) == (first, FailureCause.KILLED)
    assert reason(watches, 10.1) == "was killed by signal 9, SIGKILL (out of memory?)"


def test_rank_that_fails_by_itself_is_named_not_the_one_that_complains() -> None:
    watches = gang()
    told(watches[1], 10.0, "failed", error="OSError: no space left on device")
    told(watches[0], 10.2, "failed", error=GLOO_CLOSED)
    watches[0].exited(1, 10.3)
    assert judge(watches, 10.5) is None, "its traceback may still come"
    watches[1].exited(1, 10.6)
    assert judge(watches, 10.6) == (1, FailureCause.FAILED)
    assert reason(watches, 10.6) == "reported: OSError: no space left on device"


def test_rank_that_reports_an_error_but_stays_is_not_waited_for() -> None:
    watches = gang()
    told(watches[1], 10.0, "failed", error="OSError: no space left on device")
    assert judge(watches, 10.9) is None
    assert judge(watches, 11.0) == (1, FailureCause.FAILED)


def test_silent_rank_is_suspected_before_its_time_out() -> None:
    watches = gang()
    for second in range(2, 9):
        told(watches[0], second, "heartbeat", step=5)
    told(watches[0], 8.0, "failed", error=GLOO_TIMED_OUT)
    watches[0].exited(1, 8.5)
    assert judge(watches, 8.9) is None
    assert judge(watches, 9.0) == (1, FailureCause.FROZEN)
    assert reason(watches, 9.0) == "froze: nothing was heard from it for 8.0 s"


def test_absent_rank_is_suspected_when_its_peer_waits_in_vain() -> None:
    watches = gang(started_at=None)
    told(watches[0], 1.0, "started")
    told(watches[0], 27.0, "failed", error=STORE_TIMED_OUT)
    assert judge(watches, 28.0) == (1, FailureCause.NEVER_STARTED)


def test_stuck_rank_is_suspected_when_its_peer_waits_in_vain() -> None:
    watches = gang()
    for second in range(2, 27):
        for watch in watches:
            told(watch, second, "heartbeat", step=5)
    told(watches[0], 26.0, "failed", error=GLOO_TIMED_OUT)
    assert judge(watches, 27.0) == (1, FailureCause.NO_PROGRESS)


def test_complaint_is_named_where_there_is_nothing_else() -> None:
    watches = gang()
    for rank, now in ((1, 10.0), (0, 10.1)):
        told(watches[rank], now, "failed", error=GLOO_CLOSED)
        watches[rank].exited(1, now)
    assert judge(watches, 10.1) == (1, FailureCause.PEER_LOST), (
        "all have ended: nothing to wait for"
    )


def test_port_in_use_is_no_complaint_about_a_peer() -> None:
    watches = gang()
    told(watches[0], 5.0, "failed", error=PORT_IN_USE)
    watches[0].exited(1, 5.1)
    assert judge(watches, 5.1) == (0, FailureCause.PORT_TAKEN)


def test_abort_counts_as_what_the_rank_said_before_it() -> None:
    watches = gang()
    told(watches[0], 10.0, line="terminate called after throwing 'gloo::IoException'")
    watches[0].exited(134, 10.0)
    assert judge(watches, 10.5) is None
    watches[1].exited(139, 10.6)
    assert judge(watches, 10.6) == (1, FailureCause.KILLED)
    assert "signal 11, SIGSEGV" in reason(watches, 10.6)


def test_rank_that_holds_up_the_others_is_the_one_behind() -> None:
    watches = gang()
    told(watches[0], 2.0, "heartbeat", step=8)
    told(watches[1], 2.5, "heartbeat", step=7)
    for second in range(3, 310):
        told(watches[0], second, "heartbeat", step=8)
        told(watches[1], second, "heartbeat", step=7)
    assert judge(watches, 301.9) is None
    assert judge(watches, 302.4) == (1, FailureCause.NO_PROGRESS)
    assert reason(watches, 309) == (
        "made no progress for 306.5 s: it lives, but stays at step 7 (rank 0 at 8)"
    )


def test_waiting_for_a_rank_that_has_not_started_is_no_stall() -> None:
    settings = GangSettings(start_timeout_seconds=900, progress_timeout_seconds=300)
    watches = [RankWatch(rank, 0.0, settings) for rank in range(2)]
    told(watches[0], 1.0, "started")
    for second in range(2, 899, 2):
        told(watches[0], second, "heartbeat", step=1)
    assert judge(watches, 899) is None
    assert judge(watches, 901) == (1, FailureCause.NEVER_STARTED)


def test_any_event_is_progress_but_a_log_line_is_only_life() -> None:
    watches = gang(size=1)
    for second in range(2, 400, 2):
        told(watches[0], second, "epoch", epoch=second)
    assert judge(watches, 400) is None
    for second in range(400, 800, 2):
        told(watches[0], second, line="still here")
    assert judge(watches, 800) == (0, FailureCause.NO_PROGRESS)


def test_rank_that_says_nothing_at_its_end_is_described_so() -> None:
    watches = [RankWatch(0, 0.0, SETTINGS)]
    watches[0].exited(7, 1.0)
    assert reason(watches, 1.0) == "exited with code 7 and said nothing"
    watches = [RankWatch(0, 0.0, SETTINGS)]
    watches[0].exited(128 + 77, 1.0)
    assert reason(watches, 1.0) == "was killed by signal 77"


def test_tail_keeps_the_last_lines_without_heartbeats() -> None:
    watch = RankWatch(0, 0.0, SETTINGS)
    for number in range(5):
        told(watch, number, line=f"line {number}")
        told(watch, number, "heartbeat", step=number)
    assert list(watch.tail) == ["line 2", "line 3", "line 4"]


def test_finished_rank_that_failed_afterwards_has_not_succeeded() -> None:
    watch = RankWatch(0, 0.0, SETTINGS)
    told(watch, 1.0, "started")
    told(watch, 2.0, "finished")
    watch.exited(139, 2.1)
    assert not watch.succeeded
    assert judge([watch], 2.1) == (0, FailureCause.KILLED)


@pytest.mark.parametrize(
    "words",
    [
        "out of memory: the kernel ended it at the memory limit of its container",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB",
        "MemoryError: ",
        "OSError: [Errno 12] Cannot allocate memory",
    ],
)
def test_want_of_memory_is_named(words: str) -> None:
    watches = gang()
    told(watches[0], 10.0, "failed", error=GLOO_CLOSED)
    told(watches[1], 10.1, "failed", error=words)
    watches[1].exited(137, 10.2)
    assert judge(watches, 10.3) == (1, FailureCause.OUT_OF_MEMORY)
