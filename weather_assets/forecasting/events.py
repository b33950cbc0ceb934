"""What a rank tells its launcher: JSON objects, one per line, on standard output.

Belongs here: the events, their throttling and the heartbeat. Does not belong here: reading them
(`weather_assets.adapters`).
"""

import json
import os
import socket
import sys
import threading
import time
from typing import Any, TextIO

EPOCH_INTERVAL_SECONDS = 0.5
"""Shortest time between two `epoch` events: small data validate every 50 ms, too fast to read."""


class RankEvents:
    """Writes the events of one rank. Safe to use from several threads."""

    def __init__(self, rank: int, stream: TextIO | None = None) -> None:
        """Opens nothing; the first event is written by `started`.

        Args:
            rank: this rank.
            stream: where lines go; standard output if not given.
        """
        self.rank = rank
        self.step = 0
        self._stream = sys.stdout if stream is None else stream
        self._lock = threading.Lock()
        self._last_epoch = float("-inf")
        self._ended = threading.Event()

    def started(self, heartbeat_interval_seconds: float) -> None:
        """Reports that the process is alive, and keeps reporting it from a thread.

        Each heartbeat carries `step`, the main loop's counter: a launcher that sees heartbeats with
        a counter that stands still knows that the main loop hangs, not the process.
        """
        self._write("started", pid=os.getpid(), host=socket.gethostname())
        threading.Thread(
            target=self._beat, args=(heartbeat_interval_seconds,), name="heartbeat", daemon=True
        ).start()

    def epoch(self, **values: Any) -> None:
        """Reports a validation; drops those that follow one another too closely."""
        now = time.monotonic()
        if now - self._last_epoch >= EPOCH_INTERVAL_SECONDS:
            self._last_epoch = now
            self._write("epoch", **values)

    def finished(self) -> None:
        """Reports success. Nothing is written afterwards."""
        self._ended.set()
        self._write("finished")

    def failed(self, error: str, *, permanent: bool) -> None:
        """Reports why the rank gives up, as one readable line. Nothing is written afterwards.

        Args:
            error: what went wrong and what to do.
            permanent: whether another attempt would end the same way.
        """
        self._ended.set()
        self._write("failed", error=" ".join(error.split()), permanent=permanent)

    def _beat(self, interval_seconds: float) -> None:
        while not self._ended.wait(interval_seconds):
            self._write("heartbeat", step=self.step)

    def _write(self, event: str, **values: Any) -> None:
        line = json.dumps({"event": event, "rank": self.rank, **values}) + "\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()
