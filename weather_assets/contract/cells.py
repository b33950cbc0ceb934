"""The grammar of a cell: what the text between two delimiters says, whoever reads it.

Belongs here: numbers and the spellings that are refused or converted, marks of a missing value,
timestamps, and how names are compared; each as a pattern or as plain Python that says what it
means. Does not belong here: which values are possible (`columns`, `quantities`), or readers of
whole columns (`weather_assets.processing`): they take their patterns from here, and tests hold what
they find against these functions.

A cell is trimmed as `str.strip` does before anything is made of it. `NUMBER` means the same to
Python's `re` and to RE2, by which Arrow reads; patterns of timestamps travel to the endpoint in
`signature.json`.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

_EXPONENT = "(?:[eE][+-]?[0-9]+)?"
NUMBER = rf"[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+){_EXPONENT}"
"""A plain decimal number, as the whole of a cell: no infinity, no separators, ASCII digits."""

_NUMBER = re.compile(NUMBER)
_GROUPED = re.compile(rf"[+-]?[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:[.][0-9]+)?{_EXPONENT}")
_WITH_UNIT = re.compile(r"[+-]?[0-9][0-9.,]*\s*(?:°|%|[a-zA-Z/°²\"]+[0-9]?)")
_SEVERAL_COMMAS = re.compile(r"[+-]?[0-9]+,[0-9]+,[0-9,.]*")
# One comma, and what stands around it can be no group of thousands.
_DECIMAL_COMMA = re.compile(
    rf"[+-]?(?:[0-9]*,(?:[0-9]{{1,2}}|[0-9]{{4,}})|0*,[0-9]+|[0-9]{{4,}},[0-9]+){_EXPONENT}"
)
_SWAP_MARKS = str.maketrans(",.", ".,")

MISSING_WORDS = frozenset(
    ("na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing", "unknown", "nodata", "no-data")
) | {"m", "-", "--", "---", "?", ".", "*"}
"""What files in use write for a missing value, case-folded; a contract lists those of its file."""

SENTINELS = frozenset(
    (-99999.0, -32768.0, -9999.9, -9999.0, -8888.0, -7777.0, -999.9, -999.0, -99.9, -99.0, -9.99)
) | {99.0, 99.9, 999.0, 999.9, 9999.0, 9999.9, 32767.0, 99999.0, 999999.0}
"""Numbers that do."""

ISO8601 = "iso8601"
"""Year, month and day divided by `-` or `/`; then perhaps `T` or a space and hours:minutes with
optional seconds, fraction, and `Z` or an offset."""

YEARS = (1700, 2199)
"""First and last. Years outside are typing errors, and overflow readers that count nanoseconds."""

LARGEST_OFFSET = timedelta(hours=18)
"""From UTC, as in `java.time.ZoneOffset`; no place on Earth is further ahead than 14 hours."""

TIME_PARTS = ("year", "month", "day", "hour", "minute", "second")
"""Groups of a timestamp's pattern; `fraction` and `offset` are two more of ISO 8601's."""

_DIRECTIVES = dict(zip("YmdHMS", TIME_PARTS, strict=True))
_YEAR = "(?P<year>1[7-9][0-9]{2}|2[01][0-9]{2})"
_ISO8601_PATTERN = (
    f"{_YEAR}(?P<dash>[-/])(?P<month>[0-9]{{1,2}})(?P=dash)(?P<day>[0-9]{{1,2}})"
    "(?:[T ](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    "(?P<offset>Z|[+-](?:0[0-9]|1[0-7]):?[0-5][0-9]|[+-]18:?00)?)?"
)
_OFFSET = re.compile(
    r"(?:UTC|GMT|UT)?(?P<sign>[+-])(?P<hours>[0-9]{1,2})(?::?(?P<minutes>[0-5][0-9]))?"
)


def is_number(text: str) -> bool:
    """Tells whether a trimmed cell is a plain decimal number."""
    return _NUMBER.fullmatch(text) is not None


def number_of(text: str) -> float | None:
    """Returns the number that a trimmed cell is, infinite where no double holds it, or None."""
    return float(text) if _NUMBER.fullmatch(text) else None


def has_thousands(text: str) -> bool:
    """Tells whether a cell is a number with thousands separators, which is refused."""
    return _GROUPED.fullmatch(text) is not None


def has_unit(text: str) -> bool:
    """Tells whether a cell is a number with something like a unit behind it, which is refused."""
    return _WITH_UNIT.fullmatch(text) is not None


def decimal_mark(cells: Iterable[str]) -> str:
    """Tells the decimal mark of numbers.

    Args:
        cells: trimmed cells; those that are no numbers decide nothing.

    Returns:
        `,` if at least one number has a comma that can be no thousands separator, and none has a
        decimal point or several commas; else `.`. (`1,234` alone is either, and decides nothing.)
    """
    has_comma = False
    for cell in cells:
        has_point = "." in cell
        if not has_point and "," not in cell:
            continue
        if (has_point and (is_number(cell) or has_thousands(cell))) or (
            _SEVERAL_COMMAS.fullmatch(cell)
        ):
            return "."
        has_comma = has_comma or _DECIMAL_COMMA.fullmatch(cell) is not None
    return "," if has_comma else "."


def with_decimal_point(cell: str) -> str:
    """Returns a number with a decimal comma as one with a point.

    Points become commas, so that a stray `20.5` or `1.032,5` is no number and set aside, not taken
    for another one.
    """
    return cell.translate(_SWAP_MARKS)


def fold_header(name: str) -> str:
    """Returns a header cell as headers are compared: no BOM, trimmed, case-folded."""
    return name.removeprefix("\ufeff").strip().casefold()


def normalise_label(text: str) -> str:
    """Returns a cell as spellings of a label are compared: trimmed, single-spaced, case-folded."""
    return " ".join(text.split()).casefold()


@cache
def timestamp_pattern(format_: str) -> re.Pattern[str]:
    """Returns what a cell in some format matches as a whole, with the groups of `TIME_PARTS`.

    A part takes one digit or two, but where nothing divides it from the next number it must have
    its full width: `130` is no `%H%M`, since it could be 1:30 and 13:00.

    Args:
        format_: `ISO8601`, or a strptime pattern of %Y %m %d %H %M %S and literals.

    Raises:
        ValueError: naming a directive that is not supported, repeated or lacking.
    """
    if format_ == ISO8601:
        return re.compile(_ISO8601_PATTERN)
    pieces = re.findall("%.?|[^%]+", format_, flags=re.DOTALL)
    found = [piece for piece in pieces if piece.startswith("%")]
    wrong = [piece for piece in found if piece[1:] not in _DIRECTIVES or found.count(piece) > 1]
    lacking = [piece for piece in ("%Y", "%m", "%d") if piece not in found]
    if wrong or lacking:
        what = f"has {wrong[0]!r}" if wrong else f"lacks {', '.join(lacking)}"
        raise ValueError(
            f"format {format_!r} {what}; allowed are {ISO8601}, or %Y %m %d %H %M %S, each at most "
            "once and the first three always, and literals"
        )
    around = zip(["", *pieces], pieces, [*pieces[1:], ""], strict=False)
    return re.compile("".join(_pattern_of(before, piece, after) for before, piece, after in around))


def _pattern_of(before: str, piece: str, after: str) -> str:
    if not piece.startswith("%"):
        return re.escape(piece)
    if piece == "%Y":
        return _YEAR
    touches = before.startswith("%") or before[-1:].isdigit() or after.startswith("%")
    width = "{2}" if touches or after[:1].isdigit() else "{1,2}"
    return f"(?P<{_DIRECTIVES[piece[1]]}>[0-9]{width})"


def instant_of(match: re.Match[str], zone: tzinfo) -> datetime | None:
    """Returns the instant in UTC that a timestamp names.

    Args:
        match: of a cell by its `timestamp_pattern`.
        zone: of cells that name no offset.

    Returns:
        The instant to the microsecond; None for no date or time of the calendar, and for an hour
        that the zone skips.
    """
    part = match.groupdict()
    year, month, day, hour, minute, second = (int(part.get(name) or 0) for name in TIME_PARTS)
    microsecond = int((part.get("fraction") or "")[:6].ljust(6, "0"))
    offset = part.get("offset")
    try:
        at = zone if offset is None else zone_of("UTC" if offset == "Z" else offset)
        return utc_of(datetime(year, month, day, hour, minute, second, microsecond, at))
    except ValueError:
        return None


def utc_of(local: datetime) -> datetime | None:
    """Returns the instant of a local time, which knows its zone; None if the zone skips it."""
    instant = local.astimezone(UTC)
    # What daylight saving skips does not survive the way back.
    return instant if instant.astimezone(local.tzinfo) == local else None


@cache
def zone_of(name: str) -> tzinfo:
    """Returns a time zone.

    Args:
        name: `UTC`, an offset such as `+02:00` or `UTC-3`, or an IANA name.

    Raises:
        ValueError: if nobody knows it.
    """
    if name == "UTC":
        return UTC
    match = _OFFSET.fullmatch(name)
    if match is not None:
        offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
        if offset <= LARGEST_OFFSET:
            return timezone(-offset if match["sign"] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(
            f"timezone {name!r} is unknown; allowed are IANA names such as Europe/Berlin, UTC, and "
            "offsets such as +02:00"
        ) from None
