"""Rows held against other rows: duplicates, contradictions, and labels that lie in the future.

Belongs here: whatever needs the rows of one station and time side by side. Does not belong here:
rules for single rows (`validation`) or the division into splits (`splitting`).

The result depends on no order of rows, files or partitions. One shuffle: with a lead, every row
is sent to its own (station, time), and what it observed is sent to the (station, time) whose label
that is. So no station's series has to fit into one task, and the input is read once.
"""

from datetime import timedelta

from pyspark.sql import DataFrame

from weather_assets.contract.schema import Contract
from weather_assets.processing import sql
from weather_assets.processing.reasons import Reason
from weather_assets.processing.validation import value_column

_OWN, _OUTCOME = 0, 1


def lead_microseconds(lead: timedelta) -> int:
    """Returns a forecast lead in whole microseconds."""
    return lead // timedelta(microseconds=1)


def with_labels(validated: DataFrame, contract: Contract) -> DataFrame:
    """Sets duplicates and contradictions aside and labels every row.

    Args:
        validated: what `validation.validate` returns.
        contract: says which rows belong together, and the lead.

    Returns:
        The same rows and columns, with `fault` filled where a row contradicts or repeats another
        one or has no outcome, and `label` (int 0 or 1; null only in rows with a fault). Without a
        timestamp equal rows are separate observations, and all are kept.
    """
    if contract.timestamp is None:
        return validated.selectExpr("*", "event AS label")
    time = value_column(contract.header.index(contract.timestamp.column))
    station = (
        "''" if contract.station is None else value_column(contract.header.index(contract.station))
    )
    sent = _sent(validated, time, station, contract.label.lead)
    own_valid = f"role = {_OWN} AND fault IS NULL"
    group = "OVER (PARTITION BY group_station, group_time, group_salt)"
    first = (
        "OVER (PARTITION BY group_station, group_time, group_salt "
        "ORDER BY role, fault IS NOT NULL, file, line)"
    )
    compared = sent.selectExpr(
        *validated.columns,
        "role",
        f"min(IF({own_valid}, row_hash, NULL)) {group} AS lowest_hash",
        f"max(IF({own_valid}, row_hash, NULL)) {group} AS highest_hash",
        f"min(IF(role = {_OUTCOME}, event, NULL)) {group} AS lowest_outcome",
        f"max(IF(role = {_OUTCOME}, event, NULL)) {group} AS highest_outcome",
        f"row_number() {first} AS position",
    ).where(f"role = {_OWN}")
    label = (
        "event"
        if contract.label.lead is None
        else "IF(lowest_outcome = highest_outcome, lowest_outcome, NULL)"
    )
    labelled = compared.selectExpr("*", f"{label} AS label")
    unchanged = [name for name in validated.columns if name != "fault"]
    return labelled.selectExpr(*unchanged, f"{_fault_among_rows()} AS fault", "label")


def _sent(validated: DataFrame, time: str, station: str, lead: timedelta | None) -> DataFrame:
    """Returns one row per row and group that it is sent to: its own, and the one it labels."""
    usable = f"{time} IS NOT NULL AND {station} IS NOT NULL"
    roles = (
        f"array({_OWN})"
        if lead is None
        else f"IF({usable} AND event IS NOT NULL, array({_OWN}, {_OUTCOME}), array({_OWN}))"
    )
    shift = 0 if lead is None else lead_microseconds(lead)
    # Rows without a key would otherwise all meet in one task; they are compared with nothing.
    salt = f"IF({usable}, 0L, xxhash64(file, line))"
    return validated.selectExpr("*", f"explode({roles}) AS role").selectExpr(
        *(name for name in validated.columns if name != "raw"),
        f"IF(role = {_OWN}, raw, NULL) AS raw",
        "role",
        f"{station} AS group_station",
        f"{time} - role * {shift}L AS group_time",
        f"{salt} AS group_salt",
    )


def _fault_among_rows() -> str:
    def fault(reason: Reason) -> str:
        return f"named_struct('column', CAST(NULL AS STRING), 'reason', {sql.text(reason)})"

    return sql.case(
        [
            ("fault IS NOT NULL", "fault"),
            ("lowest_hash <> highest_hash", fault(Reason.CONTRADICTING_ROWS)),
            ("position > 1", fault(Reason.DUPLICATE_ROW)),
            ("label IS NULL", fault(Reason.OUTCOME_MISSING)),
        ]
    )
