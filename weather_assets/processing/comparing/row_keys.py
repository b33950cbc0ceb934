"""What rows are compared by: a few bytes of each, sorted by time, in a file that is mapped.

Belongs here: that file. Does not belong here: the comparison (`outcomes`), or the rows themselves
(`timed_parts`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class RowKeys:
    """Rows as far as other rows are concerned; all of them have a time and, if any, a station.

    Attributes:
        times: microseconds UTC, [N].
        stations: index of the station, or 0 without stations, [N].
        row_hashes: of the values, [N].
        events: what the row's own label cell says: 0, 1, or -1 for nothing valid, [N].
        is_valid: 1 where the row has no fault by itself, else 0, [N].
    """

    times: npt.NDArray[np.int64]
    stations: npt.NDArray[np.int32]
    row_hashes: npt.NDArray[np.int64]
    events: npt.NDArray[np.int8]
    is_valid: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.times)

    def chosen(self, rows: slice | npt.NDArray[Any]) -> "RowKeys":
        """Returns some of the rows."""
        return RowKeys(*(array[rows] for array in self._arrays()))

    @classmethod
    def joined(cls, several: Iterable["RowKeys"]) -> "RowKeys":
        """Returns the rows of several, one after the other."""
        arrays = zip(*(keys._arrays() for keys in (cls.none(), *several)), strict=True)
        joined: list[npt.NDArray[Any]] = [np.concatenate(column) for column in arrays]
        return cls(*joined)

    @classmethod
    def none(cls) -> "RowKeys":
        """Returns no rows."""
        kinds = (np.int64, np.int32, np.int64, np.int8, np.uint8)
        empty: list[npt.NDArray[Any]] = [np.empty(0, kind) for kind in kinds]
        return cls(*empty)

    def save(self, path: Path) -> None:
        """Writes the rows as one uncompressed batch of an Arrow file."""
        columns = [pa.array(array) for array in self._arrays()]
        batch = pa.RecordBatch.from_arrays(columns, names=list(RowKeys.__slots__))
        with pa.ipc.new_file(str(path), batch.schema) as file:
            file.write_batch(batch)

    @classmethod
    def mapped(cls, path: Path) -> "RowKeys":
        """Returns rows of a file, which are read when they are looked at."""
        with pa.memory_map(str(path)) as source:
            batch = pa.ipc.open_file(source).get_batch(0)
        return cls(*(column.to_numpy() for column in batch.columns))

    def _arrays(self) -> tuple[npt.NDArray[Any], ...]:
        return (self.times, self.stations, self.row_hashes, self.events, self.is_valid)
