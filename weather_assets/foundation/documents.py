"""JSON documents that carry the number of their format, so that another version knows what it has.

Belongs here: the number, reading what is older, and refusing what is newer or damaged. Does not
belong here: what a document says.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from weather_assets.foundation.atomic_files import write_text

FORMAT_KEY = "format"
UNNUMBERED = 0
"""Format of the documents from before there were numbers."""


def read_json(path: Path) -> Any:
    """Returns what a file of plain JSON says; raises FileNotFoundError, or ValueError."""
    return json.loads(path.read_text(encoding="utf-8"))


class DocumentError(ValueError):
    """A document cannot be used. The message names it and says what to do."""


class DamagedDocumentError(DocumentError):
    """A document is not what was written."""


@dataclass(frozen=True, slots=True)
class DocumentFormat:
    """One kind of document, in the format that this version writes.

    Attributes:
        what: the kind, in words: `the record of the raw files`.
        number: counted up whenever an older version could misread what a newer one wrote.
    """

    what: str
    number: int = 1

    def write(self, path: Path, content: Mapping[str, Any]) -> None:
        """Writes a document, complete or not at all; its folder is made where it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.numbered(content), indent=1, allow_nan=False)
        write_text(path, f"{text}\n")

    def numbered(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what is written of a document: its number, then its content."""
        return {FORMAT_KEY: self.number, **content}

    def read(self, path: Path) -> dict[str, Any]:
        """Returns the content of a document, without its number.

        Raises:
            FileNotFoundError: there is none.
            DocumentError: it is damaged, or of a newer format.
        """
        try:
            document: object = read_json(path)
        except ValueError as error:
            raise DamagedDocumentError(f"{path}, {self.what}, is damaged: {error}") from None
        if not isinstance(document, dict):
            raise DamagedDocumentError(f"{path}, {self.what}, is damaged: it is no JSON object")
        return self.content(cast("dict[str, Any]", document), path)

    def content(self, document: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """Returns the content of a parsed document, without its number.

        Args:
            document: the object that was read.
            path: where, for the message.

        Raises:
            DocumentError: it is of a newer format.
        """
        content = dict(document)
        number = content.pop(FORMAT_KEY, UNNUMBERED)
        if not isinstance(number, int) or not UNNUMBERED <= number <= self.number:
            raise DocumentError(
                f"{path}, {self.what}, has format {number!r}; this version of weather_assets reads "
                f"formats up to {self.number}. Install the version that wrote it, or a newer one, "
                "or work on another data root"
            )
        return content
