"""A folder for all temporary files of this process and its children, gone when it has ended.

Belongs here: making it, and removing those of processes that were killed. Does not belong here:
what lies in it.

Each names its folder as everybody's temporary folder (TMPDIR), so that what the libraries make
there is removed as well. It lies in the user's own temporary folder: sockets want short paths.
"""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from weather_assets.foundation.held_files import hold, left_behind

_PREFIX = "scratch-"
_HELD_FILE = ".held"
_VARIABLE = "TMPDIR"


@contextmanager
def scratch() -> Generator[Path]:
    """Yields this process's temporary folder, after removing those that killed processes left.

    Raises:
        OSError: the user's temporary folder is missing, read-only or full.
    """
    users = users_temporary_folder()
    remove_abandoned(users)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=users))
    held = hold(folder / _HELD_FILE, str(os.getpid()))
    before = tempfile.tempdir, os.environ.get(_VARIABLE)
    tempfile.tempdir = os.environ[_VARIABLE] = str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before[0]
        if before[1] is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before[1]
        held.release()
        shutil.rmtree(folder, ignore_errors=True)


def users_temporary_folder() -> Path:
    """Returns the temporary folder that the user has chosen, also inside `scratch`."""
    folder = Path(tempfile.gettempdir())
    return folder.parent if folder.name.startswith(_PREFIX) else folder


def remove_abandoned(folder: Path) -> None:
    """Removes what processes that were killed have left in a user's temporary folder."""
    for abandoned in folder.glob(f"{_PREFIX}*"):
        with suppress(PermissionError):  # another user's
            if left_behind(abandoned / _HELD_FILE):
                shutil.rmtree(abandoned, ignore_errors=True)
