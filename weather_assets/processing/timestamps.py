"""Timestamp cells to instants: whole microseconds since 1970-01-01T00:00Z.

Belongs here: formats and time zones. Does not belong here: features of time (`features`).
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weather_assets.contract.schema import ContractError, Timestamp

MICROSECONDS_PER_DAY = 86_400_000_000

NO_INSTANT = -(2**63) + 1
"""Stands for a cell that names no instant."""

_YEAR_PATTERN = "(?:1[7-9]|2[01])[0-9]{2}"
"""1700-2199. Years outside are typing errors, and overflow readers that count nanoseconds."""

_ISO8601 = re.compile(
    rf"(?P<Y>{_YEAR_PATTERN})([-/])(?P<m>[0-9]{{1,2}})\2(?P<d>[0-9]{{1,2}})"
    r"(?:[T ](?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]{1,9}))?)?"
    r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_DIRECTIVES = {"Y": f"(?P<Y>{_YEAR_PATTERN})"} | {
    name: f"(?P<{name}>[0-9]{{1,2}})" for name in "mdHMS"
}
_OFFSET = re.compile(
    r"(?:UTC|GMT|UT)?(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-9]{2}))?"
)
_LARGEST_OFFSET = timedelta(hours=18)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAYS_BEFORE_MONTH = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_OF_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_DIGITS_OF_SECONDS = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)

Instants = npt.NDArray[np.int64]


def microseconds(cells: pa.Array, timestamp: Timestamp) -> Instants:
    """Returns the instants that cells name.

    Args:
        cells: trimmed cells (strings), null where missing, [N].
        timestamp: format and time zone.

    Returns:
        Microseconds UTC, [N]; `NO_INSTANT` where a cell is missing or names no instant.

    Raises:
        ContractError: if the format has a directive other than %Y %m %d %H %M %S, lacks year,
            month or day, or has one twice, or nobody knows the time zone.
    """
    read = _reader(timestamp)
    if timestamp.format == "iso8601":
        plain = _plain_utc(cells, timestamp)
        if plain is not None:
            return plain
    encoded = cells.dictionary_encode()
    found = [read(text) for text in encoded.dictionary.to_pylist()]
    instants = np.array([*(NO_INSTANT if at is None else at for at in found), NO_INSTANT], np.int64)
    return instants[encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)]


def _reader(timestamp: Timestamp) -> Callable[[str], int | None]:
    """Returns a function from a trimmed cell to its instant in microseconds UTC, or None.

    Raises:
        ContractError: as `microseconds`.
    """
    zone = _zone(timestamp)
    pattern = _ISO8601 if timestamp.format == "iso8601" else _strptime(timestamp)

    def read(cell: str) -> int | None:
        match = pattern.fullmatch(cell)
        return None if match is None else _instant(match.groupdict(), zone)

    return read


def _instant(part: dict[str, str | None], zone: tzinfo) -> int | None:
    numbers = [int(part.get(name) or 0) for name in "YmdHMS"]
    try:
        local = datetime(*numbers, microsecond=int((part.get("f") or "0")[:6].ljust(6, "0")))  # noqa: DTZ001  its zone follows
    except ValueError:
        return None
    offset = part.get("offset")
    if offset is not None:
        fixed = UTC if offset == "Z" else _fixed_offset(offset)
        return None if fixed is None else (local.replace(tzinfo=fixed) - _EPOCH) // _MICROSECOND
    there = local.replace(tzinfo=zone)
    # An hour that daylight saving skips has no instant: it does not survive the way back.
    utc = there.astimezone(UTC)
    if utc.astimezone(zone).replace(tzinfo=None) != local:
        return None
    return (utc - _EPOCH) // _MICROSECOND


def _zone(timestamp: Timestamp) -> tzinfo:
    name = timestamp.timezone
    if name == "UTC":
        return UTC
    zone = _fixed_offset(name)
    if zone is not None:
        return zone
    try:
        return ZoneInfo(name)
    except (OSError, ValueError) as error:  # an unknown key is an error of both kinds
        raise _unknown_zone(timestamp) from error
    except KeyError as error:
        raise _unknown_zone(timestamp) from error


def _unknown_zone(timestamp: Timestamp) -> ContractError:
    return ContractError(
        f"timestamp {timestamp.column!r}: timezone {timestamp.timezone!r} is unknown; allowed are "
        "IANA names such as Europe/Berlin, UTC, and offsets such as +02:00"
    )


def _fixed_offset(text: str) -> tzinfo | None:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return None
    minutes = int(match["minutes"] or 0)
    offset = timedelta(hours=int(match["hours"]), minutes=minutes)
    if minutes > 59 or offset > _LARGEST_OFFSET:
        return None
    return timezone(-offset if match["sign"] == "-" else offset)


def _strptime(timestamp: Timestamp) -> re.Pattern[str]:
    """Returns the pattern of a strptime format."""
    pieces: list[str] = []
    found: list[str] = []
    for token in re.findall(r"%.?|[^%]+", timestamp.format, flags=re.DOTALL):
        directive = token[1:]
        if not token.startswith("%"):
            pieces.append(re.escape(token))
        elif directive in _DIRECTIVES and directive not in found:
            found.append(directive)
            pieces.append(_DIRECTIVES[directive])
        else:
            raise ContractError(
                f"timestamp {timestamp.column!r}: format {timestamp.format!r} has {token!r}; "
                "allowed are iso8601, or %Y %m %d %H %M %S, each at most once, and literals"
            )
    lacking = [f"%{directive}" for directive in "Ymd" if directive not in found]
    if lacking:
        raise ContractError(
            f"timestamp {timestamp.column!r}: format {timestamp.format!r} lacks "
            f"{', '.join(lacking)}"
        )
    return re.compile("".join(pieces))


def _plain_utc(cells: pa.Array, timestamp: Timestamp) -> Instants | None:
    """Reads cells that all look like 2013-01-01T06:00:00 in UTC, or with Z; None for others.

    Ten times faster than one by one, where every row has a time of its own.
    """
    lengths = np.diff(_offsets(cells))
    if timestamp.timezone != "UTC" or cells.null_count or not len(cells):
        return None
    length = int(lengths[0])
    if length not in (19, 20) or not (lengths == length).all():
        return None
    first = int(_offsets(cells)[0])
    letters = np.frombuffer(cells.buffers()[2], np.uint8)[first : first + length * len(cells)]
    letters = letters.reshape(len(cells), length)
    marks = {4: b"-", 7: b"-", 10: b"T ", 13: b":", 16: b":"} | ({19: b"Z"} if length == 20 else {})
    if not all(np.isin(letters[:, at], list(mark)).all() for at, mark in marks.items()):
        return None
    digits = letters[:, list(_DIGITS_OF_SECONDS)] - np.uint8(ord("0"))
    if (digits > 9).any():
        return None
    whole = digits.astype(np.int64)
    pairs = whole[:, 0::2] * 10 + whole[:, 1::2]
    year, (month, day, hour, minute, second) = pairs[:, 0] * 100 + pairs[:, 1], pairs[:, 2:].T
    leaps = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    at = np.clip(month, 1, 12) - 1
    longest = _DAYS_OF_MONTH[at] + (leaps & (month == 2))
    is_valid = (
        ((year >= 1700) & (year < 2200) & (month >= 1) & (month <= 12))
        & ((day >= 1) & (day <= longest))
        & ((hour < 24) & (minute < 60) & (second < 60))
    )
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400 + _DAYS_BEFORE_MONTH[at]
    days += (leaps & (month > 2)) + day - 1 - (date(1970, 1, 1).toordinal() - 1)
    seconds = hour * 3600 + minute * 60 + second
    return np.where(is_valid, days * MICROSECONDS_PER_DAY + seconds * 1_000_000, NO_INSTANT)


def _offsets(cells: pa.Array) -> npt.NDArray[np.int32]:
    """Returns where the texts of a string array begin, and the last one ends, [N + 1]."""
    offsets = np.frombuffer(cells.buffers()[1], np.int32)
    return offsets[cells.offset : cells.offset + len(cells) + 1]
