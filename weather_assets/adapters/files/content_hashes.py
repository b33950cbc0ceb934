"""SHA-256 of raw files, computed once for as long as a file stays as it is.

Belongs here: when a hash that was computed before may be believed. Does not belong here: what the
hashes identify (`raw_snapshot`).

A file is hashed again unless device, inode, size, modification and change time are all those of the
last time. The change time is the kernel's: a program that sets a modification time back, or writes
into a mapped file, cannot set it. Clocks tick in milliseconds, so a hash that was begun within
two seconds of the last change is not remembered: another change might have left no trace.
"""

import hashlib
import time
from contextlib import suppress
from pathlib import Path

from weather_assets.foundation.documents import DocumentError, DocumentFormat

_MEMO = DocumentFormat("the memory of raw files' hashes")
_CERTAIN_AFTER_SECONDS = 2.0


class ContentHashes:
    """The hashes of the files below one folder.

    Args:
        folder: `raw/` of a data root.
        memo: file in which hashes are remembered; without one, every file is hashed.
    """

    def __init__(self, folder: Path, memo: Path | None) -> None:
        self._folder = folder
        self._memo = memo
        self._known = self._load()
        self._is_changed = False

    def sha256(self, path: Path) -> str:
        """Returns the hash of a file's bytes, as hex.

        Raises:
            OSError: if it cannot be read.
        """
        name = path.relative_to(self._folder).as_posix()
        began = time.time()
        marks = _marks(path)
        known = self._known.get(name)
        if known is not None and known[0] == marks:
            return str(known[1])
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        self._known.pop(name, None)
        # The change time alone: a modification time may come from a clock that is ahead.
        changed = path.stat().st_ctime
        if _marks(path) == marks and began - changed > _CERTAIN_AFTER_SECONDS:
            self._known[name] = [marks, found]
        self._is_changed = True
        return found

    def save(self) -> None:
        """Remembers the hashes."""
        if not self._is_changed or self._memo is None:
            return
        present = {name: known for name, known in self._known.items() if self._is_there(name)}
        _MEMO.write(self._memo, {"files": present})

    def _is_there(self, name: str) -> bool:
        return (self._folder / name).exists()

    def _load(self) -> dict[str, list[object]]:
        # What cannot be believed is forgotten: hashing again costs time alone.
        with suppress(OSError, DocumentError):
            if self._memo is not None:
                memo = _MEMO.read(self._memo)
                return dict(memo.get("files", memo))  # files alone, before formats had numbers
        return {}


def _marks(path: Path) -> list[int]:
    """Returns what the file system says of a file, of which something differs after a change."""
    status = path.stat()
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
