"""How the text of one CSV file is written: encoding, delimiter, line ends, decimal mark.

Belongs here: telling it from the beginning of the file, where that is beyond doubt, and turning the
bytes into UTF-8 lines. Does not belong here: columns and contracts (`raw_file`), or records
(`records`). Whatever is in doubt keeps its plain meaning (comma, decimal point), so that rows which
do not fit it are set aside instead of being guessed at.
"""

import codecs
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

DELIMITERS = (",", ";", "\t", "|")
HEAD_BYTES = 1 << 16
"""How much of a file decides about its dialect."""

_BYTE_ORDER_MARKS = (  # UTF-32's begin with UTF-16's, and so come first
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one file is written. The default is what RFC 4180 and UTF-8 say, with LF.

    Attributes:
        encoding: Python's name of the encoding; other than `utf-8` only by a byte order mark.
        has_byte_order_mark: whether the file begins with one.
        delimiter: what stands between two cells.
        line_end: what ends its lines; CR alone only where the beginning has no LF at all.
        decimal_mark: `.`, or `,` where the numbers leave no doubt.
    """

    encoding: str = "utf-8"
    has_byte_order_mark: bool = False
    delimiter: str = ","
    line_end: str = "\n"
    decimal_mark: str = "."

    def remarks(self) -> tuple[str, ...]:
        """Returns what is read in another way than the default, one clause each."""
        found: list[str] = []
        if self.encoding != "utf-8":
            name = self.encoding[:6].upper()
            found.append(f"the text is {name}, by its byte order mark, and was read as such")
        elif self.has_byte_order_mark:
            found.append("a byte order mark at the beginning was skipped")
        if self.line_end != "\n":
            name = "CRLF" if self.line_end == "\r\n" else "CR alone"
            found.append(f"the lines end with {name} and were read as such")
        if self.delimiter != ",":
            name = "tabs" if self.delimiter == "\t" else repr(self.delimiter)
            found.append(f"the cells are divided by {name} instead of commas and were read as such")
        if self.decimal_mark != ".":
            found.append("the numbers have a decimal comma, which was read as a decimal point")
        return tuple(found)


def dialect_of(head: bytes) -> Dialect:
    """Tells encoding, line ends and delimiter from the beginning of a file.

    The delimiter is another one than the comma only if the first line has no comma outside quotes
    and just one of the other delimiters. The decimal mark takes a contract: see
    `cells.decimal_mark`.

    Args:
        head: up to `HEAD_BYTES` bytes.
    """
    mark, encoding = next(
        ((mark, name) for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), (b"", "utf-8")
    )
    text = head[len(mark) :].decode(encoding, errors="replace")
    if "\n" in text:
        line_end = "\r\n" if "\r\n" in text else "\n"
    else:
        line_end = "\r" if "\r" in text.rstrip("\r") else "\n"
    first = next((line for line in re.split(r"[\r\n]+", text) if line.strip()), "")
    bare = _QUOTED.sub("", first)
    present = [delimiter for delimiter in DELIMITERS if delimiter in bare.strip(" ")]
    return Dialect(
        encoding=encoding,
        has_byte_order_mark=bool(mark),
        delimiter=present[0] if len(present) == 1 else ",",
        line_end=line_end,
    )


def lacks_byte_order_mark(head: bytes) -> bool:
    """Tells whether bytes look like UTF-16 without the mark that would say which kind."""
    sample = head[:512]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    return half > 0 and max(even, odd) > 0.8 * half and min(even, odd) < 0.1 * half


def with_decimal_points(cells: pa.Array) -> pa.Array:
    """Returns numbers of a column as `cells.with_decimal_point` does.

    Args:
        cells: texts without NUL bytes, null where empty, [N].
    """
    for found, put in ((".", "\0"), (",", "."), ("\0", ",")):
        options = pc.ReplaceSubstringOptions(found, put)
        cells = pc.call_function("replace_substring", [cells], options)
    return cells


def as_utf8_lines(stream: BinaryIO, dialect: Dialect) -> BinaryIO:
    """Returns a stream of the same text in UTF-8 with lines that end in LF or CRLF.

    Args:
        stream: the file, at its beginning.
        dialect: how it is written.
    """
    if dialect.encoding == "utf-8" and dialect.line_end != "\r":
        return stream
    return io.BufferedReader(_Transcoder(stream, dialect), HEAD_BYTES)


class _Transcoder(io.RawIOBase):
    """Bytes of one dialect as UTF-8 with LF; bytes that are no text become U+FFFD."""

    def __init__(self, stream: BinaryIO, dialect: Dialect) -> None:
        self._stream = stream
        self._replaces_line_ends = dialect.line_end == "\r"
        # UTF-8 stays bytes, so that what is no UTF-8 can still be told and set aside.
        self._decoder = (
            None
            if dialect.encoding == "utf-8"
            else codecs.getincrementaldecoder(dialect.encoding)(errors="replace")
        )
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        while not self._ready and not self._ended:
            block = self._stream.read(HEAD_BYTES)
            self._ended = not block
            self._ready = self._recoded(block)
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _recoded(self, block: bytes) -> bytes:
        if self._decoder is not None:
            block = self._decoder.decode(block, final=not block).encode("utf-8", errors="replace")
        return block.replace(b"\r", b"\n") if self._replaces_line_ends else block
