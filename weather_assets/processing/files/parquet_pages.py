"""How much a Parquet file holds, from what it says of itself, before anything is decoded.

Belongs here: footer and page headers, whether they agree, and limits on what decoding would take.
Does not belong here: decoding (`parquet_rows`), or Thrift (`thrift_structs`).

A file says in its footer what it holds, and again before each page. Arrow believes it (25.0): a
schema 20,000 levels deep ends the process, and a page is given as much memory as it asks for.

Format: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from weather_assets.processing.files.thrift_structs import Structure, ThriftError, ThriftReader

MAGIC = b"PAR1"
MAXIMUM_FOOTER_BYTES = 64 << 20
MAXIMUM_LEVELS = 32
MAXIMUM_COLUMNS = 10_000
MAXIMUM_PAGE_BYTES = 128 << 20
"""Of one page, once it is decompressed: writers make pages of 1 MB, DuckDB up to 100 MB."""
MAXIMUM_OPEN_BYTES = 512 << 20
"""Of the largest page of each column together: so much is decompressed at a time."""
_HEADER_BYTES, _LONGEST_HEADER_BYTES = 1 << 12, 1 << 22
_DATA_PAGE, _DATA_PAGE_V2 = 0, 3


class ParquetDamageError(ValueError):
    """What the file says of itself cannot be, or is more than is read; words for its owner."""


@dataclass(frozen=True, slots=True)
class ParquetExtent:
    """What a file holds.

    Attributes:
        rows: of all row groups.
        columns: leaves of the schema.
        row_bytes: uncompressed, of an average row of the row group with the longest.
    """

    rows: int
    columns: int
    row_bytes: int


def check_footer(path: Path) -> Structure | None:
    """Returns the footer, once it is safe to let Arrow read it; None where it is no Parquet file.

    Raises:
        ParquetDamageError: where it is damaged, or the schema is too deep or too wide.
        OSError: if the file cannot be read.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - 8))
        end = stream.read(8)
        if len(end) < 8 or end[4:] != MAGIC:
            return None
        length = int.from_bytes(end[:4], "little")
        if not 0 < length <= min(size - 12, MAXIMUM_FOOTER_BYTES):
            raise ParquetDamageError(
                f"says that its footer has {length} bytes; allowed are {MAXIMUM_FOOTER_BYTES}, and "
                f"it has {size} in all"
            )
        stream.seek(size - 8 - length)
        footer = _structure(stream.read(length), "footer")
    with _of_known_kinds():
        _check_schema(footer.get(2))
    return footer


