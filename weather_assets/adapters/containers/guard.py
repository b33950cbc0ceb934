"""Runs one rank inside its container and ends both when the supervisor is gone.

    python -I -S -c SOURCE PROGRAM [ARGUMENT ...]

Belongs here: only what must hold in a container whose supervisor was killed by SIGKILL, also while
the rank is stopped (SIGSTOP). The supervisor holds the one connection to the container's standard
input, which the engine closes when that connection ends, for whatever reason. Then the rank is
killed, and the container ends with this process, and the engine removes it.

The source travels in the container's command, so that it suits the supervisor and needs nothing of
the image but an interpreter. Above it runs the engine's init, which passes on SIGTERM and reaps
orphans. It exits as the rank did, with 128 + n where signal n ended it; and where that was the
kernel for want of memory, it says so in the place of the rank, which cannot.
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

COMMAND_NOT_RUNNABLE = 127
KILLED = 128 + signal.SIGKILL
OUT_OF_MEMORY = (
    '{"event": "failed", "error": "out of memory: the kernel ended it at the memory limit of its '
    'container; give each rank more"}\n'
)
MEMORY_COUNTERS = (
    "/sys/fs/cgroup/memory.events",  # cgroup v2
    "/sys/fs/cgroup/memory/memory.oom_control",  # cgroup v1
)


def guarded(python: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """The command that runs `command` under a guard inside a container.

    Args:
        python: the interpreter there.
        command: program and arguments of the rank.
    """
    source = Path(__file__).read_text(encoding="utf-8")
    return (python, "-I", "-S", "-c", source, *command)


def end_with_supervisor(program: int) -> None:
    """Waits until standard input ends, then kills the rank and ends: so does all the container.

    Args:
        program: the rank's process, which leads a group. What has left that ends with init, whose
            only child this process is.
    """
    while os.read(0, 4096):
        pass
    send(program, signal.SIGKILL)
    os._exit(KILLED)


def send(program: int, number: int) -> None:
    """Sends a signal to the rank's group, where that is still there."""
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


def main(command: list[str]) -> int:
    """Runs the rank and returns its exit code."""
    nothing_to_read = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    try:
        program = os.posix_spawnp(
            command[0], command, os.environ, file_actions=nothing_to_read, setpgroup=0
        )
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        return COMMAND_NOT_RUNNABLE
    threading.Thread(target=end_with_supervisor, args=(program,), daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: send(program, number))
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    if code == -signal.SIGKILL and processes_out_of_memory():
        sys.stdout.write(OUT_OF_MEMORY)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
