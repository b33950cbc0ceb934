"""Programs that `dev` keeps running, and ends with all that they have started.

Belongs here: starting, starting again, ending. Does not belong here: which ones (`development`).

Each runs under a guard that ends it with this process, and leads a group of processes, so that
nothing of it is left whichever of its processes was killed.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from weather_assets.foundation.process_guard import guarded

_STEADY_SECONDS = 60.0
"""A program that ran this long has started well."""
_ATTEMPTS = 5
"""So often in a row a program may end before that."""
_LOOK_SECONDS = 0.5
_STOP_GRACE_SECONDS = 10.0


@dataclass
class Service:
    """One program.

    Attributes:
        name: what it is called in messages.
        command: program and arguments.
        environment: its variables.
        stop_signal: what ends it in order; SIGKILL where there is nothing to put in order.
        after: a file that must be there before it is started.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    stop_signal: signal.Signals = signal.SIGINT
    after: Path | None = None
    _process: "subprocess.Popen[bytes] | None" = None
    _started: float = 0.0
    _early_ends: int = 0
    _due: float = 0.0

    def start(self) -> None:
        """Starts it."""
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            guarded(self.command),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ended(self) -> int | None:
        """Returns how it has ended, once, when nothing of it is left; else None.

        Raises:
            click.ClickException: it does not start, however often.
        """
        code = None if self._process is None else self._process.poll()
        if code is None:
            return None
        self._kill()
        now = time.monotonic()
        self._early_ends = self._early_ends + 1 if now - self._started < _STEADY_SECONDS else 1
        if self._early_ends > _ATTEMPTS:
            raise click.ClickException(
                f"{self.name} ended {self._early_ends} times in a row within {_STEADY_SECONDS:g} s "
                "of its start; the reason is above"
            )
        self._due = now + 2.0 ** (self._early_ends - 1)
        return code

    def is_due(self) -> bool:
        """Tells whether it is to be started: at first, and after each end when a pause is over."""
        waits = self.after is not None and not self.after.exists()
        return self._process is None and not waits and time.monotonic() >= self._due

    def stop(self) -> None:
        """Tells it to end in order."""
        self._signal(self.stop_signal)

    def end(self, seconds: float) -> None:
        """Waits for its end, so long at most, and ends everything that it started."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0.0, seconds))
        self._kill()

    def _kill(self) -> None:
        """Kills its group, which its processes do not leave, whichever of them are alive."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            # macOS answers EPERM instead of ESRCH where only zombies are left in the group.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def keep_running(
    services: Sequence[Service],
    between: Callable[[Service, int], None],
    meanwhile: Callable[[], None],
) -> None:
    """Starts all of them, and what has ended again, until this process is interrupted.

    Args:
        services: in the order of their start.
        between: called with each that has ended, and its exit code.
        meanwhile: called now and then.

    Raises:
        click.ClickException: one does not start, however often.
    """
    while True:
        for service in services:
            code = service.ended()
            if code is not None:
                between(service, code)
            elif service.is_due():
                service.start()
        meanwhile()
        time.sleep(_LOOK_SECONDS)


def end_all(services: Sequence[Service]) -> None:
    """Ends them with everything that they started; what has not ended after 10 s is killed."""
    deadline = time.monotonic() + _STOP_GRACE_SECONDS
    for service in services:
        service.stop()
    for service in services:
        service.end(deadline - time.monotonic())
