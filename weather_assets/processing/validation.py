"""Cells to values, and the first thing that is wrong with a row: Spark SQL made from the contract.

Belongs here: rules that one row can break by itself. Does not belong here: how records are read
(`reading`), or rules about several rows (`outcomes`).
"""

from pyspark.sql import DataFrame

from weather_assets.contract.schema import Column, Contract, Kind, normalise_label
from weather_assets.processing import sql, timestamps
from weather_assets.processing.reading import cell_column
from weather_assets.processing.reasons import Reason

_NOT_IN_A_NUMBER = r"[^0-9eE.+-]"
"""Java parses `1d`, `0x1p3`, `NaN` and `Infinity` as numbers too: each has another letter."""

_BLANKS_PATTERN = r"[\s\u00a0]+"


def value_column(index: int) -> str:
    """Returns the name of the column with the values of `contract.header[index]`."""
    return f"value_{index}"


def validate(cells: DataFrame, contract: Contract) -> DataFrame:
    """Types every cell and names the first fault of each row.

    Args:
        cells: what `reading.read_cells` returns.
        contract: what the cells must be.

    Returns:
        `file`, `line`, `raw`; `value_0`, `value_1`, ... in the order of `contract.header`
        (timestamp: bigint microseconds UTC; numeric and circular: double, in the contract's unit;
        category and label: string; null where missing or invalid); `event` (int 0 or 1: what the
        row's own label cell says, null where it says nothing valid); `fault` (struct of `column`
        and `reason`, null for a valid row); `row_hash` (bigint, of the values alone).
    """
    count = len(contract.header)
    observed = cells.selectExpr(
        "file", "line", "raw", "problem", *(_observed(index, contract) for index in range(count))
    )
    valued = observed.selectExpr("*", *(_value(index, contract) for index in range(count)))
    values = [value_column(index) for index in range(count)]
    return valued.selectExpr(
        "file",
        "line",
        "raw",
        *values,
        f"CAST({_event(contract)} AS INT) AS event",
        f"{_fault(contract)} AS fault",
        f"xxhash64({', '.join(_hashable(index, contract) for index in range(count))}) AS row_hash",
    )


def _column(name: str, contract: Contract) -> Column | None:
    """Returns the measurement column of that name; None for the timestamp and a pure label."""
    return next((column for column in contract.columns if column.name == name), None)


def _is_timestamp(name: str, contract: Contract) -> bool:
    return contract.timestamp is not None and contract.timestamp.column == name


def _observed(index: int, contract: Contract) -> str:
    cell = cell_column(index)
    markers = sql.texts(dict.fromkeys(["", *contract.missing_markers]))
    return f"IF({cell} IN ({markers}), NULL, {cell}) AS {cell}"


def _value(index: int, contract: Contract) -> str:
    name = contract.header[index]
    cell = cell_column(index)
    column = _column(name, contract)
    if contract.timestamp is not None and name == contract.timestamp.column:
        value = timestamps.microseconds(cell, contract.timestamp)
    elif column is None:
        value = _canonical_spelling(cell, (*contract.label.positive, *contract.label.negative))
    elif column.kind is Kind.CATEGORY and name == contract.label.column:
        value = _canonical_spelling(cell, column.categories)
    elif column.kind is Kind.CATEGORY:
        value = f"IF({cell} IN ({sql.texts(column.categories)}), {cell}, NULL)"
    else:
        # Adding zero turns -0.0 into 0.0: equal values must have equal hashes.
        number = f"try_cast({cell} AS DOUBLE) + 0.0D"
        value = f"IF({cell} RLIKE {sql.text(_NOT_IN_A_NUMBER)}, NULL, {number})"
    return f"{value} AS {value_column(index)}"


def _folded(cell: str) -> str:
    """Returns SQL that does what `normalise_label` does."""
    return f"lower(regexp_replace({cell}, {sql.text(_BLANKS_PATTERN)}, ' '))"


