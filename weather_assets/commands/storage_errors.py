"""What to do where a file cannot be written: no room, no access, a medium that is read-only.

Belongs here: telling such failures from all others, and the sentence for people. Does not belong
here: whether a failure heals by itself (`foundation.healing`), or showing the sentence (`cli`).
"""

import errno
import re
from collections.abc import Iterator

_PLACES = (
    "the data root (--data), the cache (WEATHER_ASSETS_CACHE) or the temporary folder (TMPDIR)"
)
_FULL = f"no room is left there: free some (`df -h` shows where), or put {_PLACES} elsewhere"
_CLOSED = f"this user may not read or write there: change that, or put {_PLACES} elsewhere"
_NO_HARM = "What was published before is as it was; run again afterwards"
_BY_ERRNO = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _FULL),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _CLOSED),
}
_BY_WORDS = (
    (r"database or disk is full|disk I/O error|\[Errno (28|122|27)\]", _FULL),
    (r"No usable temporary directory|No space left on device|Disk quota exceeded", _FULL),
    (r"readonly database|unable to open database file|Read-only file system", _CLOSED),
    (r"\[Errno (30|13)\]", _CLOSED),
)
"""As SQLite, Python's `tempfile` and other processes word it."""


def storage_problem(error: BaseException) -> str | None:
    """Returns a sentence if a failure is one of writing, else None.

    Args:
        error: whose causes are looked at too.
    """
    for each in _chain(error):
        if isinstance(each, OSError) and each.errno in _BY_ERRNO:
            # Without a name it is no file: a port, for instance.
            if each.filename is not None or each.errno not in (errno.EACCES, errno.EPERM):
                where = "a file" if each.filename is None else str(each.filename)
                return f"{where} cannot be used: {_BY_ERRNO[each.errno]}. {_NO_HARM}"
        elif (advice := storage_advice(str(each))) is not None:
            return advice
    return None


def storage_advice(text: str) -> str | None:
    """Returns a sentence if the words of a failure show that it is one of writing, else None."""
    for words, advice in _BY_WORDS:
        if re.search(words, text):
            named = re.search(r"'(/[^']+)'", text)
            where = named[1] if named else "a file"
            return f"{where} cannot be used: {advice}. {_NO_HARM}"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
