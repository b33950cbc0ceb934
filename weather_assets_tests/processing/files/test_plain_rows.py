"""The fast reader gives what the careful one gives, or leaves it to it."""

import io
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weather_assets.contract.schema import Contract
from weather_assets.processing.files.careful_rows import row_batches
from weather_assets.processing.files.layouts import Layout, layout_of
from weather_assets.processing.files.plain_rows import plain_rows
from weather_assets.processing.files.raw_file import read_opening
from weather_assets.processing.files.records import MAXIMUM_RECORD_BYTES, RecordReader
from weather_assets_tests.processing.weather_files import (
    AHEAD,
    UNTIMED,
    ValidatedRow,
    ahead_rows,
    header_of,
    rows_of,
    untimed_rows,
    write_csv,
)

CONTRACTS = {"ahead": AHEAD, "untimed": UNTIMED, "quoted": AHEAD, "commas": UNTIMED}
"""By the way in which a file is written: plainly, all cells in quotes, with decimal commas."""
PIECES = st.sampled_from(
    [
        *['"', ",", "\n", "\r\n", "\r", "\0", "x", " ", "", "\n\n", "\n \n", "\t", "e9", "\u00a0"],
        *["nan", "inf", "-inf", "1e999", "1e-999", "+", "-", "12 C", "-0.0", " NA ", "NA", "NA.0"],
        *['""', '"a\nb"', "Rain", "RAIN ", "no  rain", "\u2003", "\x1c", "\u0661", "é", "1_0"],
        *["0x1F", "1d", ".", "5.", ".5", "\ufeff", "T", "Z", "+02:00", "2020-02-30", ",,,,", ";"],
    ]
)
MUTATIONS = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 2), PIECES), max_size=6)


@pytest.fixture(scope="module")
def layouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Layout]:
    folder = tmp_path_factory.mktemp("layouts")
    found = {name: layout(folder, contract) for name, contract in CONTRACTS.items()}
    rows = [written(row, "commas") for row in (header_of(UNTIMED), *untimed_rows(9))]
    found["commas"] = layout_of(read_opening(write_csv(folder, "commas.csv", rows)), UNTIMED)
    assert (found["commas"].dialect.delimiter, found["commas"].dialect.decimal_mark) == (";", ",")
    return found


def layout(folder: Path, contract: Contract, delimiter: str = ",") -> Layout:
    rows = ahead_rows(1) if contract is AHEAD else untimed_rows(2)
    lines = [line.replace(",", delimiter) for line in (header_of(contract), *rows)]
    return layout_of(read_opening(write_csv(folder, f"{contract.name}.csv", lines)), contract)


def written(row: str, way: str) -> str:
    """Returns a line in one of the ways of `CONTRACTS`."""
    if way == "quoted":
        return ",".join(f'"{cell}"' for cell in row.split(","))
    return row.replace(",", ";").replace(".", ",") if way == "commas" else row


def carefully(text: bytes, layout: Layout, contract: Contract) -> list[ValidatedRow]:
    reader = RecordReader(io.BytesIO(text), layout.dialect.delimiter, at_start=False)
    return rows_of(row_batches(reader.records(), layout, contract, 7), contract)


def fast(text: bytes, layout: Layout, contract: Contract) -> list[ValidatedRow] | None:
    batch = plain_rows(text, layout, contract, 7)
    if batch is None:
        return None
    rows = rows_of([batch], contract)
    everything = np.arange(len(rows))
    assert batch.texts.at(everything) == [row.raw for row in rows]
    return rows


@pytest.mark.parametrize("name", CONTRACTS)
@given(seed=st.integers(0, 99), mutations=MUTATIONS, ends=st.sampled_from(["\n", "\r\n"]))
@example(seed=0, mutations=[(0, 2, "1e999")], ends="\n")
@example(seed=0, mutations=[(0, 0, ",")], ends="\r\n")
@settings(max_examples=150, deadline=None)
def test_both_ways_agree_on_damaged_text(
    layouts: dict[str, Layout],
    name: str,
    seed: int,
    mutations: list[tuple[int, int, str]],
    ends: str,
) -> None:
    contract = CONTRACTS[name]
    rows = ahead_rows(5, seed) if contract is AHEAD else untimed_rows(10, seed)
    text = "".join(written(row, name) + ends for row in rows)
    for position, length, piece in mutations:
        at = position % (len(text) + 1)
        text = text[:at] + piece + text[at + length :]

    found = fast(text.encode(), layouts[name], contract)

    if found is not None:
        assert found == carefully(text.encode(), layouts[name], contract)


