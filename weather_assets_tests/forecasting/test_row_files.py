"""Prepared rows as flat files: the same rows in the same order, however they are sorted."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.forecasting import row_files, row_sorting
from weather_assets.forecasting.data import TrainingDataError
from weather_assets.forecasting.row_files import (
    INDEX_FILE,
    ROW_SETS,
    RowFiles,
    describe_source,
    write_row_files,
)
from weather_assets.forecasting.row_sorting import HashSort, Records, record_type
from weather_assets_tests.forecasting.example_rows import CONTRACT, example_table, rows_of


def write(path: Path, folder: Path, share: float = 1.0) -> RowFiles:
    shares = {"train": share}
    source = describe_source(path, CONTRACT, shares)
    return write_row_files(path, CONTRACT, folder, source=source, shares=shares)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "weather.parquet"
    pq.write_table(example_table(500), path)
    return path


@pytest.fixture
def tiny_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes 500 rows too many for memory: batches of 37 rows, buckets of about 60."""
    monkeypatch.setattr(row_files, "_BATCH_ROWS", 37)
    monkeypatch.setattr(row_sorting, "BUCKET_BYTES", 60 * record_type(4).itemsize)


def assert_equals_memory(files: RowFiles, path: Path) -> None:
    for split in ROW_SETS:
        expected = rows_of(path, split)
        assert files.rows(split) == len(expected)
        found = files.read(split, 0, files.rows(split))
        np.testing.assert_array_equal(found.features_NF, expected.features_NF)
        np.testing.assert_array_equal(found.labels_N, expected.labels_N)


def test_small_files_are_the_rows_in_the_order_of_their_hashes(rows: Path, tmp_path: Path) -> None:
    files = write(rows, tmp_path / "files")
    assert_equals_memory(files, rows)
    part = files.read("train", 5, 9)
    np.testing.assert_array_equal(part.features_NF, rows_of(rows, "train").features_NF[5:9])


@pytest.mark.usefixtures("tiny_buckets")
def test_sorting_outside_memory_gives_the_same_files(rows: Path, tmp_path: Path) -> None:
    files = write(rows, tmp_path / "files")
    assert_equals_memory(files, rows)
    left = {path.name for path in files.folder.iterdir()}
    wanted = {f"{split}.{kind}" for split in ROW_SETS for kind in ("features", "labels")}
    assert left == {*wanted, INDEX_FILE}


@pytest.mark.usefixtures("tiny_buckets")
def test_parts_and_their_order_do_not_matter(tmp_path: Path, rows: Path) -> None:
    table = example_table(500)
    parts = tmp_path / "parts"
    parts.mkdir()
    pq.write_table(table.slice(150), parts / "a.parquet", row_group_size=100)
    pq.write_table(table.slice(0, 150), parts / "b.parquet")
    assert write(parts, tmp_path / "of_parts").sets == write(rows, tmp_path / "whole").sets


def records(hashes: Sequence[int]) -> Records:
    made = np.zeros(len(hashes), record_type(1))
    made["hash"] = hashes
    made["features"][:, 0] = np.arange(len(hashes))
    return made


@settings(max_examples=50, deadline=None)
@given(
    hashes=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2), max_size=300),
    batch=st.integers(1, 100),
    bucket=st.integers(1, 400),
)
def test_an_external_sort_equals_one_in_memory_for_any_hashes(
    tmp_path_factory: pytest.TempPathFactory, hashes: list[int], batch: int, bucket: int
) -> None:
    folder = tmp_path_factory.mktemp("sort") / "buckets"
    whole = records(hashes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_sorting, "BUCKET_BYTES", bucket * whole.itemsize)
        sort = HashSort(folder, 1, len(hashes))
    for start in range(0, len(whole), batch):
        sort.add(whole[start : start + batch])
    found = np.concatenate([records([]), *sort.sorted()])
    sort.close()
    np.testing.assert_array_equal(found, whole[np.argsort(whole["hash"], kind="stable")])
    assert not folder.exists()


def test_no_more_than_a_bucket_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 20_000)
    made = records(hashes.tolist())
    monkeypatch.setattr(row_sorting, "BUCKET_BYTES", 1000 * made.itemsize)
    sort = HashSort(tmp_path / "buckets", 1, len(made))
    for start in range(0, len(made), 500):
        sort.add(made[start : start + 500])
    sizes = [len(part) for part in sort.sorted()]
    assert sum(sizes) == len(made)
    assert max(sizes) < 1000


@pytest.mark.usefixtures("tiny_buckets")
def test_a_share_is_the_rows_with_the_lowest_hashes(rows: Path, tmp_path: Path) -> None:
    files = write(rows, tmp_path / "files", share=0.25)
    training = rows_of(rows, "train")
    kept = files.rows("train")
    assert 0.15 * len(training) < kept < 0.35 * len(training)
    np.testing.assert_array_equal(
        files.read("train", 0, kept).features_NF, training.features_NF[:kept]
    )
    assert files.rows("validation") == len(rows_of(rows, "validation"))


def test_files_are_found_by_their_source_alone(rows: Path, tmp_path: Path) -> None:
    written = write(rows, tmp_path / "files")
    source = describe_source(rows, CONTRACT, {"train": 1.0})
    assert RowFiles.find(tmp_path / "files", source) == written
    assert (
        RowFiles.find(tmp_path / "files", describe_source(rows, CONTRACT, {"train": 0.5})) is None
    )
    pq.write_table(example_table(501), rows)
    assert (
        RowFiles.find(tmp_path / "files", describe_source(rows, CONTRACT, {"train": 1.0})) is None
    )
    assert RowFiles.find(tmp_path / "nothing", source) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"source": "x", "sets": {"train": 3}}'])
def test_an_index_that_says_nothing_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / INDEX_FILE).write_text(content)
    assert RowFiles.find(tmp_path, "x") is None


@pytest.mark.parametrize("name", ["train.features", "validation.labels"])
@pytest.mark.parametrize("damage", ["changed", "shorter", "missing"])
def test_damage_is_noticed(rows: Path, tmp_path: Path, name: str, damage: str) -> None:
    files = write(rows, tmp_path / "files")
    assert files.undamaged()
    path = files.folder / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content if damage == "changed" else content[:-1])
    assert not files.undamaged()


def test_what_a_killed_writer_left_is_overwritten(rows: Path, tmp_path: Path) -> None:
    partial = tmp_path / "files.partial"
    partial.mkdir()
    (partial / "train.features").write_bytes(b"half")
    assert_equals_memory(write(rows, tmp_path / "files"), rows)
    assert not partial.exists()


def test_a_split_of_one_class_is_refused(tmp_path: Path) -> None:
    table = example_table(30).drop_columns(["label_encoded"])
    path = tmp_path / "rows.parquet"
    pq.write_table(table.append_column("label_encoded", pa.array([0] * 30)), path)
    with pytest.raises(TrainingDataError, match="both outcomes"):
        write(path, tmp_path / "files")
    assert not (tmp_path / "files").exists()


def test_rows_of_another_contract_are_refused_by_the_missing_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(example_table(30).drop_columns(["humidity", "row_hash"]), path)
    with pytest.raises(TrainingDataError, match=r"\['humidity', 'row_hash'\].*prepare them again"):
        write(path, tmp_path / "files")


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_text(json.dumps({"not": "parquet"}))
    with pytest.raises(TrainingDataError, match="not readable as prepared rows"):
        write(path, tmp_path / "files")
