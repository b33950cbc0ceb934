"""Results that are kept from one version to the next, by names that say what they depend on.

Belongs here: naming them, and making each whole or not at all. Does not belong here: how long any
of them is kept (an adapter decides), or what is in it.
"""

import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path


class KeptResults:
    """Where the results are that a version is made of.

    Args:
        entries: by raw file, a name for all that decides what is made of it by itself.
        place: returns the folder of a result by its name: where it is kept, or where it is to be
            made.

    Attributes:
        used: names of the results that were asked for.
    """

    def __init__(self, entries: Mapping[str, str], place: Callable[[str], Path]) -> None:
        self._entries = entries
        self._place = place
        self.used: set[str] = set()

    def entry(self, file: str) -> Path:
        """Returns the folder of what is made of a raw file by itself."""
        return self.folder(self._entries[file])

    def folder(self, name: str) -> Path:
        """Returns the folder of the result of that name, complete or not there."""
        self.used.add(name)
        return self._place(name)


def make_whole(folder: Path, write: Callable[[Path], None]) -> None:
    """Fills a folder that is complete or not there, also if two processes try at the same time.

    Args:
        folder: which; nothing happens to it if another process was first.
        write: fills the empty folder that it is given.
    """
    staged = folder.with_name(f".attempt-{uuid.uuid4().hex}")
    staged.mkdir(parents=True)
    try:
        write(staged)
        staged.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)
