"""Timestamp cells to instants: whole microseconds since 1970-01-01T00:00Z.

Belongs here: formats and time zones. Does not belong here: features of time (`features`), or the
shortcut for cells that are written alike (`alike_timestamps`), which gives the same instants.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from weather_assets.contract.schema import ContractError, Timestamp
from weather_assets.processing.cells.alike_timestamps import UNKNOWN, Instants, read_alike, utc_of

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
    zone, pattern = _zone(timestamp), _pattern(timestamp)
    instants = np.full(len(cells), UNKNOWN)
    alike = read_alike(cells, pattern)
    if alike is not None:
        found = (
            utc_of(alike, zone, lambda local: _utc(local, zone))
            if alike.offsets is None
            else alike.local - alike.offsets
        )
        instants[alike.rows] = np.where(alike.is_valid, found, NO_INSTANT)
    others = np.flatnonzero(instants == UNKNOWN)
    if len(others):
        instants[others] = _one_by_one(cells.take(pa.array(others)), pattern, zone)
    return instants


def _one_by_one(cells: pa.Array, pattern: re.Pattern[str], zone: tzinfo) -> Instants:
    """Returns the instants of cells, of which each different one is looked at by itself."""
    encoded = cells.dictionary_encode()
    found: list[int] = []
    for cell in encoded.dictionary.to_pylist():
        match = pattern.fullmatch(cell)
        instant = None if match is None else _instant(match.groupdict(), zone)
        found.append(NO_INSTANT if instant is None else instant)
    instants = np.array([*found, NO_INSTANT], np.int64)
    return instants[encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)]


def _pattern(timestamp: Timestamp) -> re.Pattern[str]:
    return _ISO8601 if timestamp.format == "iso8601" else _strptime(timestamp)


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
    return _utc(local, zone)


def _utc(local: datetime, zone: tzinfo) -> int | None:
    """Returns the instant of a local time, or None where it has none."""
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
