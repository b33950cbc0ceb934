"""Bytes of one CSV file to records with line numbers: a strict RFC 4180 reader (stdlib only).

Belongs here: line ends, quotes, encoding. Does not belong here: what the cells mean, headers
(`raw_file`) or Spark (`careful_rows`).

Strict where leniency would move values into wrong cells (quotes), lenient where nothing can be
lost (CRLF and LF, a missing last line end, blank lines).
"""

import re
from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO, NamedTuple, Protocol

from weather_assets.processing.cells.reasons import Reason

MAXIMUM_RECORD_BYTES = 1 << 20
"""Longest record that is read: bounds the memory that one unclosed quote or a file without line
ends can take. A row of weather readings has some hundred bytes."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Record(NamedTuple):
    """One record of a CSV file.

    Attributes:
        line: number of the physical line on which it starts; the first line of the file is 1.
        raw: its exact text without the final line end.
        cells: its cells, unquoted but not trimmed; empty where `problem` is given.
        problem: why it cannot be divided into cells, or None.
    """

    line: int
    raw: str
    cells: list[str]
    problem: Reason | None


def read_records(stream: BinaryIO, delimiter: str = ",") -> Iterator[Record]:
    """Yields every record of a file, the header included, blank lines left out.

    Args:
        stream: the file in UTF-8, at its beginning; a byte order mark is skipped.
        delimiter: the one character between two cells.

    Yields:
        The records in the order of the file.
    """
    return RecordReader(stream, delimiter).records()


class Lines(Protocol):
    """Where lines come from."""

    def readline(self, size: int, /) -> bytes:
        """Returns the next line with its end, cut off behind `size` bytes; nothing at the end."""
        ...


class RecordReader:
    """Divides text into records, and knows how far it is.

    A quoted cell may span lines. When a quote is never closed, or not by a delimiter or a line end,
    only the line that it starts on is a bad record; reading goes on with the next line.

    Args:
        stream: text in UTF-8, at the start of a record.
        delimiter: the one character between two cells.
        at_start: whether this is the beginning of the file, where a byte order mark is skipped.
    """

    def __init__(self, stream: Lines, delimiter: str = ",", *, at_start: bool = True) -> None:
        self._lines = _PhysicalLines(stream, at_start=at_start)
        self._delimiter = delimiter

    @property
    def bytes_read(self) -> int:
        """Length of the records so far, their line ends and blank lines included."""
        return self._lines.size

    @property
    def lines_read(self) -> int:
        """Physical lines so far."""
        return self._lines.taken

    def records(self, until: int | None = None) -> Iterator[Record]:
        """Yields the records that follow.

        Args:
            until: the last record is the one that reaches this many `bytes_read`.
        """
        while until is None or self.bytes_read < until:
            self._lines.mark()
            line = self._lines.take()
            if line is None:
                return
            number = self._lines.taken
            if len(line) > MAXIMUM_RECORD_BYTES:
                yield Record(number, _lenient(line), [], Reason.RECORD_TOO_LONG)
            elif b'"' in line:
                yield _quoted_record(number, line, self._lines, self._delimiter)
            elif not line.isspace():
                yield _record(number, line, Reason.MALFORMED_QUOTE, self._delimiter)

    def unread(self) -> bytes:
        """Returns what was taken from the stream to look ahead, and is part of no record yet."""
        return self._lines.ahead()


class _PhysicalLines:
    """The lines of a text with their ends, and the ability to go back to a line."""

    def __init__(self, stream: Lines, *, at_start: bool) -> None:
        self._stream = stream
        self._ahead: deque[tuple[bytes, int]] = deque()
        self._since_mark: list[tuple[bytes, int]] = []
        self._at_start = at_start
        self.taken = 0
        self.size = 0

    def take(self) -> bytes | None:
        """Returns the next line (a line that is too long is cut off), or None at the end."""
        found = self._ahead.popleft() if self._ahead else self._read()
        if found is None:
            return None
        line, size = found
        self._since_mark.append(found)
        self.taken += 1
        self.size += size
        return line

    def mark(self) -> None:
        """Remembers this place for `go_back`."""
        self._since_mark = []

    def go_back(self) -> None:
        """Undoes every `take` since `mark`."""
        self._ahead.extendleft(reversed(self._since_mark))
        self.taken -= len(self._since_mark)
        self.size -= sum(size for _, size in self._since_mark)
        self._since_mark = []

    def ahead(self) -> bytes:
        """Returns the lines that were taken back; one that was cut off gets an end again."""
        return b"".join(line if len(line) == size else line + b"\n" for line, size in self._ahead)

    def _read(self) -> tuple[bytes, int] | None:
        """Returns the next line of the stream, and its length in the stream."""
        line = self._stream.readline(MAXIMUM_RECORD_BYTES + 1)
        size = len(line)
        if self._at_start:
            line = line.removeprefix(_BYTE_ORDER_MARK)
            self._at_start = False
            if not line:  # a file that holds nothing but the byte order mark
                line = self._stream.readline(MAXIMUM_RECORD_BYTES + 1)
                size += len(line)
        if not line:
            return None
        rest = line
        while len(rest) > MAXIMUM_RECORD_BYTES and not rest.endswith(b"\n"):
            rest = self._stream.readline(MAXIMUM_RECORD_BYTES + 1)
            size += len(rest)
        return line, size


def _quoted_record(number: int, line: bytes, lines: _PhysicalLines, delimiter: str) -> Record:
    """Returns the record that starts with a line that holds quotes.

    In a well-formed record quotes come in pairs, so an odd count means that a cell is still open.
    """
    if line.count(b'"') % 2 == 0:
        return _record(number, line, Reason.MALFORMED_QUOTE, delimiter)
    lines.mark()
    more: list[bytes] = []
    size = len(line)
    is_open = True
    while is_open and size <= MAXIMUM_RECORD_BYTES and (next_line := lines.take()) is not None:
        more.append(next_line)
        size += len(next_line)
        is_open = next_line.count(b'"') % 2 == 0
    if not is_open and size <= MAXIMUM_RECORD_BYTES:
        whole = line + b"".join(more)
        record = _record(number, whole, Reason.UNTERMINATED_QUOTE, delimiter)
        if record.problem is not Reason.UNTERMINATED_QUOTE:
            return record
    lines.go_back()
    return Record(number, _lenient(line), [], Reason.UNTERMINATED_QUOTE)


def _record(number: int, content: bytes, when_malformed: Reason, delimiter: str) -> Record:
    content = _without_line_end(content)
    try:
        raw = content.decode("utf-8")
    except UnicodeDecodeError:
        return Record(number, _lenient(content), [], Reason.INVALID_ENCODING)
    if "\0" in raw:
        return Record(number, raw, [], Reason.NUL_BYTE)
    cells = cells_of(raw, delimiter)
    return Record(number, raw, cells or [], None if cells else when_malformed)


def cells_of(raw: str, delimiter: str) -> list[str] | None:
    """Returns the cells of a record, unquoted, or None if its quotes are malformed."""
    return _cells(raw, delimiter) if '"' in raw else raw.split(delimiter)


@cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    return re.compile(rf'(?:"([^"]*(?:""[^"]*)*)"|([^"{mark}]*))({mark}|\Z)')


def _cells(raw: str, delimiter: str) -> list[str] | None:
    """Returns the cells of a record that holds quotes, or None if the quotes are malformed."""
    pattern = _cell_pattern(delimiter)
    cells: list[str] = []
    position = 0
    while match := pattern.match(raw, position):
        quoted, plain, separator = match.groups()
        cells.append(plain if quoted is None else quoted.replace('""', '"'))
        if not separator:
            return cells
        position = match.end()
    return None


def _without_line_end(content: bytes) -> bytes:
    return content.removesuffix(b"\n").removesuffix(b"\r")


def _lenient(content: bytes) -> str:
    return _without_line_end(content).decode("utf-8", errors="replace")
