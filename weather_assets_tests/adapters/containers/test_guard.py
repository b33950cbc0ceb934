"""The program above a rank in its container, run here without one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from weather_assets.adapters.containers import guard
from weather_assets.adapters.containers.guard import guarded, processes_out_of_memory


def start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        guarded(sys.executable, command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def rank() -> Iterator[subprocess.Popen[str]]:
    """A rank that says what it reads and then sleeps."""
    code = "import sys, time; print(repr(sys.stdin.read()), flush=True); time.sleep(60)"
    with start(sys.executable, "-c", code) as process:
        yield process
        process.kill()


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os; os.kill(os.getpid(), 15)", 143),
    ],
)
def test_it_exits_as_the_rank_did(code: str, exit_code: int) -> None:
    with start(sys.executable, "-c", code) as process:
        assert process.wait(timeout=30) == exit_code


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    with start(str(tmp_path / "absent")) as process:
        output, error = process.communicate(timeout=30)
    assert (process.returncode, output) == (127, "")
    assert error == f"cannot run {tmp_path / 'absent'}: No such file or directory\n"


def test_the_rank_gets_the_signals_and_not_the_input(rank: subprocess.Popen[str]) -> None:
    assert rank.stdout is not None
    assert rank.stdout.readline() == "''\n"
    os.kill(rank.pid, signal.SIGTERM)
    assert rank.wait(timeout=30) == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGSTOP], ids=["running", "stopped"])
def test_the_end_of_its_input_ends_the_rank(number: signal.Signals) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with start(sys.executable, "-c", code) as guard:
        assert guard.stdout is not None
        assert guard.stdin is not None
        rank = int(guard.stdout.readline())
        os.kill(rank, number)
        guard.stdin.close()
        assert guard.wait(timeout=30) == 128 + signal.SIGKILL
        # Nobody holds the pipe any more.
        assert guard.stdout.read() == ""
    with suppress(psutil.NoSuchProcess):
        orphan = psutil.Process(rank)
        deadline = time.monotonic() + 10
        while orphan.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("counters", "count"),
    [
        ("low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n", 1),
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", 2),
        ("under_oom 0\n", 0),
    ],
)
def test_the_kernel_counts_what_it_has_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, counters: str, count: int
) -> None:
    (tmp_path / "counters").write_text(counters, encoding="ascii")
    names = (str(tmp_path / "absent"), str(tmp_path / "counters"))
    monkeypatch.setattr(guard, "MEMORY_COUNTERS", names)
    assert processes_out_of_memory() == count
    monkeypatch.setattr(guard, "MEMORY_COUNTERS", names[:1])
    assert processes_out_of_memory() == 0
