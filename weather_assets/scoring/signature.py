"""What the served model takes and answers, written down: `signature.json`.

Belongs here: turning a contract into the description that `score.py` checks requests against, and
that people and programs read. Does not belong here: checking (`score`), or files (`package`).
"""

import re
from typing import Any

from weather_assets.contract.schema import Column, Contract, ContractError, Kind, Timestamp

SIGNATURE_FORMAT = 1
"""Raised when `signature.json` changes in a way that an older `score.py` could not read."""

_OFFSET = "(?P<offset>Z|[+-](?:0[0-9]|1[0-7]):?[0-5][0-9]|[+-]18:?00)"
_DIRECTIVES = {
    "%Y": "(?P<year>1[7-9][0-9]{2}|2[01][0-9]{2})",
    "%m": "(?P<month>[0-9]{1,2})",
    "%d": "(?P<day>[0-9]{1,2})",
    "%H": "(?P<hour>[0-9]{1,2})",
    "%M": "(?P<minute>[0-9]{1,2})",
    "%S": "(?P<second>[0-9]{1,2})",
}
"""The digits that the Spark pipeline takes, and its years: 1700 to 2199."""
_ISO_8601 = (
    f"{_DIRECTIVES['%Y']}(?P<dash>[-/]){_DIRECTIVES['%m']}(?P=dash){_DIRECTIVES['%d']}"
    "(?:[T ](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    f"{_OFFSET}?)?"
)


def build_signature(
    contract: Contract, *, threshold: float, model_name: str, model_version: str
) -> dict[str, Any]:
    """Describes a model's requests and answers.

    Args:
        contract: what the raw rows are.
        threshold: the event is forecast where the probability reaches this, in [0, 1].
        model_name: name of the registered model.
        model_version: its version.

    Returns:
        JSON-ready description; the columns and features are in the order of the network's inputs.

    Raises:
        ValueError: if the threshold is no probability.
        ContractError: if the timestamp's format holds a directive that is not supported.
    """
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"threshold {threshold} of model {model_name!r} must lie in [0, 1]")
    columns = [column for column in contract.columns if column.feature]
    clock = contract.timestamp if contract.timestamp and contract.timestamp.features else None
    lead = contract.label.lead
    return {
        "format": SIGNATURE_FORMAT,
        "model": {"name": model_name, "version": model_version},
        "contract": {
            "name": contract.name,
            "title": contract.title,
            "fingerprint": contract.fingerprint,
        },
        "event": contract.label.event,
        "lead_seconds": None if lead is None else lead.total_seconds(),
        "threshold": threshold,
        "columns": [_column(column, contract) for column in columns],
        "timestamp": None if clock is None else _clock(clock),
        "features": [feature.name for feature in contract.features],
        "unread": [
            name for name in (*contract.header, *contract.ignored) if name not in contract.inputs
        ],
        "missing_markers": list(contract.missing_markers),
    }


def timestamp_pattern(timestamp_format: str) -> str:
    """Returns the regular expression that a timestamp of this format matches as a whole.

    Args:
        timestamp_format: `iso8601`, or a pattern of %Y %m %d %H %M %S and literals.

    Returns:
        The expression, with named groups for the parts; as the Spark pipeline reads timestamps.

    Raises:
        ContractError: naming a directive that is not supported, or lacking.
    """
    if timestamp_format == "iso8601":
        return _ISO_8601
    found = re.findall("%.?", timestamp_format, flags=re.DOTALL)
    wrong = [item for item in found if item not in _DIRECTIVES or found.count(item) > 1]
    lacking = [item for item in ("%Y", "%m", "%d") if item not in found]
    if wrong or lacking:
        raise ContractError(
            f"timestamp format {timestamp_format!r}: {[*wrong, *lacking]} unsupported, repeated or "
            f"lacking; use iso8601, or each of {' '.join(_DIRECTIVES)} at most once"
        )
    pieces = re.findall("%.|[^%]+", timestamp_format, flags=re.DOTALL)
    return "".join(_DIRECTIVES.get(piece) or re.escape(piece) for piece in pieces)


def _column(column: Column, contract: Contract) -> dict[str, Any]:
    if column.kind is Kind.CATEGORY:
        allowed = f"one of {', '.join(column.categories)}"
    else:
        allowed = f"{column.minimum:.15g} to {column.maximum:.15g} {column.unit}"
    return {
        "name": column.name,
        "quantity": column.quantity,
        "unit": column.unit,
        "kind": column.kind.value,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "period": column.period,
        "categories": list(column.categories),
        "required": column.required,
        "measured": column.name != contract.station,
        "folded": column.kind is Kind.CATEGORY and column.name == contract.label.column,
        "allowed": allowed,
    }


def _clock(timestamp: Timestamp) -> dict[str, Any]:
    iso = timestamp.format == "iso8601"
    return {
        "column": timestamp.column,
        "pattern": timestamp_pattern(timestamp.format),
        "timezone": timestamp.timezone,
        "features": list(timestamp.features),
        "allowed": "2013-01-01T06:00:00Z (ISO 8601)" if iso else timestamp.format,
    }
