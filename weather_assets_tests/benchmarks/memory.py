"""Memory and processor time of everything that a benchmark has started.

Belongs here: watching. Does not belong here: starting it (`processes`).
"""

import threading
from types import TracebackType
from typing import Self

import psutil

_LOOK_SECONDS = 0.2


class Watch:
    """Looks at all processes below this one, some times a second, while the context is open.

    Attributes:
        peak_bytes: most memory that all of them held at the same time. Pages that several share
            are counted once, where the platform tells (Linux).
        processor_seconds: processor time of all of them, as far as it was seen.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._seconds: dict[tuple[int, float], float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    @property
    def processor_seconds(self) -> float:
        """Returns the sum over all processes."""
        return sum(self._seconds.values())

    def __enter__(self) -> Self:
        """Starts to look."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends to look."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            held = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    held += _bytes_of(process)
                    times = process.cpu_times()
                    key = (process.pid, process.create_time())
                    self._seconds[key] = times.user + times.system
                except psutil.Error:
                    continue  # it has just ended
            self.peak_bytes = max(self.peak_bytes, held)


def _bytes_of(process: psutil.Process) -> int:
    full = process.memory_full_info()
    return int(getattr(full, "pss", 0) or full.rss)
