"""Processes that are known by a variable in their environment, which their children inherit.

Belongs here: finding and ending them. Does not belong here: who marks what (`adapters.ranks`,
`local_azure`, `commands.services`).

A mark finds what has left its parent's group and session, and what outlived its parent.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress

import psutil

from weather_assets.foundation.waiting import WaitedTooLongError, wait_until

END_SECONDS = 10.0


def marked_processes(marks: Mapping[str, str]) -> Iterator[psutil.Process]:
    """Yields every live process of this user that carries all marks, except this one.

    Args:
        marks: variables and their values.
    """
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            carries_them = marks.items() <= process.environ().items()
            alive = carries_them and process.status() != psutil.STATUS_ZOMBIE
            if alive and process.pid != os.getpid():
                yield process


def end_marked(marks: Mapping[str, str], seconds: float = END_SECONDS) -> list[int]:
    """Kills what `marked_processes` finds, until it finds nothing.

    Args:
        marks: variables and their values.
        seconds: how long a killed process may take to end.

    Returns:
        The numbers of the processes that were ended.

    Raises:
        WaitedTooLongError: something survives SIGKILL; names it.
    """
    ended: dict[int, None] = {}

    def gone() -> bool:
        left = list(marked_processes(marks))
        for process in left:
            ended[process.pid] = None
            with suppress(psutil.NoSuchProcess):
                process.kill()  # checks the creation time: never a later process of the same number
        psutil.wait_procs(left, timeout=0.5)
        return not left

    try:
        wait_until(gone, seconds, "killed processes to end", pause_seconds=0.0)
    except WaitedTooLongError as error:
        names = ", ".join(str(process.pid) for process in marked_processes(marks))
        raise WaitedTooLongError(
            f"processes {names} survive SIGKILL for {seconds:g} s; "
            "find out what they wait for (a dead file server?), then run again"
        ) from error
    return list(ended)
