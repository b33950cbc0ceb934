"""What the served model takes and answers, written down: `signature.json`.

Belongs here: turning a contract into the description that `score.py` checks requests against, and
that people and programs read. Does not belong here: checking (`score`), or files (`package`).
"""

from dataclasses import asdict
from typing import Any

from weather_assets.contract.cells import ISO8601
from weather_assets.contract.columns import Column, Kind, Timestamp
from weather_assets.contract.schema import Contract
from weather_assets.foundation.documents import DocumentFormat

SIGNATURE = DocumentFormat("the signature of a scoring package")
"""Counted up when `signature.json` changes in a way that an older `score.py` could not read."""


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
        ContractError: if nobody knows the time zone here.
    """
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"threshold {threshold} of model {model_name!r} must lie in [0, 1]")
    columns = [column for column in contract.columns if column.feature]
    clock = contract.timestamp if contract.timestamp and contract.timestamp.features else None
    lead = contract.label.lead
    description = {
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
    return SIGNATURE.numbered(description)


def _column(column: Column, contract: Contract) -> dict[str, Any]:
    if column.kind is Kind.CATEGORY:
        allowed = f"one of {', '.join(column.categories)}"
    else:
        allowed = f"{column.minimum:.15g} to {column.maximum:.15g} {column.unit}"
    told = asdict(column)
    for own in ("feature", "reason", "source"):
        del told[own]
    return {
        **told,
        "kind": column.kind.value,
        "categories": list(column.categories),
        "measured": column.name != contract.station,
        "folded": column.kind is Kind.CATEGORY and column.name == contract.label.column,
        "allowed": allowed,
    }


def _clock(timestamp: Timestamp) -> dict[str, Any]:
    iso = timestamp.format == ISO8601
    return {
        "column": timestamp.column,
        "pattern": timestamp.pattern.pattern,
        # An offset as cells spell it; `UTC` and IANA names as they are.
        "timezone": str(timestamp.zone).removeprefix("UTC") or "UTC",
        "features": list(timestamp.features),
        "allowed": "2013-01-01T06:00:00Z (ISO 8601)" if iso else timestamp.format,
    }
