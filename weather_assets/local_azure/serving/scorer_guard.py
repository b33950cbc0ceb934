"""Runs one program and ends it when who started it is gone: the first program in its session.

    python -I -S scorer_guard.py PROGRAM [ARGUMENT ...]

The program is a scoring server, or a step of building its environment.

Belongs here: only what must hold even when the simulator was killed by SIGKILL. Standard input is
the lifeline: the simulator holds the other end and never writes; end of file means that it is gone.
It imports built-in modules only: with -I -S it is up in about 20 ms.

It leads the process group of the server and its workers, passes over SIGTERM, SIGINT and SIGHUP
(they reach the server directly), and exits as the server did, with 128 + n where signal n ended it.
"""

import os
import signal
import sys
import threading

COMMAND_NOT_RUNNABLE = 127


def end_with_simulator() -> None:
    """Waits until the lifeline ends, then kills this process group, this process included."""
    while os.read(0, 1024):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(command: list[str]) -> int:
    """Runs the server and returns its exit code."""
    # Handlers, not SIG_IGN: the server would inherit an ignored signal, a handler it does not.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    threading.Thread(target=end_with_simulator, daemon=True).start()
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)  # the lifeline stays here
    try:
        server = os.posix_spawnp(command[0], command, os.environ, file_actions=[nothing])
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        return COMMAND_NOT_RUNNABLE
    code = os.waitstatus_to_exitcode(os.waitpid(server, 0)[1])
    # Workers that outlived the server would hold its port and its memory.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpgrp(), signal.SIGTERM)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