def _foldings(spellings: tuple[str, ...]) -> str:
    # Case folding and lower case differ in a few letters (a German sharp s): either spelling fits.
    both = [(normalise_label(text), " ".join(text.split()).lower()) for text in spellings]
    return sql.texts(dict.fromkeys(folded for pair in both for folded in pair))


def _canonical_spelling(cell: str, spellings: tuple[str, ...]) -> str:
    return sql.case(
        [(f"{_folded(cell)} IN ({_foldings((text,))})", sql.text(text)) for text in spellings]
    )


def _event(contract: Contract) -> str:
    label = contract.label
    index = contract.header.index(label.column)
    value = value_column(index)
    if label.threshold is None:
        folded = _folded(cell_column(index))
        return sql.case(
            [
                (f"{folded} IN ({_foldings(label.positive)})", "1"),
                (f"{folded} IN ({_foldings(label.negative)})", "0"),
            ]
        )
    within = _within_bounds(value, contract.column(label.column))
    return f"IF({within}, {value} > {sql.double(label.threshold)}, NULL)"


def _within_bounds(value: str, column: Column) -> str:
    if column.minimum is None or column.maximum is None:
        raise AssertionError(column)  # Column.__post_init__ refuses it
    return f"{value} BETWEEN {sql.double(column.minimum)} AND {sql.double(column.maximum)}"


def _fault(contract: Contract) -> str:
    branches = [("problem IS NOT NULL", _as_fault("NULL", "problem"))]
    for index, name in enumerate(contract.header):
        branches += [
            (condition, _as_fault(sql.text(name), sql.text(reason)))
            for condition, reason in _cell_faults(index, contract)
        ]
    measured = [
        f"{value_column(index)} IS NULL"
        for index, name in enumerate(contract.header)
        if name != contract.station and (column := _column(name, contract)) and column.feature
    ]
    if measured:
        branches.append(
            (" AND ".join(measured), _as_fault("NULL", sql.text(Reason.NO_MEASUREMENT)))
        )
    return sql.case(branches)


def _as_fault(column: str, reason: str) -> str:
    return f"named_struct('column', CAST({column} AS STRING), 'reason', {reason})"


def _cell_faults(index: int, contract: Contract) -> list[tuple[str, Reason]]:
    """Returns what can be wrong with one cell: SQL condition and reason, in order."""
    name = contract.header[index]
    cell, value = cell_column(index), value_column(index)
    column = _column(name, contract)
    unreadable = f"{cell} IS NOT NULL AND {value} IS NULL"
    faults: list[tuple[str, Reason]] = []
    if _is_timestamp(name, contract):
        faults.append((unreadable, Reason.INVALID_TIMESTAMP))
    elif column is not None and column.kind is Kind.CATEGORY:
        faults.append((unreadable, Reason.UNKNOWN_CATEGORY))
    elif column is not None:
        faults.append((unreadable, Reason.NOT_A_NUMBER))
        faults.append((f"NOT {_within_bounds(value, column)}", Reason.OUT_OF_BOUNDS))
    if name == contract.label.column:
        if contract.label.threshold is None:
            faults.append(
                (f"{cell} IS NOT NULL AND {_event(contract)} IS NULL", Reason.UNKNOWN_LABEL)
            )
        if contract.label.lead is None:
            faults.append((f"{cell} IS NULL", Reason.MISSING_LABEL))
    if _is_timestamp(name, contract) or (column is not None and column.required):
        faults.append((f"{cell} IS NULL", Reason.MISSING_REQUIRED_VALUE))
    return faults


def _hashable(index: int, contract: Contract) -> str:
    """Returns SQL of a value with a stand-in for null that no valid value equals.

    Spark's hash skips nulls, so that the rows (1, null) and (null, 1) would collide.
    """
    name = contract.header[index]
    value = value_column(index)
    column = _column(name, contract)
    if _is_timestamp(name, contract):
        return f"coalesce({value}, {-(2**63) + 1}L)"
    if column is None or column.kind is Kind.CATEGORY:
        return f"coalesce({value}, '')"
    return f"coalesce({value}, double('NaN'))"
