"""Telling failures that may heal by themselves from those that cannot.

Belongs here: what an exception says of itself, and what the system's and the libraries' own ones
mean. Does not belong here: what follows from it (`reconciliation`).

An error class of the product whose cause may go away (a service that is busy, a file that was
changed meanwhile) says so with the attribute `may_heal`. Nothing is read out of messages.
"""

import errno
import socket
import sqlite3
import subprocess
from collections.abc import Iterator

_ERRNO = frozenset(
    {
        errno.EAGAIN, errno.EBUSY, errno.EDQUOT, errno.EHOSTUNREACH, errno.EINTR, errno.EIO,
        errno.EMFILE, errno.ENETDOWN, errno.ENETUNREACH, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM,
        errno.ENOSPC, errno.EROFS, errno.ESTALE, errno.ETXTBSY,
    }
)  # fmt: skip
"""A disk that is full or fails for a moment, too many open files, no memory, no network."""
_STATUS = frozenset({408, 409, 425, 429})
_SERVER_FAULT = 500
_SQLITE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)
_KINDS = (ConnectionError, TimeoutError, socket.gaierror, MemoryError, subprocess.TimeoutExpired)
_NAMES = frozenset(
    {
        "azure.core.exceptions.ServiceRequestError",
        "azure.core.exceptions.ServiceResponseError",
        "psycopg2.OperationalError",
        "py4j.protocol.Py4JNetworkError",
        "requests.exceptions.ChunkedEncodingError",
        "requests.exceptions.ConnectionError",
        "requests.exceptions.Timeout",
        "urllib3.exceptions.HTTPError",
    }
)
"""Of libraries that take long to import, or are not in every process."""
_MLFLOW_CODES = frozenset(
    {"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"}
)


def may_heal(error: BaseException) -> bool:
    """Tells whether the same thing, tried again later, may go well.

    The first exception of the chain that says anything of it decides: what was raised, what caused
    it, what was being handled meanwhile (unless that was hidden with `from None`).
    """
    return next((said for each in _chain(error) if (said := _says(each)) is not None), False)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        yield link
        seen.add(id(link))
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _says(error: BaseException) -> bool | None:
    """Returns what one exception says; None where it says nothing."""
    declared = getattr(error, "may_heal", None)
    if isinstance(declared, bool):
        return declared
    status = _status(error)
    if status is not None:
        return status in _STATUS or status >= _SERVER_FAULT
    known = (
        isinstance(error, _KINDS)
        or (isinstance(error, OSError) and error.errno in _ERRNO)
        or (isinstance(error, sqlite3.Error) and _sqlite_code(error) in _SQLITE)
        or getattr(error, "error_code", None) in _MLFLOW_CODES
        or any(f"{kind.__module__}.{kind.__qualname__}" in _NAMES for kind in type(error).__mro__)
    )
    return True if known else None


def _status(error: BaseException) -> int | None:
    """Returns the HTTP status that a client's exception is about, if it is about one."""
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return status
    return None


def _sqlite_code(error: sqlite3.Error) -> int:
    """Returns the primary result code; extended ones carry it in their lowest byte."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
