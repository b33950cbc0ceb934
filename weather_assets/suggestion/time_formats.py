"""Formats of timestamps that a contract can name, and reading a cell in one of them.

Belongs here: the same formats as in `processing.cells.timestamps`, without Spark. Does not
belong here: which of them a file has (`timestamps`).
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

ISO8601 = "iso8601"
_ISO8601_PATTERN = re.compile(
    r"(?P<Y>[0-9]{4})(?P<mark>[-/])(?P<m>[0-9]{1,2})(?P=mark)(?P<d>[0-9]{1,2})"
    r"(?:[T ](?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.[0-9]{1,9})?)?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%Y%m%d")
_CLOCKS = ("", " %H:%M", "T%H:%M", " %H:%M:%S", "T%H:%M:%S", " %H", "T%H", " %H%M", "_%H%M")
_OTHERS = ("%Y-%m-%d %H", "%Y-%m-%dT%H", "%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S")
FORMATS = (*(date + clock for clock in _CLOCKS for date in _DATES), *_OTHERS)
_YEARS = (1700, 2199)


def instant_of(text: str, format_: str) -> tuple[bool, datetime | None]:
    """Returns whether a cell has an offset, and its instant (UTC where it has none), or None."""
    if format_ == ISO8601:
        match = _ISO8601_PATTERN.fullmatch(text)
    else:
        match = _pattern(format_).fullmatch(text)
    if match is None:
        return False, None
    parts = match.groupdict()
    zone = parts.get("zone") or ""
    year, month, day, hour, minute, second = (int(parts.get(key) or 0) for key in "YmdHMS")
    try:
        instant = datetime(year, month, day, hour, minute, second, tzinfo=_offset(zone))
    except ValueError:
        return False, None
    if not _YEARS[0] <= instant.year <= _YEARS[1]:
        return False, None
    return bool(zone), instant


def _offset(zone: str) -> timezone:
    if not zone or zone == "Z":
        return UTC
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-size if zone[0] == "-" else size)


@cache
def _pattern(format_: str) -> re.Pattern[str]:
    # Without marks between them, only the width divides the numbers.
    width = "{1,2}" if re.search(r"%m[^%]", format_) else "{2}"
    pieces = [
        f"(?P<{token[1]}>[0-9]{'{4}' if token[1] == 'Y' else width})"
        if token.startswith("%")
        else re.escape(token)
        for token in re.findall(r"%.|[^%]+", format_)
    ]
    return re.compile("".join(pieces))
