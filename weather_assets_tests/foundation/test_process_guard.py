"""A guarded program ends as itself, or with its supervisor; the container's way runs in none."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from weather_assets.foundation import process_guard
from weather_assets.foundation.process_guard import guarded_in_container, processes_out_of_memory
from weather_assets.foundation.waiting import wait_until

SUPERVISOR = """
import subprocess, sys
from weather_assets.foundation.process_guard import guarded
child = subprocess.Popen(guarded(tuple(sys.argv[1:])), start_new_session=True)
print(child.wait(), flush=True)
"""


def supervised(*command: str) -> subprocess.Popen[str]:
    """Starts a supervisor that says the exit code of a guarded program."""
    return subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, *command], stdout=subprocess.PIPE, text=True
    )


def ended(pid: int) -> bool:
    """Tells whether a process has ended, also where nobody has asked for its exit code."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGSTOP], ids=["running", "stopped"])
def test_the_end_of_its_supervisor_ends_the_program(number: signal.Signals) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with supervised(sys.executable, "-c", code) as supervisor:
        assert supervisor.stdout is not None
        program = int(supervisor.stdout.readline())
        os.kill(program, number)
        supervisor.kill()
        wait_until(lambda: ended(program), 10, "the program to end")


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)],
)
def test_beside_its_supervisor_it_exits_as_the_program_did(code: str, exit_code: int) -> None:
    with supervised(sys.executable, "-c", code) as supervisor:
        output, _ = supervisor.communicate(timeout=30)
    assert output == f"{exit_code}\n"


def start(*command: str) -> subprocess.Popen[str]:
    """Starts a program as in a container."""
    return subprocess.Popen(
        guarded_in_container(sys.executable, command, "last words"),
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
    wait_until(lambda: ended(rank), 10, "the rank to end")


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
    monkeypatch.setattr(process_guard, "MEMORY_COUNTERS", names)
    assert processes_out_of_memory() == count
    monkeypatch.setattr(process_guard, "MEMORY_COUNTERS", names[:1])
    assert processes_out_of_memory() == 0


def test_a_signal_at_the_very_start_is_handed_on() -> None:
    for _ in range(20):
        with start("sh", "-c", "kill -TERM $PPID; exec sleep 60") as guard:
            assert guard.wait(timeout=30) == 128 + signal.SIGTERM
