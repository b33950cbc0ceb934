"""From a processed row back to the raw row that a client would send for it.

Belongs here: values of `weather.parquet` as JSON values in raw units, for sample requests, probes
and the check of a served package. Does not belong here: checking rows (`score`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from weather_assets.contract.cells import ISO8601
from weather_assets.contract.columns import Kind, Timestamp
from weather_assets.contract.schema import Contract


def request_row(contract: Contract, row: Mapping[str, object]) -> dict[str, object]:
    """Returns the JSON row of a processed row.

    Args:
        contract: what the columns mean.
        row: a row of `weather.parquet`, as from `pyarrow.Table.to_pylist` or pandas: None, NaN or
            NaT for missing, the timestamp as a datetime (UTC where it carries no zone).

    Returns:
        Every column that a forecast is made from, by name, None where nothing was observed.
    """
    values: dict[str, object] = {}
    for column in contract.columns:
        if column.feature:
            value = row[column.name]
            if value is None or value != value:  # noqa: PLR0124 - NaN is what differs from itself
                values[column.name] = None
            elif column.kind is Kind.CATEGORY:
                values[column.name] = str(value)
            else:
                values[column.name] = float(cast("float", value))
    if contract.timestamp is not None and contract.timestamp.features:
        name = contract.timestamp.column
        values[name] = _timestamp_text(contract.timestamp, cast("datetime", row[name]))
    return values


def _timestamp_text(timestamp: Timestamp, when: datetime) -> str:
    instant = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    if timestamp.format != ISO8601:
        return instant.astimezone(timestamp.zone).strftime(timestamp.format)
    seconds = "%S.%f" if instant.microsecond else "%S"
    return instant.strftime(f"%Y-%m-%dT%H:%M:{seconds}Z")
