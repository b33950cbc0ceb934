"""Pieces of raw files that can be read apart from one another, and reading them.

Belongs here: where a piece begins and ends, and which way it is read. Does not belong here: the two
ways (`plain_rows`, `careful_rows`), or what is made of the rows (`parts`).

A plain file is cut at fixed places. A block owns the lines that begin in it. Where a quoted cell
spans lines, a line may begin in the middle of a record: so a block says where it began and where
the record behind its last one begins, and whoever reads the blocks of a file (`file_entries`) holds
the one against the other, and has a block that began wrong read again. Compressed, recoded and
Parquet files are one block, read as a stream.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from weather_assets.contract.schema import Contract
from weather_assets.processing.files.careful_rows import RowBatch, row_batches
from weather_assets.processing.files.dialects import as_utf8_lines
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.files.parquet_rows import parquet_batches
from weather_assets.processing.files.plain_rows import plain_rows
from weather_assets.processing.files.raw_file import RawFile, RawFileError, is_parquet, opened
from weather_assets.processing.files.records import Lines, RecordReader

BLOCK_BYTES = 32 * 2**20
"""About 300,000 five-column rows: long enough that a task's fixed cost does not count, short enough
that a task needs some 200 MB."""

_COMPRESSION = 10
_SCANNED_AT_ONCE = 2**20


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a raw file.

    Attributes:
        file: index of its layout.
        number: its place among the blocks of the file.
        start: byte of the file at which it begins; the header is in no block.
        end: byte before which its last line begins; None for a file that is read as a stream.
        lines_before: line ends of the file before `start`.
        begins_at: byte at which its first record begins, where that is known; else it begins with
            the first line at or behind `start`.
    """

    file: int
    number: int
    start: int
    end: int | None
    lines_before: int
    begins_at: int | None = None


def is_divisible(layout: Layout) -> bool:
    """Tells whether a file can be read from the middle."""
    dialect = layout.dialect
    return not _is_compressed(layout) and dialect.encoding == "utf-8" and dialect.line_end != "\r"


def blocks_of(index: int, layout: Layout) -> list[Block]:
    """Returns the blocks of a file, whose `lines_before` hold for the first alone.

    Args:
        index: of the layout.
        layout: the file.

    Raises:
        RawFileError: if the file is gone.
    """
    if not is_divisible(layout):
        return [Block(index, 0, 0, None, 0)]
    size = file_bytes(layout.file)
    places = range(BLOCK_BYTES, size, BLOCK_BYTES)
    starts = [layout.header_bytes, *(place for place in places if place > layout.header_bytes)]
    return [
        Block(index, number, start, end, layout.header_lines, None if number else start)
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], size], strict=True))
    ]


def file_bytes(file: RawFile) -> int:
    """Returns the size of a file.

    Raises:
        RawFileError: if there is none.
    """
    try:
        return Path(file.path).stat().st_size
    except OSError as error:
        raise RawFileError(f"{file.name}: cannot be read: {error.strerror}") from None


def total_bytes(layouts: Sequence[Layout]) -> int:
    """Returns about how much text all files hold; compressed ones count ten times their size."""
    return sum(text_bytes(layout) for layout in layouts)


def text_bytes(layout: Layout) -> int:
    """Returns about how much text a file holds."""
    return file_bytes(layout.file) * (_COMPRESSION if _is_compressed(layout) else 1)


def _is_compressed(layout: Layout) -> bool:
    return is_parquet(layout.file) or layout.file.path.lower().endswith(".gz")


def count_lines(block: Block, layout: Layout) -> int:
    """Returns the number of line ends between a block's start and its end."""
    count = 0
    if block.end is None:
        return 0
    with opened(layout.file) as stream:
        stream.seek(block.start)
        left = block.end - block.start
        while left > 0 and (text := stream.read(min(left, _SCANNED_AT_ONCE))):
            count += text.count(b"\n")
            left -= len(text)
    return count


class BlockReader:
    """Reads one block of a divisible file.

    Args:
        block: which.
        layout: its file.
        contract: what the cells must be.

    Attributes:
        began_at: byte at which its first record begins.
        ended_at: byte at which the record behind its last one begins; once all was read.
    """

    def __init__(self, block: Block, layout: Layout, contract: Contract) -> None:
        self._block = block
        self._layout = layout
        self._contract = contract
        self.began_at = self.ended_at = block.start

    def batches(self) -> Iterator[RowBatch]:
        """Yields the rows.

        Raises:
            RawFileError: if the file cannot be read.
        """
        block, layout = self._block, self._layout
        with opened(layout.file) as stream:
            known = block.begins_at
            self.began_at = _next_line(stream, block.start) if known is None else known
            end = _next_line(stream, block.end or 0)
            self.ended_at = max(self.began_at, end)
            if self.began_at >= end:
                return
            stream.seek(block.start)
            lines_before = block.lines_before + stream.read(self.began_at - block.start).count(
                b"\n"
            )
            if end - self.began_at <= 2 * BLOCK_BYTES:
                batch = plain_rows(
                    stream.read(end - self.began_at), layout, self._contract, lines_before
                )
                if batch is not None:
                    yield batch
                    return
            stream.seek(self.began_at)
            reader = RecordReader(stream, layout.dialect.delimiter, at_start=False)
            records = reader.records(until=end - self.began_at)
            yield from row_batches(records, layout, self._contract, lines_before)
            self.ended_at = self.began_at + reader.bytes_read


def stream_batches(layout: Layout, contract: Contract) -> Iterator[list[RowBatch]]:
    """Yields the rows of a file that is read from its beginning, about a block at a time.

    Raises:
        RawFileError: if the file is damaged, or has another header than `layout`.
    """
    if is_parquet(layout.file):
        yield from parquet_batches(layout, contract)
        return
    delimiter = layout.dialect.delimiter
    with opened(layout.file) as stream:
        text = as_utf8_lines(stream, layout.dialect)
        reader = RecordReader(text, delimiter)
        header = next(reader.records(), None)
        if header is None or tuple(header.cells) != layout.header:
            raise RawFileError(f"{layout.file.name}: the file changed while it was read; run again")
        lines_before = reader.lines_read
        block = reader.unread()
        while block := block + text.read(max(0, BLOCK_BYTES - len(block))):
            if not block.endswith(b"\n"):
                block += text.readline(BLOCK_BYTES)
            batch = plain_rows(block, layout, contract, lines_before)
            if batch is not None:
                yield [batch]
                lines_before += block.count(b"\n")
                block = b""
                continue
            reader = RecordReader(_Joined(block, text), delimiter, at_start=False)
            records = reader.records(until=len(block))
            yield list(row_batches(records, layout, contract, lines_before))
            lines_before += reader.lines_read
            block = reader.unread()


class _Joined:
    """The lines of a text, and those of a stream behind it; reads no further than it is asked."""

    def __init__(self, text: bytes, stream: Lines) -> None:
        self._text = io.BytesIO(text)
        self._stream = stream

    def readline(self, size: int, /) -> bytes:
        line = self._text.readline(size)
        if not line.endswith(b"\n") and len(line) < size:
            line += self._stream.readline(size - len(line))
        return line


def _next_line(stream: BinaryIO, position: int) -> int:
    """Returns where the first line at or behind a byte begins; the file's end if there is none."""
    if position == 0:
        return 0
    stream.seek(position - 1)
    at = position - 1
    while text := stream.read(_SCANNED_AT_ONCE if at >= position else 4096):
        found = text.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(text)
    return at
