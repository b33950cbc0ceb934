"""Timestamp cells to instants, as Spark SQL.

Belongs here: formats and time zones. Does not belong here: features of time (`features`).
"""

import re

from weather_assets.contract.schema import ContractError, Timestamp
from weather_assets.processing import sql

_OFFSET_PATTERN = ":.*(Z|[+-][0-9]{2}:?[0-9]{2})$"
_WITHOUT_SECONDS_PATTERN = "^([^:]*:[0-9]{2})(Z|[+-].*)?$"
"""Spark reads an offset only after seconds."""

_YEAR_PATTERN = "(?:1[7-9]|2[01])[0-9]{2}"
"""1700-2199. Years outside are typing errors, and overflow readers that count nanoseconds."""

_ISO8601_PATTERN = (
    rf"{_YEAR_PATTERN}([-/])[0-9]{{1,2}}\1[0-9]{{1,2}}"
    r"([T ][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_DIRECTIVES = {"Y": f"({_YEAR_PATTERN})", **dict.fromkeys("mdHMS", "([0-9]{1,2})")}


def microseconds(cell: str, timestamp: Timestamp) -> str:
    """Returns SQL for the instant that a cell names: bigint microseconds UTC, or null.

    Args:
        cell: SQL of the trimmed cell, a string.
        timestamp: format and time zone.

    Raises:
        ContractError: if the format has a directive other than %Y %m %d %H %M %S, lacks year,
            month or day, or has one twice.
    """
    if timestamp.format == "iso8601":
        dashed = f"translate({cell}, '/', '-')"
        whole = f"regexp_replace({dashed}, {sql.text(_WITHOUT_SECONDS_PATTERN)}, '$1:00$2')"
        local = f"IF(instr({cell}, ':') > 0, {whole}, concat({dashed}, 'T00:00:00'))"
        instant = (
            f"IF({cell} RLIKE {sql.text(_OFFSET_PATTERN)}, "
            f"try_cast({whole} AS TIMESTAMP), {_instant(local, timestamp.timezone)})"
        )
        pattern = _ISO8601_PATTERN
    else:
        pattern, replacement = _strptime(timestamp)
        local = f"regexp_replace({cell}, {sql.text(f'^{pattern}$')}, {sql.text(replacement)})"
        instant = _instant(local, timestamp.timezone)
    matches = f"{cell} RLIKE {sql.text(f'^{pattern}$')}"
    return f"IF({matches}, unix_micros({instant}), NULL)"


def _instant(local: str, timezone: str) -> str:
    """Returns SQL for the instant of a wall-clock time (year-month-dayThour:minute) in a zone."""
    as_utc = f"try_cast(concat({local}, 'Z') AS TIMESTAMP)"
    if timezone == "UTC":
        return as_utc
    # An hour that daylight saving skips has no instant: it does not survive the way back.
    zone = sql.text(timezone)
    there = f"to_utc_timestamp({as_utc}, {zone})"
    return f"IF(from_utc_timestamp({there}, {zone}) = {as_utc}, {there}, NULL)"


def _strptime(timestamp: Timestamp) -> tuple[str, str]:
    """Returns the pattern of a strptime format, and the replacement that makes it ISO 8601."""
    pieces: list[str] = []
    groups: list[str] = []
    for token in re.findall(r"%.?|[^%]+", timestamp.format, flags=re.DOTALL):
        directive = token[1:]
        if not token.startswith("%"):
            pieces.append(re.escape(token))
        elif directive in _DIRECTIVES and directive not in groups:
            groups.append(directive)
            pieces.append(_DIRECTIVES[directive])
        else:
            raise ContractError(
                f"timestamp {timestamp.column!r}: format {timestamp.format!r} has {token!r}; "
                "allowed are iso8601, or %Y %m %d %H %M %S, each at most once, and literals"
            )
    lacking = [f"%{directive}" for directive in "Ymd" if directive not in groups]
    if lacking:
        raise ContractError(
            f"timestamp {timestamp.column!r}: format {timestamp.format!r} lacks "
            f"{', '.join(lacking)}"
        )
    part = {name: f"${groups.index(name) + 1}" for name in groups}
    clock = ":".join(part.get(name, "00") for name in "HMS")
    return "".join(pieces), f"{part['Y']}-{part['m']}-{part['d']}T{clock}"
