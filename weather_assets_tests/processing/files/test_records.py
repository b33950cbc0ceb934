"""The CSV reader: nothing is lost, and well-formed files mean what the standard says."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.files.records import MAXIMUM_RECORD_BYTES, Record, read_records

CELL = st.text(alphabet='ab1,"\n\r é', max_size=6)


def records_of(content: bytes) -> list[Record]:
    return list(read_records(io.BytesIO(content)))


@given(
    st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=8), st.sampled_from(["\n", "\r\n"])
)
def test_reads_what_pythons_csv_writes(rows: list[list[str]], line_end: str) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(rows)

    records = records_of(text.getvalue().encode())

    assert [record.cells for record in records] == rows
    assert all(record.problem is None for record in records)


@given(st.lists(st.sampled_from(['"', ",", "\n", "\r\n", "a", " ", "\0", "\xff"]), max_size=40))
@settings(max_examples=300)
def test_every_line_is_in_exactly_one_record_or_blank(pieces: list[str]) -> None:
    content = "".join(pieces).encode("latin-1")
    lines = content.split(b"\n")

    covered: list[int] = []
    for record in records_of(content):
        covered += range(record.line, record.line + record.raw.count("\n") + 1)

    not_blank = [number for number, line in enumerate(lines, 1) if line.strip()]
    assert len(covered) == len(set(covered))
    assert set(not_blank) <= set(covered)


def test_lines_are_physical_lines_and_raw_text_is_exact() -> None:
    records = records_of(b'\xef\xbb\xbfa,b\r\n\r\n"1\r\n2", 3\r\n4,5')

    assert [(record.line, record.raw) for record in records] == [
        (1, "a,b"),
        (3, '"1\r\n2", 3'),
        (5, "4,5"),
    ]
    assert records[1].cells == ["1\r\n2", " 3"]


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (b'1,"2\n3,4\n', [Reason.UNTERMINATED_QUOTE, None]),
        (b'1,"2\n3,4\n5,"6"\n', [Reason.UNTERMINATED_QUOTE, None, None]),
        (b'1,"2\n3,"4\n5,6\n', [Reason.UNTERMINATED_QUOTE, Reason.UNTERMINATED_QUOTE, None]),
        (b'1,2"x"\n3,4\n', [Reason.MALFORMED_QUOTE, None]),
        (b'1,"2"x\n3,4\n', [Reason.MALFORMED_QUOTE, None]),
        (b"1,\xff\n3,4\n", [Reason.INVALID_ENCODING, None]),
        (b"1,\0\n3,4\n", [Reason.NUL_BYTE, None]),
        (b" \n\t\n3,4", [None]),
        (b'""\n', [None]),
    ],
)
def test_a_broken_record_takes_no_other_line_with_it(
    content: bytes, problems: list[Reason | None]
) -> None:
    assert [record.problem for record in records_of(content)] == problems


def test_bad_bytes_are_shown_as_replacement_characters() -> None:
    assert records_of(b"1,\xff\n")[0].raw == "1,\ufffd"


def test_an_endless_line_is_one_bad_record() -> None:
    content = b"a,b\n" + b"x" * (3 * MAXIMUM_RECORD_BYTES) + b"\n1,2\n"

    records = records_of(content)

    assert [record.problem for record in records] == [None, Reason.RECORD_TOO_LONG, None]
    assert [record.line for record in records] == [1, 2, 3]


def test_an_unclosed_quote_is_not_searched_for_without_end() -> None:
    line = b"1," + b"2" * 1024 + b"\n"
    count = MAXIMUM_RECORD_BYTES // 512

    records = records_of(b'a,"b\n' + line * count + b'"\n')

    assert records[0].problem is Reason.UNTERMINATED_QUOTE
    assert records[-1].problem is Reason.UNTERMINATED_QUOTE
    assert len(records) == 2 + count
