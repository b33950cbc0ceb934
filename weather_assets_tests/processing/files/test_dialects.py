"""The way a file is written is told where it is beyond doubt, and left alone where it is not."""

import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.contract.cells import with_decimal_point
from weather_assets.processing.files.dialects import (
    HEAD_BYTES,
    Dialect,
    as_utf8_lines,
    dialect_of,
    lacks_byte_order_mark,
    with_decimal_points,
)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"a,b\n1,2\n", Dialect()),
        (b"", Dialect()),
        (b"a;b\n1;2\n", Dialect(delimiter=";")),
        (b"\n\n a\tb\n", Dialect(delimiter="\t")),
        (b"a|b\r\n1|2", Dialect(delimiter="|", line_end="\r\n")),
        (b'a;"b, c"\n', Dialect(delimiter=";")),
        (b"a;b,c\n", Dialect()),  # in doubt: the comma stands
        (b"a;b|c\n", Dialect()),
        (b'"a;b"\n', Dialect()),
        (b"a,b\r1,2\r", Dialect(line_end="\r")),
        (b"a,b\r1,2\n", Dialect()),
        (b"\xef\xbb\xbfa,b\n", Dialect(has_byte_order_mark=True)),
        ("\ufeffa;b\r\n".encode("utf-16-le"), Dialect("utf-16-le", True, ";", "\r\n")),
        ("\ufeffa,b\n".encode("utf-16-be"), Dialect("utf-16-be", True)),
        ("\ufeffa,b\n".encode("utf-32-le"), Dialect("utf-32-le", True)),
    ],
)
def test_dialects_are_told_from_the_beginning(head: bytes, expected: Dialect) -> None:
    assert dialect_of(head) == expected


def test_a_plain_file_is_not_remarked_upon() -> None:
    assert Dialect().remarks() == ()


@pytest.mark.parametrize(
    ("dialect", "word"),
    [
        (Dialect("utf-16-le", True), "UTF-16"),
        (Dialect(has_byte_order_mark=True), "byte order mark"),
        (Dialect(line_end="\r\n"), "CRLF"),
        (Dialect(line_end="\r"), "CR alone"),
        (Dialect(delimiter="\t"), "tabs"),
        (Dialect(delimiter="|"), "'|'"),
        (Dialect(decimal_mark=","), "decimal comma"),
    ],
)
def test_whatever_is_mended_is_said(dialect: Dialect, word: str) -> None:
    (remark,) = dialect.remarks()
    assert word in remark


@given(st.lists(st.none() | st.text("0123456789,.+-e ", max_size=8)))
def test_a_column_gets_decimal_points_as_a_cell_does(cells: list[str | None]) -> None:
    expected = [None if cell is None else with_decimal_point(cell) for cell in cells]
    assert with_decimal_points(pa.array(cells, pa.string())).to_pylist() == expected


@given(
    st.text(alphabet="aé,\n 1€", max_size=50), st.sampled_from(["utf-16", "utf-32", "utf-8-sig"])
)
def test_marked_encodings_become_utf_8(text: str, encoding: str) -> None:
    content = f"head\n{text}".encode(encoding)
    stream = as_utf8_lines(io.BytesIO(content), dialect_of(content))
    assert stream.read().decode("utf-8-sig") == f"head\n{text}"


def test_long_files_are_recoded_block_by_block() -> None:
    text = "a,b\r" + "1,2\r" * HEAD_BYTES
    stream = as_utf8_lines(io.BytesIO(text.encode()), Dialect(line_end="\r"))
    assert stream.read().decode() == text.replace("\r", "\n")


def test_bytes_that_are_no_text_stay_as_they_are() -> None:
    content = b"a,b\r1,\xff\r"
    assert as_utf8_lines(io.BytesIO(content), dialect_of(content)).read() == b"a,b\n1,\xff\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_noticed(encoding: str) -> None:
    assert lacks_byte_order_mark("Temperature,Humidity\n1,2\n".encode(encoding))
    assert not lacks_byte_order_mark(b"Temperature,Humidity\n1,2\n")
    assert not lacks_byte_order_mark(b"Temperature" + b"\0" * 400)
    assert not lacks_byte_order_mark(b"")
