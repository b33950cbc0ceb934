"""Files that are complete or absent, also when the process is killed or the power fails.

Belongs here: the draft beside the file, flushing it to the disk, and the rename; the same for
links. Does not belong here: what is written, or locks between writers (the last one wins, with a
complete file).
"""

import os
import shutil
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


def point_link(link: Path, target: Path) -> None:
    """Makes a symbolic link lead to `target`, replacing in one step what it was.

    Args:
        link: its folder must exist; a folder in its place, such as a copy makes that follows
            links, is removed.
        target: absolute, or relative to the link's folder.
    """
    if link.is_symlink() and link.readlink() == target:
        return
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    draft = link.with_name(f"{_DRAFT}{link.name}-{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(link)


def _flush(path: Path) -> None:
    """Has the disk hold what was written to a file, or which names a folder has."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
