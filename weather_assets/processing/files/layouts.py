"""Where the columns of a contract are in raw files.

Belongs here: finding columns by name, telling the decimal mark of numbers, and what was mended or
left out. Does not belong here: opening files (`raw_file`), or rows (`careful_rows`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from weather_assets.contract.cells import decimal_mark, fold_header, is_number, with_decimal_point
from weather_assets.contract.columns import Kind
from weather_assets.contract.loading import listed, repeated_names
from weather_assets.contract.schema import Contract
from weather_assets.processing.files.dialects import Dialect
from weather_assets.processing.files.raw_file import Opening, RawFile, RawFileError
from weather_assets.processing.files.records import Record

_OF_ANOTHER_KIND = "Files of another kind need a data root of their own"
_TO_BE_FORECAST = "Correct the header; the cells of a column may be empty"
_FILES_NAMED = 3
"""How many files a warning that holds for many of them names."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a contract's columns are in one file, and how the file is written.

    Attributes:
        file: the file.
        dialect: encoding, delimiter, line ends and decimal mark.
        header: its header cells as they stand in the file.
        labelled: whether the label is read; without it, so is only what a forecast is made from.
        columns: the contract's columns that are read, in its order.
        positions: for each of `columns`, the index of its cell.
        numbers: indices into `columns` of those that hold numbers.
        header_bytes: length of the text up to the end of the header, once it is UTF-8.
        header_lines: physical lines of it.
        row_bytes: about how long a row is.
        remarks: what was mended or left out, one clause each, for people.
    """

    file: RawFile
    dialect: Dialect
    header: tuple[str, ...]
    labelled: bool
    columns: tuple[str, ...]
    positions: tuple[int, ...]
    numbers: tuple[int, ...]
    header_bytes: int
    header_lines: int
    row_bytes: int
    remarks: tuple[str, ...]


def layout_of(opening: Opening, contract: Contract, *, labelled: bool = True) -> Layout:
    """Finds the contract's columns in a file, by name.

    Case, surrounding spaces, a byte order mark and the order of columns do not matter.

    Args:
        opening: the beginning of the file.
        contract: what its columns mean.
        labelled: as in `Layout`; a column that is not read may be absent.

    Raises:
        RawFileError: if the header lacks a column or names one twice.
    """
    header = opening.header
    columns = contract.header if labelled else contract.inputs
    advice = _OF_ANOTHER_KIND if labelled else _TO_BE_FORECAST
    positions = _positions(opening, columns, f"contract {contract.name!r}", advice)
    numeric = {column.name for column in contract.columns if column.kind is not Kind.CATEGORY}
    numbers = tuple(index for index, name in enumerate(columns) if name in numeric)
    at = [positions[index] for index in numbers]
    whole = [record for record in opening.records if len(record.cells) == len(header)]
    dialect = replace(
        opening.dialect,
        decimal_mark=decimal_mark(record.cells[index].strip() for record in whole for index in at),
    )
    return Layout(
        file=opening.file,
        dialect=dialect,
        header=header,
        labelled=labelled,
        columns=columns,
        positions=positions,
        numbers=numbers,
        header_bytes=opening.header_bytes,
        header_lines=opening.header_lines,
        row_bytes=opening.row_bytes,
        remarks=(
            *dialect.remarks(),
            *_quoting_remarks(whole, at, dialect),
            *_header_remarks(header, contract),
        ),
    )


def warnings_of(layouts: Sequence[Layout]) -> tuple[str, ...]:
    """Returns the remarks on all files as sentences; one that holds for many files comes once."""
    files_by_remark: dict[str, list[str]] = {}
    for layout in layouts:
        for remark in layout.remarks:
            files_by_remark.setdefault(remark, []).append(layout.file.name)
    return tuple(
        ", ".join(names[:_FILES_NAMED])
        + (f" and {len(names) - _FILES_NAMED} more" if len(names) > _FILES_NAMED else "")
        + f": {remark}"
        for remark, names in files_by_remark.items()
    )


def _positions(opening: Opening, columns: Sequence[str], of: str, advice: str) -> tuple[int, ...]:
    file, header = opening.file, opening.header
    if twice := repeated_names(header):
        raise RawFileError(
            f"{file.name}: the header names {listed(twice)} more than once: {listed(header)}; "
            "rename one"
        )
    folded = [fold_header(cell) for cell in header]
    if missing := [name for name in columns if fold_header(name) not in folded]:
        raise RawFileError(
            f"{file.name}: the header lacks {listed(missing)} of {of}. "
            f"Found: {listed(header)}. Needed: {listed(columns)}. {advice}"
        )
    return tuple(folded.index(fold_header(name)) for name in columns)


def _quoting_remarks(
    records: Sequence[Record], positions: Sequence[int], dialect: Dialect
) -> tuple[str, ...]:
    for record in records:
        if '"' not in record.raw:
            continue
        for position in positions:
            cell = record.cells[position]
            number = with_decimal_point(cell) if dialect.decimal_mark == "," else cell
            if f'"{cell}"' in record.raw and is_number(number.strip()):
                return ("numbers in quotes were read as numbers",)
    return ()


def _header_remarks(header: Sequence[str], contract: Contract) -> tuple[str, ...]:
    known = {fold_header(name): name for name in (*contract.header, *contract.ignored)}
    found = [cell.removeprefix("\ufeff") for cell in header]
    respelled = [
        f"{cell!r} as {known[fold_header(cell)]!r}"
        for cell in found
        if fold_header(cell) in known and cell != known[fold_header(cell)]
    ]
    unnamed = sum(1 for cell in found if not cell.strip())
    unknown = [cell.strip() for cell in found if cell.strip() and fold_header(cell) not in known]
    remarks: list[str] = []
    if respelled:
        remarks.append(f"header cells were read as other spellings: {', '.join(respelled)}")
    if unknown:
        remarks.append(f"columns that the contract does not know were left out: {listed(unknown)}")
    if unnamed:
        remarks.append(f"columns without a name were left out: {unnamed}")
    return tuple(remarks)
