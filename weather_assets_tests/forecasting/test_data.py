"""Rows as tensors, and who visits which of them when."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.forecasting.data import (
    EpochOrder,
    TrainingDataError,
    feature_matrix,
    read_split,
    shards_of_rank,
    validation_share,
)
from weather_assets_tests.forecasting.example_rows import CONTRACT, example_table


def test_a_feature_matrix_has_raw_units_codes_and_gaps() -> None:
    table = pa.table(
        {
            "humidity": pa.array([50, None], pa.int64()),
            "station": ["LGA", None],
            "direction": [90.0, 0.0],
            "temperature": [1.5, -2.0],
        }
    )
    expected = [[2.0, 1.5, 90.0, 50.0], [np.nan, -2.0, 0.0, np.nan]]
    np.testing.assert_array_equal(feature_matrix(table, CONTRACT), expected)


def test_an_undeclared_category_is_refused_by_name() -> None:
    table = example_table(3).set_column(0, "station", pa.array(["EWR", "ORD", "JFK"]))
    with pytest.raises(TrainingDataError, match="ORD"):
        feature_matrix(table, CONTRACT)


def test_a_missing_column_is_refused_by_name() -> None:
    with pytest.raises(TrainingDataError, match="humidity"):
        feature_matrix(example_table(3).drop_columns(["humidity"]), CONTRACT)


def test_parts_and_their_order_do_not_matter(tmp_path: Path) -> None:
    table = example_table(200)
    (tmp_path / "parts").mkdir()
    pq.write_table(table, tmp_path / "whole.parquet")
    pq.write_table(table.slice(150), tmp_path / "parts" / "a.parquet")
    pq.write_table(table.slice(0, 150), tmp_path / "parts" / "b.parquet")
    whole = read_split(tmp_path / "whole.parquet", CONTRACT, "train")
    parts = read_split(tmp_path / "parts", CONTRACT, "train")
    np.testing.assert_array_equal(whole.features_NF, parts.features_NF)
    np.testing.assert_array_equal(whole.labels_N, parts.labels_N)


def test_a_split_of_one_class_is_refused(tmp_path: Path) -> None:
    table = (
        example_table(30)
        .drop_columns(["label_encoded"])
        .append_column("label_encoded", pa.array([0] * 30))
    )
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(TrainingDataError, match="both outcomes"):
        read_split(tmp_path / "rows.parquet", CONTRACT, "train")


def test_more_ranks_than_shards_are_refused() -> None:
    with pytest.raises(TrainingDataError, match="logical_shards"):
        shards_of_rank(100, 2, 0, 3)


@settings(max_examples=60, deadline=None)
@given(
    row_count=st.integers(1, 400),
    rows_per_step=st.integers(1, 120),
    world_size=st.integers(1, 8),
    epoch=st.integers(0, 3),
)
def test_an_epoch_visits_every_row_once_in_steps_that_ignore_the_number_of_ranks(
    row_count: int, rows_per_step: int, world_size: int, epoch: int
) -> None:
    sizes = EpochOrder(
        row_count, rows_per_step, shards=8, rank=0, world_size=1, seed=5
    ).step_sizes()

    def steps(ranks: int) -> list[set[int]]:
        """Returns the rows of each step, over all ranks, by their position among all rows."""
        found: list[set[int]] = []
        for rank in range(ranks):
            own = [row for rows in shards_of_rank(row_count, 8, rank, ranks) for row in rows]
            order = EpochOrder(
                row_count, rows_per_step, shards=8, rank=rank, world_size=ranks, seed=5
            )
            batches = order.batches(epoch)
            found = found or [set() for _ in batches]
            for step, batch in enumerate(batches):
                rows = {own[position] for position in batch.tolist()}
                assert len(rows) == len(batch)
                assert not rows & found[step]
                found[step] |= rows
        assert [len(step) for step in found] == sizes
        return found

    together = steps(world_size)
    assert together == steps(1)
    assert sorted(row for step in together for row in step) == list(range(row_count))


def test_epochs_differ() -> None:
    order = EpochOrder(100, 10, shards=8, rank=0, world_size=1, seed=5)
    assert order.batches(0)[0].tolist() != order.batches(1)[0].tolist()


@given(st.integers(1, 5), st.integers(5, 40))
@settings(max_examples=20, deadline=None)
def test_validation_rows_are_divided_without_padding(world_size: int, rows: int) -> None:
    from weather_assets.forecasting.data import LabelledRows

    whole = LabelledRows(np.arange(rows, dtype=float)[:, None], np.zeros(rows))
    shares = [validation_share(whole, rank, world_size) for rank in range(world_size)]
    found = np.concatenate([share.features_NF[:, 0] for share in shares])
    assert sorted(found.tolist()) == list(range(rows))