@pytest.mark.parametrize("name", CONTRACTS)
@pytest.mark.parametrize("cell", ["12 C", "x", "-99", "", "NA", " NA", "+1", "1e999", "a,b", "é"])
def test_bad_cells_keep_a_text_on_the_fast_way(
    layouts: dict[str, Layout], name: str, cell: str
) -> None:
    contract = CONTRACTS[name]
    rows = (ahead_rows(50) if contract is AHEAD else untimed_rows(100))[:90]
    for at in range(0, 90, 9):
        cells = rows[at].split(",")
        cells[at // 9 % len(cells)] = cell
        rows[at] = ",".join(cells)
    rows += [header_of(contract), "a\tb" if contract is AHEAD else "1"]
    text = "\n".join(written(row, name) for row in rows).encode()  # the last line has no end

    found = fast(text, layouts[name], contract)

    assert found is not None
    assert found == carefully(text, layouts[name], contract)


@pytest.mark.parametrize(
    "text",
    [
        b'"2""0",50,rain\n',
        b'"20" ,50,rain\n',
        b' "20",50,rain\n',
        b'2"0",50,rain\n',
        b'"20,50,rain\n',
        b'"20",50,"ra\nin"\n',
        b'20,50,rain"\n"20,50,rain\n',
        b"20,50,ra\0in\n",
        b"20,50,rain\xff\n",
        b"20,50,rain\r20,50,rain\n\n",
        b"20,50,rain\n\n20,50,rain\n",
        b"20,50,rain\n   \n20,50,rain\n",
        b"20,50,rain\n" + b"x" * (MAXIMUM_RECORD_BYTES + 1) + b"\n20,50,rain\n",
    ],
)
def test_other_text_is_left_to_the_careful_way(layouts: dict[str, Layout], text: bytes) -> None:
    assert fast(text, layouts["untimed"], UNTIMED) is None


def test_lines_of_tabs_are_blank(tmp_path: Path) -> None:
    tabs = layout(tmp_path, UNTIMED, "\t")
    assert tabs.dialect.delimiter == "\t"
    assert fast(b"20\t50\train\n\t\t\n", tabs, UNTIMED) is None
    assert fast(b"20\t50\train\n\t50\train\n", tabs, UNTIMED) is not None


def test_a_marker_in_another_spelling_is_a_number(tmp_path: Path) -> None:
    description = UNTIMED.to_dict() | {"missing_markers": ["-9"]}
    contract = Contract.from_dict(description)
    text = b"-9,50,rain\n -9,50,rain\n-9.0,50,rain\n-8,50,rain\n"
    found = fast(text, layout(tmp_path, contract), contract)
    assert found is not None
    assert [row.values[0] for row in found] == [None, None, -9.0, -8.0]


def test_a_header_that_could_be_a_row_is_no_shortcut(tmp_path: Path) -> None:
    description = UNTIMED.to_dict()
    for column, name in zip(description["columns"], ("1", "2"), strict=True):
        column["name"] = name
    description["label"]["column"] = "rain"
    contract = Contract.from_dict(description)
    with_header = layout(tmp_path, contract)
    assert fast(b"20,50,rain\n", with_header, contract) is None
    (row,) = carefully(b"1,2,rain\n", with_header, contract)
    assert row.fault == (None, "repeated_header")


def test_every_number_is_read_to_the_last_bit(layouts: dict[str, Layout]) -> None:
    random = Random(5)
    numbers = [repr(random.uniform(-90, 60) * 10.0 ** -random.randrange(20)) for _ in range(5000)]
    text = "".join(f"{number},50,rain\n" for number in numbers).encode()
    found = fast(text, layouts["untimed"], UNTIMED)
    assert found is not None
    assert [row.values[0] for row in found] == [float(number) for number in numbers]
