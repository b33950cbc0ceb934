"""A document says its format; what is older opens, what is newer or damaged is refused."""

import json
from pathlib import Path

import pytest

from weather_assets.foundation.documents import DocumentError, DocumentFormat

TALLY = DocumentFormat("the tally", 3)


def test_a_document_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "below" / "tally.json"
    TALLY.write(path, {"rows": 3})
    assert json.loads(path.read_text()) == {"format": 3, "rows": 3}
    assert TALLY.read(path) == {"rows": 3}


@pytest.mark.parametrize("older", [{}, {"format": 1}, {"format": 2}])
def test_what_is_older_opens(tmp_path: Path, older: dict[str, int]) -> None:
    path = tmp_path / "tally.json"
    path.write_text(json.dumps({**older, "rows": 3}))
    assert TALLY.read(path) == {"rows": 3}


@pytest.mark.parametrize("number", [4, -1, "3", None, 2.5])
def test_what_is_newer_is_refused_with_what_to_do(tmp_path: Path, number: object) -> None:
    path = tmp_path / "tally.json"
    path.write_text(json.dumps({"format": number, "rows": 3}))
    with pytest.raises(DocumentError, match=r"the tally, has format .* up to 3\. Install"):
        TALLY.read(path)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_what_is_damaged_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tally.json"
    path.write_text(text)
    with pytest.raises(DocumentError, match=r"tally\.json, the tally, is damaged"):
        TALLY.read(path)


def test_what_is_missing_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TALLY.read(tmp_path / "tally.json")
