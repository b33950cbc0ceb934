"""Who does work that can be divided: this process, or Spark's tasks.

Belongs here: handing out pieces of work, and the errors of those who do it. Does not belong here:
what is done (`file_entries`, `windows`, `timed_rows`).
"""

import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

from weather_assets.processing.files.raw_file import RawFileError

SMALL_BYTES = 128 * 2**20
"""Up to so much text is read by this process: that takes a second or two, and starting Spark and
its Python processes takes six."""

_ROW_BYTES = 32
_THREADS = min(4, os.cpu_count() or 1)
"""Each takes some 200 MB; of further ones most wait for the interpreter."""

_COMPARED_PER_WRITTEN = 4
"""Rows are compared in a quarter of the time that reading or writing them takes."""


class Workers(Protocol):
    """Those who do pieces of work."""

    def each(self, pieces: int, work: Callable[[int], str]) -> list[str]:
        """Returns what a function says of each piece, in their order.

        Args:
            pieces: how many there are.
            work: called with the number of a piece; perhaps in another process, perhaps twice.
        """
        ...


def is_little(small_bytes: int, *, compared: int = 0, written: int = 0) -> bool:
    """Tells whether some work is done sooner than Spark has started.

    Args:
        small_bytes: how much text to read counts as little.
        compared: how many rows are to be compared.
        written: how many rows are to be written.
    """
    return (written + compared // _COMPARED_PER_WRITTEN) * _ROW_BYTES <= small_bytes


class Here:
    """Threads of this process: Arrow and numpy work without the interpreter's lock."""

    def each(self, pieces: int, work: Callable[[int], str]) -> list[str]:
        """As in `Workers`."""
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            return list(pool.map(work, range(pieces)))


class InSpark:
    """Spark tasks, one per piece, which Spark retries and spreads over its workers.

    Args:
        spark: the session.
    """

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def each(self, pieces: int, work: Callable[[int], str]) -> list[str]:
        """As in `Workers`.

        Raises:
            RawFileError: as the task raised it.
        """

        def tasks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for piece in batch.column(0).to_pylist():
                    answer = work(piece)
                    yield pa.RecordBatch.from_pydict({"piece": [piece], "answer": [answer]})

        numbers = self._spark.range(0, pieces, 1, pieces)
        with _readable_errors():
            rows = numbers.mapInArrow(tasks, "piece bigint, answer string").collect()
        return [row["answer"] for row in sorted(rows, key=lambda row: row["piece"])]


@contextmanager
def _readable_errors() -> Generator[None]:
    """Turns a Spark task's report of a bad raw file back into the error that the task raised."""
    try:
        yield
    except PythonException as error:
        raised = re.search(rf"{RawFileError.__name__}: (.*)", str(error))
        if raised is None:
            raise
        raise RawFileError(raised[1]) from None
