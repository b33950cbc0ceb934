"""Cells to values, and the first thing that is wrong with a row, for whole columns at once.

Belongs here: rules that one row can break by itself. Does not belong here: how records are read
(`files.careful_rows`, `plain_rows`), or rules about several rows (`outcomes`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weather_assets.contract.cells import NUMBER, normalise_label
from weather_assets.contract.columns import Column, Kind
from weather_assets.contract.schema import Contract
from weather_assets.processing.cells import hashing, timestamps
from weather_assets.processing.cells.reasons import Reason

Flags = npt.NDArray[np.bool_]
Fault = tuple[str | None, Reason]
"""The column at fault, where there is one, and the reason."""


@dataclass(frozen=True, slots=True)
class ValidatedRows:
    """Rows whose cells are typed.

    Attributes:
        values: of each column that was read, [N]: instants as int64 microseconds UTC, numbers as
            float64 in the contract's unit, texts as dictionary-encoded strings; null where missing
            or invalid.
        events: what the row's own label cell says, 0 or 1; -1 where it says nothing valid or is not
            read, [N].
        faults: index into `fault_kinds`; 0 for a valid row, [N].
        row_hashes: of the values alone, [N].
    """

    values: tuple[pa.Array, ...]
    events: npt.NDArray[np.int8]
    faults: npt.NDArray[np.int16]
    row_hashes: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Read:
    """One column: what the cells say.

    Attributes:
        value: as in `ValidatedRows.values`.
        is_missing: where the cell is empty.
        is_unreadable: where it holds something that is no value.
        hash_onto: hashes the values on top of a seed.
        events: for the label's column with spellings, as in `ValidatedRows`.
    """

    value: pa.Array
    is_missing: Flags
    is_unreadable: Flags
    hash_onto: Callable[[hashing.Words], hashing.Words]
    events: npt.NDArray[np.int8] | None = None


def fault_kinds(contract: Contract) -> tuple[Fault | None, ...]:
    """Returns every fault that a row can have by itself; None, no fault, is the first."""
    of_rows = [(None, reason) for reason in Reason]
    of_cells = [(name, reason) for name in contract.header for reason in Reason]
    return (None, *of_rows, *of_cells)


def validate(
    cells: Sequence[pa.Array],
    contract: Contract,
    problems: Sequence[Reason | None] | None = None,
    *,
    labelled: bool = True,
) -> ValidatedRows:
    """Types every cell and names the first fault of each row.

    Args:
        cells: in the order of `contract.header`, without labels of `contract.inputs`: trimmed texts
            (strings, plain or dictionary-encoded), or float64 where a reader has made numbers of a
            column already; null where empty, [N] each.
        contract: what the cells must be.
        problems: why a record could not be divided into cells, where it could not, [N].
        labelled: whether labels are read, and one that is no label is a fault.
    """
    columns = contract.header if labelled else contract.inputs
    rows = len(cells[0])
    kinds = {kind: index for index, kind in enumerate(fault_kinds(contract))}
    faults = np.zeros(rows, np.int16)
    if problems is not None:
        faults[:] = [0 if problem is None else kinds[None, problem] for problem in problems]
    hashed = hashing.seeds(rows)
    events = np.full(rows, -1, np.int8)
    values: list[pa.Array] = []
    is_measured = np.zeros(rows, np.bool_)
    measures_anything = False
    for name, column_cells in zip(columns, cells, strict=True):
        column = contract.find(name)
        read = _read(name, column, column_cells, contract)
        values.append(read.value)
        hashed = read.hash_onto(hashed)
        is_label = labelled and name == contract.label.column
        if is_label:
            events = _events(read, contract)
        for is_faulty, reason in _cell_faults(
            name, column, read, events if is_label else None, contract
        ):
            faults[is_faulty & (faults == 0)] = kinds[name, reason]
        if column is not None and column.feature and name != contract.station:
            measures_anything = True
            is_measured |= ~(read.is_missing | read.is_unreadable)
    if measures_anything:
        faults[~is_measured & (faults == 0)] = kinds[None, Reason.NO_MEASUREMENT]
    return ValidatedRows(tuple(values), events, faults, hashed.view(np.int64))


def _is_timestamp(name: str, contract: Contract) -> bool:
    return contract.timestamp is not None and contract.timestamp.column == name


def _read(name: str, column: Column | None, cells: pa.Array, contract: Contract) -> _Read:
    if contract.timestamp is not None and name == contract.timestamp.column:
        texts = _with_nulls(_plain(cells), contract)
        instants = timestamps.microseconds(texts, contract.timestamp)
        is_missing = _nulls(texts)
        has_none = instants == timestamps.NO_INSTANT
        return _Read(
            pa.array(instants, mask=has_none),
            is_missing,
            has_none & ~is_missing,
            lambda seed: hashing.hash_longs(seed, instants),
        )
    if column is not None and column.kind is not Kind.CATEGORY:
        return _read_numbers(cells, contract)
    return _read_texts(name, column, cells, contract)


def _read_numbers(cells: pa.Array, contract: Contract) -> _Read:
    if pa.types.is_floating(cells.type):
        is_missing = _nulls(cells)
        numbers = pc.fill_null(cells, np.nan).to_numpy(zero_copy_only=False)
    else:
        texts = _with_nulls(_plain(cells), contract)
        is_missing = _nulls(texts)
        numbers = _as_numbers(texts)
    # Adding zero turns -0.0 into 0.0: equal values must have equal hashes.
    numbers = numbers + 0.0
    is_nan = np.isnan(numbers)
    if is_nan.any():
        numbers[is_nan] = np.nan  # one kind of NaN, for the hash
    return _Read(
        pa.array(numbers, mask=is_nan),
        is_missing,
        is_nan & ~is_missing,
        lambda seed: hashing.hash_longs(seed, numbers),
    )


def _as_numbers(texts: pa.Array) -> npt.NDArray[np.float64]:
    """Returns the plain decimal numbers that texts are, NaN where they are none or null."""
    is_number = pc.call_function(
        "match_substring_regex", [texts], pc.MatchSubstringOptions(f"^(?:{NUMBER})$")
    )
    chosen = pc.call_function("if_else", [is_number, texts, None])
    # Arrow takes no plus sign, and refuses what is too large or too small for a double.
    try:
        numbers = chosen.cast(pa.float64())
        return pc.fill_null(numbers, np.nan).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        listed = chosen.to_pylist()
        return np.array([np.nan if text is None else float(text) for text in listed], np.float64)


def _read_texts(name: str, column: Column | None, cells: pa.Array, contract: Contract) -> _Read:
    """Reads a category, or a label that is spelled out; each different text is looked at once."""
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    label = contract.label
    is_label = name == label.column and label.threshold is None
    names = column.categories if column is not None else (*label.positive, *label.negative)
    markers = contract.missing_texts
    texts = [text.strip() for text in encoded.dictionary.to_pylist()]
    count = len(texts)
    # One more entry, the last, for null.
    is_missing = np.array([*(text in markers for text in texts), True])
    code_of = _code_of(names, column, is_label=is_label)
    codes = np.array([*(code_of(text) for text in texts), -1], np.int32)
    codes[is_missing] = -1
    at = encoded.indices.fill_null(count).to_numpy(zero_copy_only=False)
    row_codes = codes[at]
    event_of = _event_of(contract)
    spelled = [-1 if text in markers else event_of.get(normalise_label(text), -1) for text in texts]
    missing = is_missing[at]
    value = pa.DictionaryArray.from_arrays(
        pa.array(row_codes, mask=row_codes < 0), pa.array(names, pa.string())
    )
    return _Read(
        value,
        missing,
        (row_codes < 0) & ~missing,
        lambda seed: hashing.hash_texts(
            seed, np.where(row_codes < 0, len(names), row_codes).astype(np.int32), (*names, "")
        ),
        np.array([*spelled, -1], np.int8)[at] if is_label else None,
    )


def _code_of(
    names: Sequence[str], column: Column | None, *, is_label: bool
) -> Callable[[str], int]:
    if column is not None and not is_label:
        exact = {name: index for index, name in enumerate(names)}
        return lambda text: exact.get(text, -1)
    folded: dict[str, int] = {}
    for index, name in enumerate(names):
        folded.setdefault(normalise_label(name), index)
    return lambda text: folded.get(normalise_label(text), -1)


def _event_of(contract: Contract) -> Mapping[str, int]:
    negative = {normalise_label(text): 0 for text in contract.label.negative}
    return negative | {normalise_label(text): 1 for text in contract.label.positive}


def _events(read: _Read, contract: Contract) -> npt.NDArray[np.int8]:
    """Returns what the label's own column says: 0, 1, or -1 for nothing valid."""
    if read.events is not None:
        return read.events
    column, threshold = contract.column(contract.label.column), contract.label.threshold
    if threshold is None:
        raise AssertionError(f"the label of {contract.name!r} has neither words nor a threshold")
    numbers = _floats(read.value)
    return np.where(_is_within(numbers, column), numbers > threshold, -1).astype(np.int8)


