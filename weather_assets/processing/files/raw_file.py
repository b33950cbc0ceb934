"""Raw files before any row is read: opening, headers, and where each column is.

Belongs here: whether a file can be read under a contract at all. A file that cannot is refused as
a whole, with a message for the person who put it there. Does not belong here: which contract fits
(`weather_assets.contract.loading.recognise_header`), how text is written (`dialects`), or rows
(`careful_rows`).
"""

import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from weather_assets.contract.loading import listed, missing_columns, repeated_names
from weather_assets.contract.schema import Contract, Kind, fold_header
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.cells.validation import NUMBER_PATTERN
from weather_assets.processing.files.dialects import (
    HEAD_BYTES,
    Dialect,
    as_utf8_lines,
    decimal_mark,
    dialect_of,
    lacks_byte_order_mark,
    with_decimal_point,
)
from weather_assets.processing.files.foreign_formats import foreign_format
from weather_assets.processing.files.records import Record, RecordReader, read_records

_NUMBER = re.compile(NUMBER_PATTERN)
_FILES_NAMED = 3
"""How many files a warning that holds for many of them names."""


class RawFileError(ValueError):
    """A raw file cannot be read as a whole. The message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class RawFile:
    """One raw file.

    Attributes:
        path: where it is, on a file system that every Spark worker sees.
        name: how it is called in `rejected.parquet` and in messages; unique within a data set.
    """

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the contract's columns are in one file, and how the file is written.

    Attributes:
        file: the file.
        dialect: encoding, delimiter, line ends and decimal mark.
        header: its header cells as they stand in the file.
        positions: for each of `contract.header`, the index of its cell.
        numbers: indices into `contract.header` of the columns that hold numbers.
        header_bytes: length of the text up to the end of the header, once it is UTF-8.
        header_lines: physical lines of it.
        row_bytes: about how long a row is.
        remarks: what was mended or left out, one clause each, for people.
    """

    file: RawFile
    dialect: Dialect
    header: tuple[str, ...]
    positions: tuple[int, ...]
    numbers: tuple[int, ...]
    header_bytes: int
    header_lines: int
    row_bytes: int
    remarks: tuple[str, ...]


class _Opening(NamedTuple):
    """The beginning of a file: how it is written, its header, and its first records."""

    dialect: Dialect
    header: tuple[str, ...]
    header_bytes: int
    header_lines: int
    row_bytes: int
    records: list[Record]


@contextmanager
def opened(file: RawFile) -> Generator[BinaryIO]:
    """Opens a `.csv` or `.csv.gz` file for reading bytes.

    Raises:
        RawFileError: if it is missing or unreadable, or, while it is read, if the compressed data
            are damaged or end early.
    """
    try:
        if file.path.lower().endswith(".gz"):
            with gzip.open(file.path, "rb") as stream:
                yield cast("BinaryIO", stream)
        else:
            with Path(file.path).open("rb") as stream:
                yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RawFileError(
            f"{file.name}: the compressed file is damaged or was copied in part ({error}); "
            "put it there again, and name it .csv if it is not compressed"
        ) from error
    except OSError as error:
        raise RawFileError(
            f"{file.name}: cannot be read ({error}); check path and access"
        ) from error


def is_parquet(file: RawFile) -> bool:
    """Tells whether a file is one of Parquet, by its name."""
    return file.path.lower().endswith(".parquet")


@contextmanager
def opened_parquet(file: RawFile) -> Generator[pq.ParquetFile]:
    """Opens a `.parquet` file.

    Raises:
        RawFileError: if it is missing, or, now or while it is read, if it is damaged.
    """
    try:
        with pq.ParquetFile(file.path) as parquet:
            yield parquet
    except (pa.ArrowException, OSError) as error:
        raise RawFileError(
            f"{file.name}: the Parquet file is damaged or was copied in part ({error}); put it "
            "there again"
        ) from error


def read_header(file: RawFile) -> tuple[str, ...]:
    """Returns the header cells of a file: its first line that is not blank.

    Raises:
        RawFileError: if the file is empty, has no row below its header, or is no CSV text.
    """
    return _read_opening(file).header


