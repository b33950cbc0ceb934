"""Files that cannot be read at all are refused with a message that says why and what to do."""

import gzip
import os
from pathlib import Path

import pytest

from weather_assets.processing.files.raw_file import RawFile, RawFileError, read_opening


def raw_file(folder: Path, content: bytes, name: str = "weather.csv") -> RawFile:
    (folder / name).write_bytes(content)
    return RawFile(str(folder / name), name)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["weather.csv", "empty"]),
        (b"\n \n", ["weather.csv", "empty"]),
        (b"\xef\xbb\xbf", ["weather.csv", "empty"]),
        (b"Temperature,Humidity,Rain\n\n", ["weather.csv", "no rows"]),
        (b"PK\x03\x04\xff\xfe\n1\n", ["weather.csv is a zip archive", "extract"]),
        ("Temperature,Humidity,Rain\n1,2,rain".encode("utf-16-le"), ["UTF-16", "save it"]),
        ("Temperature,Humidity,Regen,\xe4\n1,2,r\n".encode("latin-1"), ["line 1", "UTF-8"]),
        (b"<html><body>404</body></html>\n<p>\n", ["HTML", "<html>", "fetch"]),
        (b"\xff" * 70_000, ["line 1", "UTF-8"]),
        (b"x" * 3_000_000, ["line 1", "record_too_long"]),
        (b'"Temperature,Humidity,Rain\n1,2,rain\n', ["line 1", "unterminated_quote"]),
    ],
)
def test_an_unusable_file_is_refused(tmp_path: Path, content: bytes, words: list[str]) -> None:
    with pytest.raises(RawFileError) as raised:
        read_opening(raw_file(tmp_path, content))

    assert all(word in str(raised.value) for word in words), raised.value


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RawFileError, match=r"gone\.csv"):
        read_opening(RawFile(str(tmp_path / "gone.csv"), "gone.csv"))


def test_rows_may_be_absent_where_none_are_needed(tmp_path: Path) -> None:
    file = raw_file(tmp_path, b"Temperature,Humidity\n")

    assert read_opening(file, needs_rows=False).header == ("Temperature", "Humidity")
    with pytest.raises(RawFileError, match="no rows"):
        read_opening(file)


def test_a_file_that_is_no_gzip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RawFileError, match="damaged"):
        read_opening(raw_file(tmp_path, b"Temperature,Humidity,Rain\n", "w.csv.gz"))


def test_gzip_is_read(tmp_path: Path) -> None:
    file = raw_file(tmp_path, gzip.compress(b"Temperature,Humidity,Rain\n1,2,rain\n"), "w.csv.gz")

    assert read_opening(file).header == ("Temperature", "Humidity", "Rain")


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "weather.csv"
    os.mkfifo(pipe)
    with pytest.raises(RawFileError, match="a folder, a pipe or a device"):
        read_opening(RawFile(str(pipe), pipe.name))
