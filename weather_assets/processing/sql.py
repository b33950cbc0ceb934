"""Spark SQL text from Python values: quoting, so that no name or value of a contract can be code.

Belongs here: literals and identifiers. Does not belong here: any knowledge of weather or contracts.
"""

from collections.abc import Sequence

MICROSECONDS_PER_DAY = 86_400_000_000
"""Instants are whole microseconds since 1970-01-01T00:00Z inside the pipeline (a Spark bigint):
arithmetic on them depends on no session time zone."""


def identifier(name: str) -> str:
    """Returns a column name as a quoted SQL identifier."""
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """Returns a string as a SQL literal.

    Spark reads backslash escapes in literals unless `spark.sql.parser.escapedStringLiterals` is
    set, which this project leaves alone.
    """
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + "'"


def double(value: float) -> str:
    """Returns a finite number as a SQL literal of type double, to the last bit."""
    return f"({value!r}D)"


def case(branches: Sequence[tuple[str, str]], otherwise: str = "NULL") -> str:
    """Returns `CASE WHEN ... THEN ... ELSE otherwise END`; just `otherwise` without branches.

    Args:
        branches: condition and value, in the order in which they are tried.
        otherwise: the value where no condition is true.
    """
    if not branches:
        return otherwise
    tried = " ".join(f"WHEN {condition} THEN {value}" for condition, value in branches)
    return f"CASE {tried} ELSE {otherwise} END"


def date_of(instant: str) -> str:
    """Returns SQL of the UTC date of an instant in microseconds, whatever the session time zone."""
    day = MICROSECONDS_PER_DAY
    return f"date_from_unix_date(CAST(({instant} - pmod({instant}, {day}L)) div {day}L AS INT))"
