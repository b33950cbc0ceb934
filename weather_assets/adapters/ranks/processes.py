"""Ranks as processes of this machine (Linux and macOS): one backend of the gang launcher.

Belongs here: starting a rank in a session of its own, reading its output, ending it with all that
it started. Does not belong here: deciding that a rank has failed (`watch`), and relaunching
(`gang`).

What a label is to a container, the variable WEATHER_ASSETS_RENDEZVOUS is to a process: every
process that a rank starts inherits it, also one that left the rank's process group and whose parent
has died. `ProcessBackend.clean_up` finds all of them by it.
"""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from weather_assets.adapters.own_settings import FOLDERS
from weather_assets.adapters.ranks.protocol import (
    LONGEST_LINE,
    QUEUED_LINES,
    RANK_VARIABLE,
    RENDEZVOUS_VARIABLE,
    SIGNAL_EXIT_BASE,
    OutputLine,
    RankLaunchError,
    RankSpec,
    Rendezvous,
    Stream,
    drained,
)
from weather_assets.foundation.child_environment import (
    ACCELERATORS,
    SYSTEM,
    inherited,
    python_settings,
)
from weather_assets.foundation.loopback import LOOPBACK, free_loopback_port
from weather_assets.foundation.marked_processes import end_marked
from weather_assets.foundation.process_guard import guarded

LAST_OUTPUT_SECONDS = 2.0
"""How long an ended rank's remaining output is waited for: its group was killed, so that its pipes
close at once, unless a process that left the group still holds them."""


class RankProcess:
    """One rank: a session whose leader is `process_guard`. Implements `RankHandle`."""

    def __init__(self, spec: RankSpec, process: subprocess.Popen[str]) -> None:
        """Takes over a process started with pipes for output and error, in text mode."""
        self._spec = spec
        self._process = process
        self._lines: queue.Queue[OutputLine] = queue.Queue(QUEUED_LINES)
        self._exited_at: float | None = None
        self._readers = [
            threading.Thread(target=self._read, args=each, daemon=True, name=f"rank-{each[1]}")
            for each in (
                (cast("IO[str]", process.stdout), Stream.OUTPUT),
                (cast("IO[str]", process.stderr), Stream.ERROR),
            )
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe: IO[str], stream: Stream) -> None:
        with pipe:
            while line := pipe.readline(LONGEST_LINE):
                self._lines.put(OutputLine(line.removesuffix("\n"), stream, time.monotonic()))

    def poll(self) -> int | None:
        """See `RankHandle.poll`."""
        code = self._process.poll()
        if code is None:
            return None
        if self._exited_at is None:
            self._exited_at = time.monotonic()
            # Its leader has only now been reaped, so the number still means this group.
            self._signal_group(signal.SIGKILL)
            end_processes(self._spec.rendezvous.identity, self._spec.rank)
        waited = time.monotonic() - self._exited_at
        more_may_come = waited < LAST_OUTPUT_SECONDS or not self._lines.empty()
        if more_may_come and any(reader.is_alive() for reader in self._readers):
            return None
        return code if code >= 0 else SIGNAL_EXIT_BASE - code

    def drain(self) -> Sequence[OutputLine]:
        """See `RankHandle.drain`."""
        return drained(self._lines)

    def terminate(self) -> None:
        """See `RankHandle.terminate`."""
        if self._exited_at is None:
            self._signal_group(signal.SIGTERM)

    def kill(self) -> None:
        """See `RankHandle.kill`."""
        if self._exited_at is None:
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        # macOS answers EPERM instead of ESRCH where only zombies are left in the group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def describe(self) -> Mapping[str, str]:
        """See `RankHandle.describe`."""
        return {
            "backend": "process",
            "host": socket.gethostname(),
            "process_group": str(self._process.pid),
        }


class ProcessBackend:
    """Starts ranks on this machine. Implements `RankBackend`."""

    def __init__(
        self,
        *,
        working_directory: Path | None = None,
        pick_port: Callable[[], int] = free_loopback_port,
    ) -> None:
        """Starts nothing yet.

        Args:
            working_directory: where the ranks run; the supervisor's by default.
            pick_port: gives a port that should be free.
        """
        self._working_directory = working_directory
        self._pick_port = pick_port
        self._ports_used: set[int] = set()

    @property
    def python(self) -> str:
        """See `RankBackend.python`: this process's own."""
        return sys.executable

    def prepare(self, identity: str) -> Rendezvous:
        """See `RankBackend.prepare`: loopback, and a port no earlier attempt was given."""
        port = self._pick_port()
        while port in self._ports_used:
            port = self._pick_port()
        self._ports_used.add(port)
        return Rendezvous(identity, LOOPBACK, port)

    def launch(self, spec: RankSpec) -> RankProcess:
        """See `RankBackend.launch`."""
        try:
            process = subprocess.Popen(
                guarded(spec.command),
                env=self._environment(spec),
                cwd=self._working_directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            message = f"rank {spec.rank} could not be started on this machine: {error}"
            raise RankLaunchError(message) from error
        return RankProcess(spec, process)

    @staticmethod
    def _environment(spec: RankSpec) -> dict[str, str]:
        threads = max(1, (os.cpu_count() or 1) // spec.world_size)
        own = {
            "LOCAL_RANK": str(spec.rank),
            "LOCAL_WORLD_SIZE": str(spec.world_size),
            "NODE_RANK": "0",
            "OMP_NUM_THREADS": str(threads),
            # Gloo otherwise listens on the interface that the host name resolves to, open to the
            # network, and fails where it resolves to none.
            "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
        }
        passed_on = inherited(os.environ, *SYSTEM, *ACCELERATORS, *FOLDERS)
        return {**passed_on, **python_settings(), **own, **spec.environment}

    def clean_up(self, rendezvous: Rendezvous) -> None:
        """See `RankBackend.clean_up`."""
        end_processes(rendezvous.identity)


def end_processes(identity: str, rank: int | None = None) -> None:
    """Kills every process that ranks of an attempt are or have started.

    Args:
        identity: the attempt's id, as in `Rendezvous.identity`.
        rank: only this rank's; all ranks' by default.

    Raises:
        TimeoutError: something survives SIGKILL; names it.
    """
    one = {} if rank is None else {RANK_VARIABLE: str(rank)}
    end_marked({RENDEZVOUS_VARIABLE: identity, **one})
