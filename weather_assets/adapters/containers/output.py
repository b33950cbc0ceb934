"""Lines out of the bytes that a container writes.

Belongs here: decoding, dividing into lines, cutting lines that are too long. Does not belong here:
where the bytes come from (`backend`).
"""

import codecs
import io

from weather_assets.adapters.ranks.protocol import LONGEST_LINE


class LineSplitter:
    """Divides one stream, as a pipe in text mode does: UTF-8, any line end, bad bytes replaced."""

    def __init__(self) -> None:
        """Begins with an empty line."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        """Returns the lines that these bytes complete, without their ends.

        Args:
            data: the next bytes; they may end anywhere, also inside a character.
        """
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        while len(self._rest) >= LONGEST_LINE:
            lines.append(self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]
        return [piece for line in lines for piece in _pieces(line)]

    def end(self) -> list[str]:
        """Returns the last line, where the stream ended without a line end."""
        rest = self._rest + self._decoder.decode(b"", final=True)
        self._rest = ""
        return rest.splitlines()


def _pieces(line: str) -> list[str]:
    last = max(len(line) - 1, 0) // LONGEST_LINE * LONGEST_LINE
    return [line[begin : begin + LONGEST_LINE] for begin in range(0, last + 1, LONGEST_LINE)]
