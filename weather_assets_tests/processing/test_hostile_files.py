"""Whatever is done to a file, its rows are kept as another reader reads them, or set aside.

The other reader is Python's csv module with float(), which shares no code with the product's.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from weather_assets.contract.loading import builtin_contracts
from weather_assets.processing.files.layouts import Layout, layout_of
from weather_assets.processing.files.raw_file import RawFile, RawFileError, read_opening
from weather_assets.processing.pipeline import process
from weather_assets_tests.conftest import SAMPLES

FIVE = next(contract for contract in builtin_contracts() if contract.name == "five_column")
NUMBERS = FIVE.columns
REAL = [
    [*row[1:]]
    for row in pd.read_csv(SAMPLES / "greensboro-hourly.csv.gz", dtype=str, nrows=1200)
    .to_numpy()
    .tolist()
]
PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
Kept = Counter[tuple[float | str | None, ...]]


@dataclass(frozen=True)
class Way:
    """A way to write a file that can be told from it."""

    delimiter: str = ","
    decimal: str = "."
    quotes_all: bool = False
    line_end: str = "\n"
    encoding: str = "utf-8"


WAYS = st.builds(
    Way,
    delimiter=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    quotes_all=st.booleans(),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
).filter(lambda way: way.decimal == "." or way.delimiter != "," or way.quotes_all)

DIRT = st.sampled_from(
    [
        *["", " ", "NULL", "nan", "inf", "-", "-9999", "1e400", "0x1F", "1_0", "12 C", "30%", "x"],
        *["=1+1", "<b>", "\x1b[0m", "\uff12", "1.2.3", "--1", "+5", "5e1", "Rain", "RAIN ", "yes"],
        *["\0", "a\nb", "1|2", "1;2", "1,2", "1\t2"],
    ]
)
MUTATIONS = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 5), DIRT), max_size=8)
FILES = st.lists(st.tuples(WAYS, MUTATIONS, st.integers(0, 1100)), min_size=8, max_size=8)


def rows_of(start: int, way: Way) -> list[list[str]]:
    rows = [list(row) for row in REAL[start : start + 30]]
    return [[*(cell.replace(".", way.decimal) for cell in row[:5]), row[5]] for row in rows]


def written(rows: list[list[str]], way: Way) -> bytes:
    """Returns the bytes of a file; only a file with all cells quoted escapes what is in them."""
    text = io.StringIO()
    if way.quotes_all:
        csv.writer(
            text, delimiter=way.delimiter, quoting=csv.QUOTE_ALL, lineterminator=way.line_end
        ).writerows(rows)
    else:
        text.write("".join(way.delimiter.join(row) + way.line_end for row in rows))
    return text.getvalue().encode(way.encoding)


def as_another_reader_reads(content: bytes, way: Way) -> Iterator[tuple[float | str | None, ...]]:
    """Yields the valid rows of a file."""
    text = content.decode(way.encoding)
    for cells in csv.reader(io.StringIO(text, newline=""), delimiter=way.delimiter):
        if len(cells) != len(FIVE.header) or "\0" in "".join(cells):
            continue
        *numbers, label = (cell.strip() for cell in cells)
        values: list[float | None] = []
        for cell, column in zip(numbers, NUMBERS, strict=True):
            number = cell.translate(str.maketrans(",.", ".,")) if way.decimal == "," else cell
            value = float(number) if PLAIN_NUMBER.fullmatch(number) else None
            low, high = column.minimum or 0.0, column.maximum or 0.0
            if cell and (value is None or not low <= value <= high):
                break
            values.append(value)
        else:
            label = " ".join(label.split()).casefold()
            if label in ("rain", "no rain") and any(value is not None for value in values):
                yield (*values, label)


@given(FILES)
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_kept_rows_are_those_of_another_reader(
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
    files: list[tuple[Way, list[tuple[int, int, str]], int]],
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    expected, doubtful = Kept(), Kept()
    layouts: list[Layout] = []
    for number, (way, mutations, start) in enumerate(files):
        rows = rows_of(start, way)
        for row, column, dirt in mutations:
            rows[row][column] = dirt
        content = written([list(FIVE.header), *rows], way)
        file = RawFile(str(folder / f"{number}.csv"), f"{number}.csv")
        Path(file.path).write_bytes(content)
        try:
            layout = layout_of(read_opening(file), FIVE)
        except RawFileError:
            continue
        layouts.append(layout)
        dialect = layout.dialect
        is_told = (dialect.delimiter, dialect.decimal_mark) == (way.delimiter, way.decimal)
        found = Kept(as_another_reader_reads(content, way))
        doubtful += found
        if is_told and (way.line_end == "\r") == (dialect.line_end == "\r"):
            expected += found
    if not layouts:
        return

    report = process(lambda: spark, layouts, FIVE, folder / "v1")

    kept = pd.read_parquet(folder / "v1" / "weather.parquet")[list(FIVE.header)]
    rejected = pd.read_parquet(folder / "v1" / "rejected.parquet")
    found = Kept(
        tuple(None if value != value else value for value in row)  # noqa: PLR0124  NaN
        for row in kept.to_numpy().tolist()
    )
    assert report.rows_in == len(kept) + len(rejected)
    assert not expected - found  # what could be read was kept
    assert not found - doubtful  # and nothing else: no value was mistaken for another
