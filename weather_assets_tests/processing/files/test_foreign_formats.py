"""Files of other formats are told by how they begin; CSV text is never taken for one."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.processing.files.foreign_formats import foreign_format


def archive(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as whole:
        for name in names:
            whole.writestr(name, "Temperature,Humidity,Rain\n1,2,rain\n")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (archive("weather.csv"), "zip archive"),
        (archive("[Content_Types].xml", "xl/workbook.xml"), "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
        (b"\x1f\x8b\x08\x00", "*.csv.gz"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"SQLite format 3\0", "SQLite"),
        (b"%PDF-1.7\n", "PDF"),
        (b"weather.csv".ljust(257, b"\0") + b"ustar\x0000", "tar archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html>\n<html>", "HTML"),
        (b"<?xml version='1.0'?>", "XML"),
        (b'[{"Temperature": 20.5}]', "JSON"),
        (b'{"Temperature": 20.5}\n', "JSON"),
    ],
)
def test_other_formats_are_named(head: bytes, word: str) -> None:
    assert word in (foreign_format(head) or "")


@given(st.text(alphabet='abcT ,;|\t"#0123456789-\n', max_size=60))
def test_text_is_no_other_format(text: str) -> None:
    assert foreign_format(text.encode()) is None
