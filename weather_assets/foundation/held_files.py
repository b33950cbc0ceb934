"""Files that a process holds for as long as it lives; the kernel lets go of them however it ends.

Belongs here: holding a file, and telling a held one from one that a killed process has left. Does
not belong here: waiting for another to finish (`filelock`), or what is done about a killed one.

This tells the living from the dead without clocks, and without numbers of processes, which are used
again: also after the machine was started anew, and in a folder that was moved. In a copied folder
nobody holds anything.
"""

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from weather_assets.foundation.waiting import WaitedTooLongError, wait_until

_LOOKS_SECONDS = 0.5
"""Longer than anybody's look at a file takes, which is a moment's shared lock."""


class HeldElsewhereError(RuntimeError):
    """Another process holds the file; the message is what that process wrote into it."""


class HeldFile:
    """A file that this process holds until `release`, or until it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Takes over an open file with an exclusive lock."""
        self.path = path
        self._descriptor = descriptor

    def release(self) -> None:
        """Removes the file and lets go of it."""
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def hold(path: Path, text: str) -> HeldFile:
    """Holds a file, which children do not inherit.

    Args:
        path: its folder is made where it is missing; a file that was left behind is taken over.
        text: who holds it, for others to read.

    Raises:
        HeldElsewhereError: a living process holds it.
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return wait_until(lambda: _made(path, text) or _taken_over(path, text), _LOOKS_SECONDS, "")
    except WaitedTooLongError:
        raise HeldElsewhereError(path.read_text("utf-8")) from None


def is_held(path: Path) -> bool:
    """Tells whether a living process holds a file; False also where there is none."""
    return path.is_file() and not left_behind(path)


def left_behind(path: Path) -> bool:
    """Tells whether there is a file whose holder was killed before it could remove it."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return path.exists()  # it may have been removed just now, as it should be
    return False


def files_in(folder: Path) -> list[Path]:
    """Returns the files of a folder that are, or were, held."""
    return [path for path in folder.glob("*") if not path.name.startswith(".")]


def _made(path: Path, text: str) -> HeldFile | None:
    """Makes the file, which is held from the moment that it can be seen; None if there is one."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, text.encode())
        os.link(draft, path)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, FileExistsError):
            return None
        raise
    finally:
        Path(draft).unlink()
    return HeldFile(path, descriptor)


def _taken_over(path: Path, text: str) -> HeldFile | None:
    """Takes over a file that was left behind; None if it is held, or has gone."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_the_one = os.path.samestat(os.fstat(descriptor), path.stat())
        if is_the_one:
            os.truncate(descriptor, 0)
            os.write(descriptor, text.encode())
            return HeldFile(path, descriptor)
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None