def extent_of(path: Path) -> ParquetExtent:
    """Returns what the pages hold, none of which is decompressed.

    Raises:
        ParquetDamageError: where footer and pages do not agree, or one takes more than is allowed.
        OSError: if the file cannot be read.
    """
    footer = check_footer(path) or {}
    longest = total = 0
    with _of_known_kinds(), path.open("rb") as stream:
        for number, group in enumerate(footer.get(4, [])):
            rows = group.get(3, 0)
            group_bytes = _check_group(stream, group.get(1, []), rows, number)
            longest = max(longest, group_bytes // max(1, rows))
            total += rows
    if total != footer.get(3, 0):
        raise ParquetDamageError(f"says {footer.get(3)} rows, and its row groups {total}")
    leaves = sum(1 for element in footer.get(2, []) if not element.get(5))
    return ParquetExtent(total, leaves, longest)


@contextmanager
def _of_known_kinds() -> Generator[None]:
    """Refuses a number where a structure should be, and the like."""
    try:
        yield
    except (AttributeError, TypeError) as error:
        raise ParquetDamageError(f"says of itself what cannot be ({error})") from None


def _check_schema(elements: object) -> None:
    if not isinstance(elements, list) or not elements:
        raise ParquetDamageError("has no schema")
    if len(elements) > MAXIMUM_COLUMNS:
        raise ParquetDamageError(f"has {len(elements)} columns; at most {MAXIMUM_COLUMNS} are read")
    to_come: list[int] = []  # children that were announced, at each level above
    for element in elements:
        if not _is_text(element.get(4)):
            raise ParquetDamageError(f"has a column whose name is no UTF-8: {element.get(4)!r}")
        while to_come and to_come[-1] <= 0:
            to_come.pop()
        if to_come:
            to_come[-1] -= 1
        to_come.append(element.get(5, 0))
        if len(to_come) > MAXIMUM_LEVELS:
            raise ParquetDamageError(
                f"has columns in columns, more than {MAXIMUM_LEVELS} deep; write flat columns"
            )


def _is_text(content: object) -> bool:
    try:
        return isinstance(content, bytes) and len(content.decode("utf-8")) >= 0
    except UnicodeDecodeError:
        return False


def _check_group(stream: BinaryIO, chunks: list[Structure], rows: int, number: int) -> int:
    """Returns how many bytes its pages have, uncompressed."""
    in_all = at_once = 0
    for chunk in chunks:
        column = chunk.get(3, {})
        name = b".".join(column.get(3, [])).decode("utf-8", "replace")
        where = f"row group {number}, column {name!r}"
        values = largest = 0
        for page in _pages(stream, column, where):
            size = page.get(2, -1)
            if not 0 <= size <= MAXIMUM_PAGE_BYTES:
                raise ParquetDamageError(
                    f"{where}: a page of {size} bytes; at most {MAXIMUM_PAGE_BYTES} are read. "
                    "Write smaller pages"
                )
            largest, in_all = max(largest, size), in_all + size
            values += _values_in(page)
        at_once += largest
        if values != column.get(5) or (len(column.get(3, [])) == 1 and values != rows):
            raise ParquetDamageError(
                f"{where}: its footer says {rows} rows and {column.get(5)} values, its pages "
                f"{values}"
            )
    if at_once > MAXIMUM_OPEN_BYTES:
        raise ParquetDamageError(
            f"row group {number}: its largest pages have {at_once} bytes together; at most "
            f"{MAXIMUM_OPEN_BYTES} are read. Write smaller pages"
        )
    return in_all


def _pages(stream: BinaryIO, column: Structure, where: str) -> Iterator[Structure]:
    """Yields the headers of a column chunk's pages, one after the other."""
    starts = [column[key] for key in (9, 11) if column.get(key, 0) > 0]
    at = min(starts, default=0)
    end = at + column.get(7, 0)
    size = stream.seek(0, 2)
    if not len(MAGIC) <= at <= end <= size:
        raise ParquetDamageError(f"{where}: says that it is from byte {at} to {end} of {size}")
    while at < end:
        page, header_bytes = _page_header(stream, at, where)
        yield page
        at += header_bytes + max(0, page.get(3, 0))
    if at != end:
        raise ParquetDamageError(f"{where}: its last page ends {at - end} bytes behind its end")


def _page_header(stream: BinaryIO, at: int, where: str) -> tuple[Structure, int]:
    length = _HEADER_BYTES
    while True:
        stream.seek(at)
        content = stream.read(length)
        reader = ThriftReader(content)
        try:
            return reader.structure(), reader.position
        except EOFError:
            if len(content) < length or length >= _LONGEST_HEADER_BYTES:
                raise ParquetDamageError(f"{where}: a page header has no end") from None
            length *= 32
        except ThriftError as error:
            raise ParquetDamageError(f"{where}: a page header holds {error}") from None


def _values_in(page: Structure) -> int:
    """Returns how many values a page holds, missing ones included; none in a dictionary."""
    header = {_DATA_PAGE: page.get(5), _DATA_PAGE_V2: page.get(8)}.get(page.get(1, -1))
    return max(0, header.get(1, 0)) if header else 0


def _structure(content: bytes, what: str) -> Structure:
    try:
        return ThriftReader(content).structure()
    except EOFError:
        raise ParquetDamageError(f"has a {what} without an end") from None
    except ThriftError as error:
        raise ParquetDamageError(f"has a {what} with {error}") from None
