"""Small files that would become large: refused in words, without the memory that they ask for."""

import contextlib
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from weather_assets.processing.files.parquet_pages import ParquetDamageError, extent_of
from weather_assets_tests.processing.weather_files import UNTIMED

ROWS = 20_000
ALLOWED_MEBIBYTES = 400
READER = """
import json, resource, sys
from pathlib import Path
from weather_assets.processing.files import expansion
from weather_assets.processing.files.blocks import stream_batches
from weather_assets.processing.files.layouts import layout_of
from weather_assets.processing.files.raw_file import RawFile, RawFileError, read_opening
from weather_assets.processing.files.parquet_pages import ParquetDamageError, extent_of
from weather_assets_tests.processing.weather_files import UNTIMED

expansion.ALLOWED_BYTES = int(sys.argv[1])
unit = 1 if sys.platform == "darwin" else 1024
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
before = peak()
for path in sys.argv[2:]:
    rows, problem = 0, None
    try:
        layout = layout_of(read_opening(RawFile(path, Path(path).name)), UNTIMED)
        for batches in stream_batches(layout, UNTIMED):
            rows += sum(len(batch.lines) for batch in batches)
    except RawFileError as error:
        problem = str(error)
    print(json.dumps({"rows": rows, "problem": problem, "mebibytes": peak() - before}))
"""
"""In a process of its own, whose memory it measures, and which a reader may end."""


def read_all(paths: Sequence[Path], allowed_bytes: int = 1 << 30) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-c", READER, str(allowed_bytes), *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found[-1]["mebibytes"] < ALLOWED_MEBIBYTES
    return found


def read(path: Path) -> dict[str, object]:
    return read_all([path])[0]


def weather(comment: pa.Array | None = None, rows: int = ROWS) -> pa.Table:
    columns = {
        "Temperature": pa.array(np.full(rows, 20.0)),
        "Humidity": pa.array(np.full(rows, 50)),
        "Rain": pa.array(["rain", "no rain"] * (rows // 2)),
    }
    assert [name.lower() for name in columns] == [name.lower() for name in UNTIMED.header]
    return pa.table(columns if comment is None else {**columns, "Comment": comment})


def one_text(length: int) -> pa.Array:
    """One text in every row, held once."""
    return pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(ROWS, np.int32)), pa.array(["x" * length])
    )


def texts_without_arrow_s_own_note(path: Path, length: int) -> None:
    """So that a reader makes of them what the format says, and not what Arrow had."""
    pq.write_table(weather(one_text(length)), path, store_schema=False, compression="zstd")


def large_pages(path: Path) -> None:
    # Pages are looked at every thousand rows.
    table = weather(pa.array(["x" * 150_000] * 1_000), rows=1_000)
    pq.write_table(table, path, use_dictionary=False, data_page_size=1 << 30, compression="zstd")


def long_fixed_values(path: Path) -> None:
    fixed = pa.array([b"x" * 10_000] * ROWS, pa.binary(10_000))
    pq.write_table(weather(fixed), path, store_schema=False, compression="zstd")


