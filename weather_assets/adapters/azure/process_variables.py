"""Environment variables of this process, set for as long as a `with` lasts.

Belongs here: setting and restoring them, whatever happens, from any number of threads. Does not
belong here: which variables (`local`, `client`).

The SDK reads proxy, certificates and credentials from the environment, at each request; nothing
else in this process may see them, and no variable may stay.
"""

import os
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager


class ProcessVariables:
    """Lends one set of variables at a time; threads that want the same set share it."""

    def __init__(self) -> None:
        """Lends nothing yet."""
        self._changed = threading.Condition()
        self._lent: dict[str, str] = {}
        self._before: dict[str, str | None] = {}
        self._borrowers = 0

    @contextmanager
    def lent(self, variables: Mapping[str, str]) -> Generator[None]:
        """Sets variables, and restores what was there before when the last borrower is done.

        A thread that wants another set than the one in force waits until that one is given back.
        """
        wanted = dict(variables)
        with self._changed:
            self._changed.wait_for(lambda: not self._borrowers or self._lent == wanted)
            if not self._borrowers:
                self._lent = wanted
                self._before = {name: os.environ.get(name) for name in wanted}
                os.environ.update(wanted)
            self._borrowers += 1
        try:
            yield
        finally:
            with self._changed:
                self._borrowers -= 1
                if not self._borrowers:
                    for name, value in self._before.items():
                        _restore(name, value)
                    self._changed.notify_all()


PROCESS_VARIABLES = ProcessVariables()
"""There is one environment in a process, so there is one lender."""


@contextmanager
def kept(*names: str) -> Generator[None]:
    """Restores variables that something inside sets behind our back."""
    before = {name: os.environ.get(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            _restore(name, value)


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
