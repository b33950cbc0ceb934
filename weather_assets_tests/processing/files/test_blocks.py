"""Wherever a file is cut, and whoever reads it, the same rows come out."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from weather_assets.contract.schema import Contract
from weather_assets.processing.files import blocks
from weather_assets.processing.files.raw_file import RawFile, RawFileError
from weather_assets.processing.parts.file_entries import FileEntry, entries_of
from weather_assets.processing.parts.tasks import SMALL_BYTES
from weather_assets.processing.parts.timed_parts import TimedPaths
from weather_assets_tests.large_file import FAULTS, write_large_file
from weather_assets_tests.processing.test_hostile_files import FIVE
from weather_assets_tests.processing.weather_files import (
    AHEAD,
    UNTIMED,
    ahead_rows,
    header_of,
    layouts,
    untimed_rows,
)

LARGE = 2**25


def no_spark() -> SparkSession:
    raise AssertionError("small files need no session")


def read(
    files: Sequence[RawFile],
    contract: Contract,
    folder: Path,
    spark: Callable[[], SparkSession] = no_spark,
    small_bytes: int = SMALL_BYTES,
) -> list[FileEntry]:
    found = entries_of(
        spark, layouts(files, contract), contract, lambda name: folder / name, small_bytes
    )
    return list(found.values())


def rows_of(entries: Sequence[FileEntry], contract: Contract) -> pd.DataFrame:
    """Returns all rows in the order of the files."""
    if contract is AHEAD:
        parts = [
            TimedPaths.of(entry.folder, part.name).rows for entry in entries for part in entry.timed
        ]
        rows = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
        return rows.sort_values(["line", "raw"], ignore_index=True)
    kinds = ("weather", "rejected")
    parts = [getattr(paths, kind) for kind in kinds for entry in entries for paths in entry.paths()]
    rows = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
    return rows.sort_values(list(rows.columns), ignore_index=True)


def messy(contract: Contract, seed: int) -> bytes:
    """Returns a file with quoted cells that span lines, open quotes, blank and ragged lines."""
    random = Random(seed)
    rows = ahead_rows(20, seed) if contract is AHEAD else untimed_rows(40, seed)
    dirt = ['"a\nb\nc",', '"', '""', "\n", "\r", '"20",', "\n\n", "é", '"\n', '\n"x\n\n\ny",1\n']
    for _ in range(random.randrange(1, 9)):
        at = random.randrange(len(rows))
        cut = random.randrange(len(rows[at]) + 1)
        rows[at] = rows[at][:cut] + random.choice(dirt) + rows[at][cut:]
    return "\n".join([header_of(contract), "1", *rows]).encode()


@given(st.integers(0, 10_000), st.integers(40, 400), st.sampled_from([AHEAD, UNTIMED]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_cut_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    size: int,
    contract: Contract,
) -> None:
    folder = tmp_path_factory.mktemp("blocks")
    path = folder / "w.csv"
    path.write_bytes(messy(contract, seed))
    files = [RawFile(str(path), path.name)]
    monkeypatch.setattr(blocks, "BLOCK_BYTES", LARGE)
    whole = read(files, contract, folder / "whole")
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    cut = read(files, contract, folder / "cut")

    assert len(cut[0].parts) > 1
    assert cut[0].rows == whole[0].rows
    assert cut[0].summary == whole[0].summary
    pd.testing.assert_frame_equal(rows_of(cut, contract), rows_of(whole, contract))


@pytest.mark.parametrize("contract", [AHEAD, UNTIMED], ids=["ahead", "untimed"])
def test_compressed_and_recoded_files_are_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contract: Contract
) -> None:
    text = messy(contract, 3)
    for name, content in {
        "a/w.csv": text,
        "b/w.csv.gz": gzip.compress(text),
        "c/w.csv": text.decode().encode("utf-16"),
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(content)
    found: list[pd.DataFrame] = []
    for size in (LARGE, 200):
        monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
        for path in (tmp_path / "a/w.csv", tmp_path / "b/w.csv.gz", tmp_path / "c/w.csv"):
            entries = read(
                [RawFile(str(path), "w.csv")], contract, tmp_path / f"{path.parent.name}{size}"
            )
            found.append(rows_of(entries, contract))

    for others in found[1:]:
        pd.testing.assert_frame_equal(found[0], others)


@pytest.mark.parametrize("contract", [AHEAD, UNTIMED], ids=["ahead", "untimed"])
def test_spark_tasks_give_what_this_process_gives(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contract: Contract
) -> None:
    files: list[RawFile] = []
    for number in range(3):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(messy(contract, number))
        files.append(RawFile(str(path), path.name))
    here = read(files, contract, tmp_path / "here")
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 300)
    there = read(files, contract, tmp_path / "there", lambda: spark, small_bytes=0)

    assert [entry.rows for entry in there] == [entry.rows for entry in here]
    pd.testing.assert_frame_equal(rows_of(there, contract), rows_of(here, contract))
    assert not list(tmp_path.glob("there/*/.attempt*"))


def test_a_damaged_file_is_refused_in_a_task_as_well(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "w.csv.gz"
    text = "\n".join([header_of(UNTIMED), *untimed_rows(5000)]).encode()
    path.write_bytes(gzip.compress(text)[:-2000])
    file = RawFile(str(path), path.name)

    with pytest.raises(RawFileError, match=r"^w\.csv\.gz: the compressed file is damaged"):
        read([file], UNTIMED, tmp_path / "entries", lambda: spark, small_bytes=0)


def test_a_block_inside_a_quoted_cell_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Block boundaries fall on lines that look like rows, and are the inside of one cell.
    inside = "\n".join(untimed_rows(30))
    path = tmp_path / "w.csv"
    path.write_text(f'{header_of(UNTIMED)}\n20,50,rain\n"{inside}",50,rain\n21,50,rain\n')
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 100)

    (entry,) = read([RawFile(str(path), path.name)], UNTIMED, tmp_path / "entries")

    assert entry.rows == 3
    assert entry.summary.rejected == {"not_a_number": 1}
    rejected = pd.concat([pd.read_parquet(paths.rejected) for paths in entry.paths()])
    assert rejected["line"].tolist() == [3]
    assert rejected["raw"].tolist() == [f'"{inside}",50,rain']


def test_what_is_there_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_bytes(messy(UNTIMED, 1))
    file = RawFile(str(path), path.name)
    first = read([file], UNTIMED, tmp_path / "entries")
    known = layouts([file], UNTIMED)
    path.unlink()

    again = entries_of(no_spark, known, UNTIMED, lambda name: tmp_path / "entries" / name)
    assert list(again.values()) == first


def test_a_large_file_is_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.csv"
    truth = write_large_file(path, 30_000, faults=FAULTS, fault_every=7)
    assert truth.rows == 30_000
    assert len(truth.rejected) == len(FAULTS)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2**19)

    (entry,) = read([RawFile(str(path), path.name)], FIVE, tmp_path / "entries")

    kept = pd.concat([pd.read_parquet(paths.weather) for paths in entry.paths()])
    assert entry.rows == truth.rows
    assert entry.summary.rejected == truth.rejected
    assert (len(kept), kept["label_encoded"].sum()) == (truth.kept, truth.events)
    quantities = kept[[column.name for column in FIVE.columns]].to_numpy()
    assert tuple(quantities.min(axis=0)) == truth.lowest
    assert tuple(quantities.max(axis=0)) == truth.highest
    assert tuple(quantities.mean(axis=0)) == pytest.approx(truth.means, rel=1e-12)
