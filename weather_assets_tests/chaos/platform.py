"""The `dev` that is harmed: starting it, finding its family, watching it come to rest.

Belongs here: what can be seen of it from outside. Does not belong here: harming it (`harm`), or
what must hold (`agreement`).
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
import dagster as dg
import psutil

from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.adapters.ranks.protocol import RENDEZVOUS_VARIABLE
from weather_assets.commands.instance import open_instance
from weather_assets.defs.recorded_facts import UNFINISHED
from weather_assets.foundation.held_files import is_held
from weather_assets.foundation.waiting import wait_until
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.serving.scorers import MARKER_VARIABLE
from weather_assets_tests.integration.served_endpoint import QUICK
from weather_assets_tests.system.development_server import (
    DevelopmentServer,
    development_server,
    wait_gone,
)

LONGEST_SECONDS = 1800.0
"""For anything that is waited for: a hang, on a machine that does much else."""
_STILL_SECONDS = 45.0
"""Nothing has happened for so long: longer than any two looks of sensors and monitoring."""


@dataclass
class Platform:
    """A data root on which `dev` runs.

    Attributes:
        root: the data root.
        temporary: the folder that it has for temporary files.
        gave_up: how often it ended by itself, which no harm that is done here is a reason for.
    """

    root: DataRoot
    temporary: Path
    dev: DevelopmentServer | None = None
    starts: int = 0
    gave_up: int = 0
    _running: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Starts `dev` and waits until it is known, which is long before it serves."""
        variables = {
            **QUICK,
            DATA_ROOT_VARIABLE: str(self.root.path),
            "TMPDIR": str(self.temporary),
            "WEATHER_ASSETS_CACHE": os.environ.get("WEATHER_ASSETS_CACHE", ""),
        }
        given = {name: value for name, value in variables.items() if value}
        self.dev = self._running.enter_context(development_server(self.root, given))
        self.starts += 1
        dev = self.dev.process
        wait_until(
            lambda: dev.poll() is not None or is_held(self.root.held_by_dev),
            LONGEST_SECONDS,
            "dev to be known",
        )
        assert dev.poll() is None, self.said()

    def keep(self) -> None:
        """Starts `dev` where it does not run."""
        if self.dev is not None and self.dev.process.poll() is not None:
            click.echo(f"dev gave up, and is started again:\n{self.said()}")
            self.dev, self.gave_up = None, self.gave_up + 1
        if self.dev is None:
            self.start()

    def said(self) -> str:
        """Returns the end of what `dev` and its servers have said."""
        return self.dev.log.read_text()[-3000:] if self.dev is not None else ""

    def kill(self) -> None:
        """Kills the command with -9 and waits until its family has ended by itself."""
        assert self.dev is not None
        if not is_held(self.root.held_by_dev):
            self.dev.process.wait(LONGEST_SECONDS)  # it is just giving up
            return
        family, mark = self.dev.family(), self.dev.mark()
        self.dev.process.kill()
        self.dev.process.wait()
        wait_gone(family, mark)
        self.dev = None

    def end(self) -> None:
        """Ends it as Ctrl-C does; nothing of it may be left."""
        assert self.dev is not None
        family, mark = self.dev.family(), self.dev.mark()
        self.dev.process.send_signal(signal.SIGINT)
        assert self.dev.process.wait(LONGEST_SECONDS) == 0
        wait_gone(family, mark)

    def close(self) -> None:
        """Kills whatever is left, where something went wrong."""
        self._running.close()

    def services(self) -> Iterator[psutil.Process]:
        """Yields the programs that `dev` keeps running, and their guards."""
        assert self.dev is not None
        with suppress(psutil.NoSuchProcess):
            for guard in psutil.Process(self.dev.process.pid).children():
                yield guard
                yield from guard.children()

    def workers(self) -> list[psutil.Process]:
        """Returns the processes of runs."""
        found: list[psutil.Process] = []
        for file in self.root.held_by_runs.glob("[!.]*"):
            with suppress(OSError, IndexError, ValueError, psutil.NoSuchProcess):
                process = psutil.Process(int(file.read_text().split()[-1].rstrip(")")))
                if "multiprocessing" in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def ranks(self) -> list[psutil.Process]:
        """Returns the training ranks, their guards included."""
        return [each for worker in self.workers() for each in _carrying(worker)]

    def simulator(self) -> list[psutil.Process]:
        """Returns Local Azure's server."""
        return _with_words("local_azure", "serve", str(self.root.local_azure))

    def scorers(self) -> list[psutil.Process]:
        """Returns the processes that answer for deployments, their guards included."""
        settings = Settings.load(self.root.local_azure)
        if settings is None:
            return []
        marker, found = settings.marker(self.root.local_azure), list[psutil.Process]()
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(MARKER_VARIABLE) == marker:
                    found.append(process)
        return found

    @contextmanager
    def instance(self) -> Generator[dg.DagsterInstance]:
        """Yields its Dagster instance."""
        with open_instance(self.root) as instance:
            yield instance

    def runs(self) -> Counter[str]:
        """Returns how many runs there are of each status."""
        with self.instance() as instance:
            return Counter(run.status.value for run in instance.get_runs())

    def wait_quiet(self, is_settled: Callable[[], bool]) -> None:
        """Waits until nothing is being done, nor anything else begun for a while.

        Args:
            is_settled: tells whether there is nothing more to come.
        """
        since, before = time.monotonic(), (-1, -1)

        def quiet() -> bool:
            nonlocal since, before
            assert self.dev is not None
            assert self.dev.process.poll() is None, self.said()
            with self.instance() as instance:
                unfinished = instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED))
                now = (instance.get_runs_count(), unfinished)
            if now != before or unfinished or not is_settled():
                since, before = time.monotonic(), now
            return time.monotonic() - since > _STILL_SECONDS

        wait_until(quiet, LONGEST_SECONDS, "the platform to come to rest", pause_seconds=2.0)


def _carrying(worker: psutil.Process) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        for child in worker.children(recursive=True):
            with suppress(psutil.Error, OSError):
                if RENDEZVOUS_VARIABLE in child.environ():
                    found.append(child)
    return found


def _with_words(*words: str) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if all(word in line for word in words):
                found.append(process)
    return found
