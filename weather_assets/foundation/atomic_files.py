"""Files that are complete or absent, also when the process is killed or the power fails.

Belongs here: the draft beside the file, flushing it to the disk, and the rename. Does not belong
here: what is written, or locks between writers (the last one wins, with a complete file).
"""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

PRIVATE = 0o600
"""For secrets: the owner alone may read the file."""
_DRAFT = ".draft-"


@contextmanager
def replacing(path: Path, mode: int = 0o644) -> Generator[Path]:
    """Yields an empty draft beside `path`, which takes its place when the block ends well.

    Args:
        path: the file to write; its folder must exist. What was there stays until the end, and for
            good if the block raises.
        mode: permissions of the new file.

    Raises:
        OSError: the folder is missing, read-only or full; nothing of the draft is left.
    """
    descriptor, name = tempfile.mkstemp(prefix=f"{_DRAFT}{path.name}-", dir=path.parent)
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(mode)
        _flush(draft)
        draft.replace(path)
        _flush(path.parent)
    finally:
        with suppress(FileNotFoundError):  # it has taken its place
            draft.unlink()


def write_bytes(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Writes a file, complete or not at all; as `replacing`."""
    with replacing(path, mode) as draft:
        draft.write_bytes(content)


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Writes a file in UTF-8, complete or not at all; as `replacing`."""
    write_bytes(path, text.encode("utf-8"), mode)


def _flush(path: Path) -> None:
    """Has the disk hold what was written to a file, or which names a folder has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
