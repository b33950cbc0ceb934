"""Runs one program and ends it, with all that it started, when its supervisor is gone.

    python -I -S process_guard.py SUPERVISOR_PID PROGRAM [ARGUMENT ...]
    python -I -S -c SOURCE input LAST_WORDS PROGRAM [ARGUMENT ...]

Belongs here: only what must hold even when the supervisor was killed by SIGKILL and the program is
stopped (SIGSTOP). A thread in the program could not act then, and PR_SET_PDEATHSIG exists on Linux
alone. It imports the standard library's lightest modules only: with -I -S it is up in 30 ms. It
exits as the program did, with 128 + n where signal n ended it.

On the supervisor's own machine (`guarded`) the guard is its child: "is my parent still the
supervisor?" has the same answer on Linux and macOS. It leads a session of its own, with the program
in its group, and passes over signals, which reach the program directly.

In a container (`guarded_in_container`) the supervisor holds the one connection to the guard's
standard input, which the engine closes when that connection ends, for whatever reason. The
container ends with the guard. Above it runs the engine's init, so it hands signals on; and where
the kernel ended the program for want of memory, it says so in the place of the program, which
cannot.
"""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

SUPERVISOR_CHECK_SECONDS = 0.2
COMMAND_NOT_RUNNABLE = 127
KILLED = 128 + signal.SIGKILL
MEMORY_COUNTERS = (
    "/sys/fs/cgroup/memory.events",  # cgroup v2
    "/sys/fs/cgroup/memory/memory.oom_control",  # cgroup v1
)
_BY_INPUT = "input"
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def guarded(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command that runs `command` under a guard of this process.

    Args:
        command: program and arguments.

    Returns:
        Program and arguments, to be started with `start_new_session=True`.
    """
    return (sys.executable, "-I", "-S", __file__, str(os.getpid()), *command)


def guarded_in_container(python: str, command: tuple[str, ...], last_words: str) -> tuple[str, ...]:
    """The command that runs `command` under a guard as the one program of a container.

    The source travels in the command, so that it suits the supervisor and needs nothing of the
    image but an interpreter.

    Args:
        python: the interpreter there.
        command: program and arguments.
        last_words: a line for standard output where the kernel has ended the program for want of
            memory.
    """
    source = Path(__file__).read_text(encoding="utf-8")
    return (python, "-I", "-S", "-c", source, _BY_INPUT, last_words, *command)


def end_with_parent(supervisor: int) -> None:
    """Waits until the supervisor is gone, then kills this process group, this process included."""
    while os.getppid() == supervisor:
        time.sleep(SUPERVISOR_CHECK_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def end_with_input(program: int) -> None:
    """Waits until standard input ends, then kills the program and ends: so does all the container.

    Args:
        program: leads a group. What has left that ends with init, whose only child this process is.
    """
    while os.read(0, 4096):
        pass
    send(program, signal.SIGKILL)
    os._exit(KILLED)


def send(program: int, number: int) -> None:
    """Sends a signal to the program's group, where that is still there."""
    with suppress(ProcessLookupError):
        os.killpg(program, number)


def processes_out_of_memory() -> int:
    """How many processes of this container the kernel has ended for want of memory."""
    for name in MEMORY_COUNTERS:
        path = Path(name)
        if path.exists():
            counters = dict(line.split() for line in path.read_text("ascii").splitlines())
            return int(counters.get("oom_kill", "0"))
    return 0


def run_beside(supervisor: int, command: list[str]) -> int:
    """Runs the program in this process's group; returns its exit code."""
    # Handlers, not SIG_IGN: the program would inherit an ignored signal, a handler it does not.
    for number in _ENDING:
        signal.signal(number, lambda _number, _frame: None)
    threading.Thread(target=end_with_parent, args=(supervisor,), daemon=True).start()
    return _exit_code(os.posix_spawnp(command[0], command, os.environ))


def run_contained(last_words: str, command: list[str]) -> int:
    """Runs the program in a group of its own, without the input; returns its exit code."""
    # A signal that comes before there is a program to hand it to waits until there is one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    nothing_to_read = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    program = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=nothing_to_read,
        setpgroup=0,
        setsigmask=(),
    )
    threading.Thread(target=end_with_input, args=(program,), daemon=True).start()
    for number in _ENDING:
        signal.signal(number, lambda number, _frame: send(program, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    code = _exit_code(program)
    if code == KILLED and processes_out_of_memory():
        sys.stdout.write(f"{last_words}\n")
    return code


def _exit_code(program: int) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    return code if code >= 0 else 128 - code


def main(arguments: list[str]) -> int:
    """Runs the program and returns its exit code."""
    supervisor, rest = arguments[0], arguments[1:]
    try:
        if supervisor == _BY_INPUT:
            return run_contained(rest[0], rest[1:])
        return run_beside(int(supervisor), rest)
    except OSError as error:
        sys.stderr.write(f"cannot run {error.filename}: {error.strerror}\n")
        return COMMAND_NOT_RUNNABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
