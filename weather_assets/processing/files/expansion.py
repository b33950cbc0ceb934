"""How much text a small file may become: more is an accident or an attack.

Belongs here: the limit, and counting up to it. Does not belong here: decompressing (`raw_file`), or
what is decoded (`parquet_rows`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

ALLOWED_BYTES = 1 << 30
"""Whatever a file's size."""
ALLOWED_FACTOR = 200
"""Weather readings become 4 to 20 times as long, those of a sensor that always says the same some
100 times; gzip reaches 1,030."""


class ExpansionError(ValueError):
    """A file becomes too much; the message names it, what was found and what is allowed."""


@dataclass(slots=True)
class Expansion:
    """What has become of one file so far.

    Attributes:
        name: of the file, for the message.
        file_bytes: its size.
        text_bytes: so much it has become.
    """

    name: str
    file_bytes: int
    text_bytes: int = 0

    @classmethod
    def of(cls, path: str, name: str) -> Self:
        """Returns that of a file of which nothing was read; raises OSError if it is gone."""
        return cls(name, Path(path).stat().st_size)

    def reach(self, text_bytes: int) -> None:
        """Raises ExpansionError where so much text is more than may become of the file."""
        self.text_bytes = max(self.text_bytes, text_bytes)
        allowed = max(ALLOWED_BYTES, ALLOWED_FACTOR * self.file_bytes)
        if self.text_bytes > allowed:
            raise ExpansionError(
                f"{self.name}: {self.file_bytes} bytes hold more than {allowed} bytes of text; a "
                f"file may become {ALLOWED_FACTOR} times as long, or 1 GiB. If this is no mistake, "
                "divide it, or put it there uncompressed, as CSV"
            )

    def add(self, text_bytes: int) -> None:
        """Adds to what was read; raises as `reach`."""
        self.reach(self.text_bytes + text_bytes)
