"""Runs one program and ends it when its supervisor is gone: first program of a new session.

    python -I -S process_guard.py SUPERVISOR_PID PROGRAM [ARGUMENT ...]

Belongs here: only what must hold even when the supervisor was killed by SIGKILL and the program is
stopped (SIGSTOP). A thread in the program could not act then, and PR_SET_PDEATHSIG exists on Linux
alone; a parent process can, and "is my parent still the supervisor?" has the same answer on Linux
and macOS. It imports the standard library's lightest modules only: with -I -S it is up in 30 ms.

It must be started in a session of its own, whose process group it then leads. It passes over
SIGTERM, SIGINT and SIGHUP (sent to the group, they reach the program directly), and exits as the
program did, with 128 + n where signal n ended it.
"""

import os
import signal
import sys
import threading
import time

SUPERVISOR_CHECK_SECONDS = 0.2
COMMAND_NOT_RUNNABLE = 127


def guarded(command: tuple[str, ...]) -> tuple[str, ...]:
    """The command that runs `command` under a guard of this process.

    Args:
        command: program and arguments.

    Returns:
        Program and arguments, to be started with `start_new_session=True`.
    """
    return (sys.executable, "-I", "-S", __file__, str(os.getpid()), *command)


def end_with_supervisor(supervisor: int) -> None:
    """Waits until the supervisor is gone, then kills this process group, this process included."""
    while os.getppid() == supervisor:
        time.sleep(SUPERVISOR_CHECK_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Runs the program and returns its exit code."""
    supervisor, command = int(arguments[0]), arguments[1:]
    # Handlers, not SIG_IGN: the program would inherit an ignored signal, a handler it does not.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    threading.Thread(target=end_with_supervisor, args=(supervisor,), daemon=True).start()
    try:
        program = os.posix_spawnp(command[0], command, os.environ)
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        return COMMAND_NOT_RUNNABLE
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
