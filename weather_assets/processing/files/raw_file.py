"""One raw file before any row is read: opening it, how it is written, and its header.

Belongs here: whether a file can be read at all. One that cannot is refused as a whole, with a
message for the person who put it there. Does not belong here: where the columns of a contract are
(`layouts`), which contract fits (`weather_assets.contract.loading.recognise_header`), how text is
written (`dialects`), or rows (`careful_rows`).
"""

import gzip
import io
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from weather_assets.contract.loading import listed
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.files.dialects import (
    HEAD_BYTES,
    Dialect,
    as_utf8_lines,
    dialect_of,
    lacks_byte_order_mark,
)
from weather_assets.processing.files.expansion import Expansion, ExpansionError
from weather_assets.processing.files.foreign_formats import foreign_format
from weather_assets.processing.files.parquet_pages import (
    ParquetDamageError,
    ParquetExtent,
    check_footer,
    extent_of,
)
from weather_assets.processing.files.records import Record, RecordReader, read_records


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


class Opening(NamedTuple):
    """The beginning of a file.

    Attributes:
        file: which.
        dialect: how it is written, but for its decimal mark, which takes a contract.
        header: its header cells as they stand there: its first line that is not blank.
        header_bytes: length of the text up to the end of the header, once it is UTF-8.
        header_lines: physical lines of it.
        row_bytes: about how long a row is.
        records: its first records.
    """

    file: RawFile
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
            with _BoundedGzip(file.path, Expansion.of(file.path, file.name)) as stream:
                yield cast("BinaryIO", stream)
        else:
            with Path(file.path).open("rb") as stream:
                yield stream
    except ExpansionError as error:
        raise RawFileError(str(error)) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RawFileError(
            f"{file.name}: the compressed file is damaged or was copied in part ({error}); "
            "put it there again, and name it .csv if it is not compressed"
        ) from error
    except OSError as error:
        raise RawFileError(
            f"{file.name}: cannot be read ({error}); check path and access"
        ) from error


class _BoundedGzip(gzip.GzipFile):
    """A `.gz` file that does not become more than it may."""

    def __init__(self, path: str, expansion: Expansion) -> None:
        super().__init__(path, "rb")
        self._expansion = expansion

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self._expansion.reach(self.tell())
        return found

    def readline(self, size: int | None = -1) -> bytes:
        found = super().readline(size)
        self._expansion.reach(self.tell())
        return found


def is_parquet(file: RawFile) -> bool:
    """Tells whether a file is one of Parquet, by its name."""
    return file.path.lower().endswith(".parquet")


@contextmanager
def opened_parquet(file: RawFile) -> Generator[pq.ParquetFile]:
    """Opens a `.parquet` file, whose texts come as dictionaries: each different one once.

    Raises:
        RawFileError: if it is missing, or, now or while it is read, if it is damaged.
    """
    try:
        check_footer(Path(file.path))
        with pq.ParquetFile(file.path) as parquet:
            texts = [
                column.path
                for column in map(parquet.schema.column, range(len(parquet.schema)))
                if column.physical_type == "BYTE_ARRAY"
            ]
        # A piece at a time; otherwise all of a row group is fetched at once.
        with pq.ParquetFile(
            file.path, read_dictionary=texts, pre_buffer=False, buffer_size=1 << 20
        ) as parquet:
            yield parquet
    except ExpansionError as error:
        raise RawFileError(str(error)) from None
    except ParquetDamageError as error:
        raise RawFileError(f"{file.name}: the Parquet file {error}") from None
    except (pa.ArrowException, OSError) as error:
        raise RawFileError(
            f"{file.name}: the Parquet file is damaged or was copied in part ({error}); put it "
            "there again"
        ) from error


def parquet_extent(file: RawFile) -> ParquetExtent:
    """Returns how much a `.parquet` file holds.

    Raises:
        RawFileError: if it is missing, or what it says of itself cannot be.
    """
    try:
        return extent_of(Path(file.path))
    except ParquetDamageError as error:
        raise RawFileError(f"{file.name}: the Parquet file {error}") from None
    except OSError as error:
        raise RawFileError(
            f"{file.name}: cannot be read ({error}); check path and access"
        ) from error


def read_opening(file: RawFile, *, needs_rows: bool = True) -> Opening:
    """Reads the beginning of a file.

    Args:
        file: which.
        needs_rows: whether one that has no row below its header is refused.

    Raises:
        RawFileError: if the file is empty, damaged, without a row, or no CSV text.
    """
    if Path(file.path).exists() and not Path(file.path).is_file():
        raise RawFileError(
            f"{file.name} is a folder, a pipe or a device, and is read more than once: write its "
            "rows to a file first"
        )
    opening, has_rows = (_parquet_opening if is_parquet(file) else _text_opening)(file)
    if needs_rows and not has_rows:
        raise RawFileError(
            f"{file.name}: columns ({listed(opening.header)}) and no rows; add rows or take the "
            "file out of raw/"
        )
    return opening


def read_header(file: RawFile) -> tuple[str, ...]:
    """Returns the header cells of a file that has rows; raises as `read_opening`."""
    return read_opening(file).header


def _text_opening(file: RawFile) -> tuple[Opening, bool]:
    with opened(file) as stream:
        head = stream.read(HEAD_BYTES)
        dialect = _dialect(head, file)
        stream.seek(0)
        reader = RecordReader(as_utf8_lines(stream, dialect), dialect.delimiter)
        records = reader.records()
        header = next(records, None)
        header_bytes, header_lines = reader.bytes_read, reader.lines_read
        if header is None:
            raise RawFileError(
                f"{file.name}: the file is empty; expected a header line and rows below: "
                "copy it again, or take it away"
            )
        if header.problem is not None:
            raise RawFileError(_bad_header(file, header))
        has_rows = next(records, None) is not None
    first = _records_in(head, dialect)
    opening = Opening(
        file=file,
        dialect=dialect,
        header=tuple(header.cells),
        header_bytes=header_bytes,
        header_lines=header_lines,
        row_bytes=len(head) // max(1, len(first)),
        records=first[1:],
    )
    return opening, has_rows


def _parquet_opening(file: RawFile) -> tuple[Opening, bool]:
    with opened_parquet(file) as parquet:
        names = tuple(parquet.schema_arrow.names)
        rows = parquet.metadata.num_rows
    row_bytes = Path(file.path).stat().st_size // max(1, rows)
    return Opening(file, Dialect(), names, 0, 0, row_bytes, []), rows > 0


def _dialect(head: bytes, file: RawFile) -> Dialect:
    """Tells how a file is written from the first `HEAD_BYTES` of it, uncompressed."""
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


def _records_in(head: bytes, dialect: Dialect) -> list[Record]:
    """Returns the records in the first `HEAD_BYTES` of a file, the header first.

    What they cut off in the middle is left out.
    """
    text = as_utf8_lines(io.BytesIO(head), dialect)
    found = list(read_records(text, dialect.delimiter))
    return found[:-1] if len(head) == HEAD_BYTES else found


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
