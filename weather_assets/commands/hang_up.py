"""A closed terminal ends a command as Ctrl-C does: in order, and with all that it has started.

Belongs here: the signal, and the output that nobody reads any more. Does not belong here: what a
command does when it is interrupted.
"""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ending_with_the_terminal() -> Generator[None]:
    """Takes SIGHUP and SIGTERM for SIGINT in the block; SIGINT itself also in a shell's background.

    For the main thread. A command under `nohup` goes on when the terminal is closed.
    """
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in (*numbers, signal.SIGINT)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    for number in numbers:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Generator[None]:
    """Passes over these signals in the block: a closed terminal sends them more than once."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda _number, _frame: None) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGHUP:  # writing to a terminal that is gone raises, in the midst of ending
        signal.signal(signal.SIGHUP, lambda _number, _frame: None)  # of the shell, and the kernel
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        os.close(nowhere)
    signal.raise_signal(signal.SIGINT)  # whatever is to be done then: Dagster has its own ways
