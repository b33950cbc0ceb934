"""`~` at the beginning of a path that somebody gave.

Belongs here: what it stands for. Does not belong here: where anything lies.
"""

from contextlib import suppress
from pathlib import Path


def expanded(path: Path) -> Path:
    """Returns a path with a home folder for `~` or `~user`; as it is where no user is so called."""
    with suppress(RuntimeError):
        return path.expanduser()
    return path