def layout_of(file: RawFile, contract: Contract) -> Layout:
    """Finds the contract's columns in a file, by name.

    Case, surrounding spaces, a byte order mark and the order of columns do not matter.

    Raises:
        RawFileError: if the header lacks a column or names one twice, and as `read_header`.
    """
    opening = _read_opening(file)
    header = opening.header
    folded = [fold_header(cell) for cell in header]
    twice = repeated_names(header)
    if twice:
        raise RawFileError(
            f"{file.name}: the header names {listed(twice)} more than once: {listed(header)}; "
            "rename one"
        )
    missing = missing_columns(contract, header)
    if missing:
        raise RawFileError(
            f"{file.name}: the header lacks {listed(missing)} of contract {contract.name!r}. "
            f"Found: {listed(header)}. Needed: {listed(contract.header)}. Files of another kind "
            "need a data root of their own"
        )
    positions = tuple(folded.index(fold_header(name)) for name in contract.header)
    numeric = {column.name for column in contract.columns if column.kind is not Kind.CATEGORY}
    numbers = tuple(index for index, name in enumerate(contract.header) if name in numeric)
    at = [positions[index] for index in numbers]
    whole = [record for record in opening.records if len(record.cells) == len(header)]
    dialect = replace(
        opening.dialect,
        decimal_mark=decimal_mark(record.cells[index].strip() for record in whole for index in at),
    )
    return Layout(
        file=file,
        dialect=dialect,
        header=header,
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


def layouts_of(files: Sequence[RawFile], contract: Contract) -> tuple[Layout, ...]:
    """Returns the layouts of all files, in the order of their names.

    Raises:
        RawFileError: if there is no file, two have the same name, or one cannot be read.
    """
    if not files:
        raise RawFileError("no raw file; put a weather.csv into raw/")
    twice = [name for name, count in Counter(file.name for file in files).items() if count > 1]
    if twice:
        raise RawFileError(
            f"raw files need different names; found more than once: {listed(sorted(twice))}"
        )
    return tuple(layout_of(file, contract) for file in sorted(files, key=lambda file: file.name))


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


def dialect_from(head: bytes, file: RawFile) -> Dialect:
    """Tells how a file is written, but for its decimal mark.

    Args:
        head: the first `HEAD_BYTES` of it, uncompressed.
        file: for messages.

    Raises:
        RawFileError: if it is no CSV text.
    """
    foreign = foreign_format(head)
    if foreign is not None:
        raise RawFileError(f"{file.name} {foreign}")
    dialect = dialect_of(head)
    if dialect.encoding == "utf-8" and lacks_byte_order_mark(head):
        raise RawFileError(
            f"{file.name} looks like UTF-16 without a byte order mark, of which there are two "
            "kinds; save it as CSV, UTF-8"
        )
    return dialect


def _read_opening(file: RawFile) -> _Opening:
    if is_parquet(file):
        return _read_parquet_opening(file)
    with opened(file) as stream:
        head = stream.read(HEAD_BYTES)
        dialect = dialect_from(head, file)
        stream.seek(0)
        reader = RecordReader(as_utf8_lines(stream, dialect), dialect.delimiter)
        records = reader.records()
        header = next(records, None)
        header_bytes, header_lines = reader.bytes_read, reader.lines_read
        if header is None:
            raise RawFileError(
                f"{file.name}: the file is empty; expected a header line and rows below"
            )
        if header.problem is not None:
            raise RawFileError(_bad_header(file, header))
        if next(records, None) is None:
            raise RawFileError(
                f"{file.name}: a header ({listed(header.cells)}) and no rows; add rows or take the "
                "file out of raw/"
            )
    first = records_in(head, dialect)
    return _Opening(
        dialect,
        tuple(header.cells),
        header_bytes,
        header_lines,
        len(head) // max(1, len(first)),
        first[1:],
    )


def records_in(head: bytes, dialect: Dialect) -> list[Record]:
    """Returns the records that the beginning of a file holds, the header first.

    Args:
        head: the first `HEAD_BYTES` of it. What they cut off in the middle is left out.
        dialect: how it is written.
    """
    text = as_utf8_lines(io.BytesIO(head), dialect)
    found = list(read_records(text, dialect.delimiter))
    return found[:-1] if len(head) == HEAD_BYTES else found


def _read_parquet_opening(file: RawFile) -> _Opening:
    with opened_parquet(file) as parquet:
        names = tuple(parquet.schema_arrow.names)
        rows = parquet.metadata.num_rows
    if not rows:
        raise RawFileError(
            f"{file.name}: columns ({listed(names)}) and no rows; add rows or take the file out of "
            "raw/"
        )
    return _Opening(Dialect(), names, 0, 0, Path(file.path).stat().st_size // rows, [])


def _quoting_remarks(
    records: Sequence[Record], positions: Sequence[int], dialect: Dialect
) -> tuple[str, ...]:
    for record in records:
        if '"' not in record.raw:
            continue
        for position in positions:
            cell = record.cells[position]
            number = with_decimal_point(cell) if dialect.decimal_mark == "," else cell
            if f'"{cell}"' in record.raw and _NUMBER.fullmatch(number.strip()):
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


def _bad_header(file: RawFile, header: Record) -> str:
    found = repr(header.raw[:80])
    if header.problem in (Reason.INVALID_ENCODING, Reason.NUL_BYTE):
        return (
            f"{file.name}: line {header.line} is no UTF-8 text, so this is no CSV file in UTF-8 "
            f"({header.problem}); found {found}. Save it as CSV, UTF-8"
        )
    return (
        f"{file.name}: line {header.line}, the header, cannot be divided into names "
        f"({header.problem}); found {found}. Correct its quotes or its line end"
    )
