"""Rows in the order of their hashes, however many there are: an external bucket sort.

Belongs here: records of a hash, a label and features, their buckets on disk, and the sorted
sequence. Does not belong here: where records come from, or what files of sorted rows look like
(`row_files`).

Shapes: N records, F features.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

BUCKET_BYTES = 64 * 2**20
"""About what a bucket holds. Sorting one takes some three times that in memory."""
_HASH_BITS = 64

Records = npt.NDArray[Any]
"""Structured array [N] of `record_type`."""


def record_type(features: int) -> np.dtype[Any]:
    """Returns the type of a record, packed: `hash` int64, `label` uint8, `features` float64 [F]."""
    return np.dtype([("hash", "<i8"), ("label", "u1"), ("features", "<f8", (features,))])


class HashSort:
    """Sorts records by `hash`; of equal hashes, the one that was added first comes first.

    A bucket holds the hashes with the same leading bits. Hashes are spread evenly, so that buckets
    are of about one size and only one of them is in memory at a time; where all records make up no
    more than one bucket, nothing touches the disk.
    """

    def __init__(self, folder: Path, features: int, expected: int) -> None:
        """Writes nothing yet.

        Args:
            folder: for buckets; made if needed, removed by `close`.
            features: F.
            expected: about how many records are to come, if hashes of all values do.
        """
        self._folder = folder
        self._type = record_type(features)
        wanted = -(-expected * self._type.itemsize // BUCKET_BYTES)
        self._bits = max(wanted - 1, 0).bit_length()
        self._in_memory: list[Records] = []

    def add(self, records: Records) -> None:
        """Takes records, in any order."""
        if self._bits == 0:
            self._in_memory.append(records)
            return
        # Flipping the sign bit makes the order of the unsigned numbers that of the signed ones.
        place = (records["hash"].view(np.uint64) ^ np.uint64(1 << (_HASH_BITS - 1))) >> np.uint64(
            _HASH_BITS - self._bits
        )
        order = np.argsort(place, kind="stable")
        buckets, starts = np.unique(place[order], return_index=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        bounds = [*starts.tolist(), len(records)]
        for index, bucket in enumerate(buckets.tolist()):
            chosen = records[order[bounds[index] : bounds[index + 1]]]
            with self._bucket(bucket).open("ab") as file:
                file.write(chosen.tobytes())

    def sorted(self) -> Iterator[Records]:
        """Yields all records in order, one bucket at a time; each is gone from disk by then."""
        if self._bits == 0:
            yield self._sort(np.concatenate([np.empty(0, self._type), *self._in_memory]))
            return
        for bucket in range(1 << self._bits):
            path = self._bucket(bucket)
            if path.exists():
                records = np.fromfile(path, self._type)
                path.unlink()
                yield self._sort(records)

    def close(self) -> None:
        """Removes what is left on disk."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _bucket(self, bucket: int) -> Path:
        return self._folder / f"{bucket}.bucket"

    @staticmethod
    def _sort(records: Records) -> Records:
        return records[np.argsort(records["hash"], kind="stable")]
