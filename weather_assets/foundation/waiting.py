"""Waiting for a condition, never for a time, and never for ever.

Belongs here: looking again until a deadline. Does not belong here: what is looked at.
"""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PAUSE_SECONDS = 0.05


class WaitedTooLongError(TimeoutError):
    """The condition did not come true in time; the message says which, and how long it was."""


def wait_until(
    look: Callable[[], Found | None],
    seconds: float,
    what: str,
    *,
    pause_seconds: float = PAUSE_SECONDS,
) -> Found:
    """Looks until there is something to see.

    Args:
        look: called at least once, also where no time is left; what it raises ends the waiting.
        seconds: longest time.
        what: what is waited for, such as `the server to answer`.
        pause_seconds: between two looks.

    Returns:
        The first true value that `look` returned.

    Raises:
        WaitedTooLongError: there was none in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        left = deadline - time.monotonic()
        if left <= 0:
            raise WaitedTooLongError(f"waited {seconds:g} s for {what}")
        time.sleep(min(pause_seconds, left))