def _floats(values: pa.Array) -> npt.NDArray[np.float64]:
    return pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False)


def _is_within(numbers: npt.NDArray[np.float64], column: Column) -> Flags:
    if column.minimum is None or column.maximum is None:
        raise AssertionError(f"column {column.name!r} has no bounds, which `Column` refuses")
    return (numbers >= column.minimum) & (numbers <= column.maximum)


def _cell_faults(
    name: str,
    column: Column | None,
    read: _Read,
    events: npt.NDArray[np.int8] | None,
    contract: Contract,
) -> list[tuple[Flags, Reason]]:
    """Returns what can be wrong with the cells of one column, in order; `events` of a label."""
    faults: list[tuple[Flags, Reason]] = []
    if _is_timestamp(name, contract):
        faults.append((read.is_unreadable, Reason.INVALID_TIMESTAMP))
    elif column is not None and column.kind is Kind.CATEGORY:
        faults.append((read.is_unreadable, Reason.UNKNOWN_CATEGORY))
    elif column is not None:
        has_number = ~(read.is_missing | read.is_unreadable)
        faults.append((read.is_unreadable, Reason.NOT_A_NUMBER))
        faults.append((has_number & ~_is_within(_floats(read.value), column), Reason.OUT_OF_BOUNDS))
    if events is not None:
        if contract.label.threshold is None:
            faults.append((~read.is_missing & (events < 0), Reason.UNKNOWN_LABEL))
        if contract.label.lead is None:
            faults.append((read.is_missing, Reason.MISSING_LABEL))
    if _is_timestamp(name, contract) or (column is not None and column.required):
        faults.append((read.is_missing, Reason.MISSING_REQUIRED_VALUE))
    return faults


def _plain(cells: pa.Array) -> pa.Array:
    return cells.dictionary_decode() if pa.types.is_dictionary(cells.type) else cells


def _with_nulls(texts: pa.Array, contract: Contract) -> pa.Array:
    """Returns texts with null where they say that nothing was observed."""
    markers = pa.array(list(contract.missing_texts), pa.string())
    is_marker = pc.call_function("is_in", [texts], pc.SetLookupOptions(value_set=markers))
    if not is_marker.true_count:
        return texts
    return pc.call_function("if_else", [is_marker, None, texts])


def _nulls(values: pa.Array) -> Flags:
    return values.is_null().to_numpy(zero_copy_only=False)
