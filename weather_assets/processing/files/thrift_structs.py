"""Structures in Thrift's compact protocol, read by us before any library does, in bounded memory.

Belongs here: bytes to numbers, texts, lists and structures. Does not belong here: what they mean
(`parquet_pages`).

Format: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from typing import Any

MAXIMUM_VALUES = 2_000_000
MAXIMUM_DEPTH = 12
Structure = dict[int, Any]
"""Values by the number of their field."""


class ThriftError(ValueError):
    """The bytes are no such structure, or an unreasonable one."""


class ThriftReader:
    """Reads one structure after the other.

    Args:
        content: where they are.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._values = 0
        self.position = 0
        """Bytes read so far."""

    def structure(self, depth: int = 0) -> Structure:
        """Returns the next structure.

        Raises:
            ThriftError: where it is damaged, too large or too deep, or has a field twice, which
                other readers take in other ways.
            EOFError: where the content ends in it.
        """
        if depth > MAXIMUM_DEPTH:
            raise ThriftError(f"structures more than {MAXIMUM_DEPTH} deep in each other")
        found: Structure = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._whole()
            if number in found:
                raise ThriftError(f"field {number} is there twice")
            kind = head & 15
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> Any:
        self._values += 1
        if self._values > MAXIMUM_VALUES:
            raise ThriftError(f"more than {MAXIMUM_VALUES} values")
        match kind:
            case 1 | 2 | 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._whole()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._unsigned())
            case 9 | 10:
                head = self._byte()
                count = head >> 4 if head >> 4 < 15 else self._unsigned()
                return [self._value(head & 15, depth) for _ in range(count)]
            case 12:
                return self.structure(depth + 1)
            case _:
                raise ThriftError(f"a value of the unknown kind {kind}")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._content):
            raise EOFError
        found = self._content[self.position : end]
        self.position = end
        return found

    def _unsigned(self) -> int:
        number = shift = 0
        while shift < 64:
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
        raise ThriftError("a number of more than 64 bits")

    def _whole(self) -> int:
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)
