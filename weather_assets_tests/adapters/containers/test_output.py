"""Bytes of a container become the lines that a process's pipe would give."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.adapters.containers.output import LineSplitter
from weather_assets.adapters.ranks.protocol import LONGEST_LINE


def lines_of(*chunks: bytes) -> list[str]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.end()


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"on", b"e\n", b"\n"], ["one", ""]),
        ([b"12 %\r34 %\r\nend"], ["12 %", "34 %", "end"]),
        ([b"a\r", b"\nb"], ["a", "b"]),
        ([b"\xc3", b"\xa9\n"], ["é"]),
        ([b"\xff\n"], ["�"]),
        ([b"\xc3"], ["�"]),
        ([], []),
    ],
)
def test_lines_end_where_a_pipe_ends_them(chunks: list[bytes], lines: list[str]) -> None:
    assert lines_of(*chunks) == lines


@given(st.text(alphabet="ab\né\r", max_size=40), st.data())
def test_where_the_bytes_are_cut_does_not_matter(text: str, data: st.DataObject) -> None:
    whole = text.encode()
    cut = data.draw(st.integers(0, len(whole)))
    assert lines_of(whole[:cut], whole[cut:]) == lines_of(whole)


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    splitter = LineSplitter()
    pieces = [piece for _ in range(10) for piece in splitter.feed(b"x" * LONGEST_LINE)]
    assert [len(piece) for piece in pieces] == [LONGEST_LINE] * 10
    assert splitter.end() == []
    assert [len(line) for line in lines_of(b"x" * (LONGEST_LINE + 5) + b"\ny\n")] == [
        LONGEST_LINE,
        5,
        1,
    ]


GUARDED = "import sys; sys.stdout.buffer.write(b'a\\r\\nb\\rc\\xffd'); sys.stdout.flush()"


def test_a_pipe_in_text_mode_agrees() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GUARDED],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=True,
        timeout=60,
    )
    assert done.stdout.split("\n") == lines_of(b"a\r\nb\rc\xffd")