def columns_in_columns(path: Path) -> None:
    comment = pa.array([[["x" * 10_000]]] * ROWS)
    pq.write_table(weather(comment), path, compression="zstd", row_group_size=1_000)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: texts_without_arrow_s_own_note(path, 1_000_000), "bytes hold more than"),
        (lambda path: texts_without_arrow_s_own_note(path, 2**20 + 1), "column 'Comment' holds a"),
        (lambda path: texts_without_arrow_s_own_note(path, 2**20), "bytes of text; at most"),
        (large_pages, "Write smaller pages"),
    ],
    ids=["dictionary of a megabyte", "a cell above 1 MiB", "a row above 1 MiB", "large pages"],
)
def test_parquet_that_would_take_gigabytes_is_refused(
    tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "bomb.parquet"
    make(path)
    assert path.stat().st_size < 200_000
    found = read(path)
    assert words in str(found["problem"])
    assert str(found["problem"]).startswith("bomb.parquet")


@pytest.mark.parametrize("make", [long_fixed_values, columns_in_columns])
def test_columns_that_nobody_reads_are_not_decoded(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "bomb.parquet"
    make(path)
    found = read(path)
    assert (found["rows"], found["problem"]) == (ROWS, None)


def test_long_texts_of_a_few_rows_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    texts = pa.array([f"{number:06d}" + "x" * 100_000 for number in range(400)])
    pq.write_table(weather(texts, rows=400), path)
    found = read(path)
    assert (found["rows"], found["problem"]) == (400, None)


# Thrift's compact protocol, as far as a footer takes it.


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def _whole(number: int) -> bytes:
    return _varint(number << 1)


def _struct(*fields: tuple[int, int, bytes]) -> bytes:
    found, last = b"", 0
    for number, kind, content in fields:
        found += bytes([number - last << 4 | kind]) + content
        last = number
    return found + b"\0"


def _element(name: bytes, children: int | None) -> bytes:
    own = [(4, 8, _varint(len(name)) + name)]
    if children is not None:
        return _struct(*own, (5, 5, _whole(children)))
    return _struct((1, 5, _whole(1)), (3, 5, _whole(1)), *own)


def _list(items: Sequence[bytes], count: int | None = None) -> bytes:
    return b"\xfc" + _varint(len(items) if count is None else count) + b"".join(items)


def _write_footer(path: Path, *fields: tuple[int, int, bytes]) -> None:
    footer = _struct((1, 5, _whole(1)), *fields)
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")


FLAT = [_element(b"schema", 1), _element(b"Rain", None)]
DEEP = [_element(b"s", 1)] * 9_000 + [_element(b"Rain", None)]


FALSE: list[tuple[list[tuple[int, int, bytes]], str]] = [
    ([(2, 9, _list(DEEP)), (3, 6, _whole(1))], "columns in columns, more than 32 deep"),
    ([(2, 9, _list(FLAT * 20_000)), (3, 6, _whole(1))], "40000 columns; at most 10000"),
    ([(2, 9, _list(FLAT, 2**31 - 1))], "has a footer"),
    ([(2, 9, _list(FLAT)), (3, 6, b"\xff" * 20)], "a number of more than 64 bits"),
    ([(2, 9, _list(FLAT)), (9, 12, b"\x1c" * 100)], "12 deep in each other"),
    ([(2, 14, b"")], "unknown kind 14"),
    ([(3, 6, _whole(1))], "has no schema"),
]


def test_parquet_whose_footer_cannot_be_is_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.parquet" for number in range(len(FALSE))]
    for path, (fields, _) in zip(paths, FALSE, strict=True):
        _write_footer(path, *fields)
    for found, (_, words) in zip(read_all(paths), FALSE, strict=True):
        assert words in str(found["problem"])


def test_counts_that_do_not_agree_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    _write_footer(path, (2, 9, _list(FLAT)), (3, 6, _whole(2**62)))
    with pytest.raises(ParquetDamageError, match="says 4611686018427387904 rows"):
        extent_of(path)
    whole = tmp_path / "whole.parquet"
    pq.write_table(weather(rows=200), whole, compression="none")
    assert extent_of(whole).rows == 200
    # 200, as Thrift writes it, in footers and in the headers of pages.
    content = whole.read_bytes()
    places = [at for at in range(len(content) - 1) if content[at : at + 2] == _whole(200)]
    assert len(places) > 6
    for place in places:
        path.write_bytes(content[:place] + _whole(201) + content[place + 2 :])
        with contextlib.suppress(ParquetDamageError):
            assert extent_of(path).rows == 200  # another count than that of rows


def test_any_byte_of_a_parquet_file_may_be_false(tmp_path: Path) -> None:
    """It is read, or refused in words; nothing breaks off, and nothing takes much memory."""
    whole = tmp_path / "whole.parquet"
    pq.write_table(weather(rows=100), whole, compression="none")
    content, generator = whole.read_bytes(), np.random.default_rng(7)
    paths = [tmp_path / f"{number}.parquet" for number in range(300)]
    for path in paths:
        changed = bytearray(content)
        for place in generator.integers(4, len(content), 2):
            changed[place] = generator.integers(256)
        path.write_bytes(changed)
    assert len(read_all(paths)) == len(paths)


def test_a_gzip_bomb_is_refused_before_it_is_gone_through(tmp_path: Path) -> None:
    lines = ("20,50,rain\n", "x" * 1_000_000 + "\n", "\n", "x", '"')
    paths = [tmp_path / f"{number}.csv.gz" for number in range(len(lines))]
    for path, line in zip(paths, lines, strict=True):
        member = gzip.compress((line * (2**20 // len(line))).encode())
        path.write_bytes(gzip.compress(b"Temperature,Humidity,Rain\n20,50,rain\n") + member * 100)
    for found in read_all(paths, allowed_bytes=1 << 20):
        assert "hold more than" in str(found["problem"])
