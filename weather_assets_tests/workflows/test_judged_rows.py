"""Rows for a verdict: all of a few, the same sample of many."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from weather_assets.workflows import judged_rows
from weather_assets.workflows.judged_rows import read_judged_rows

ROWS = 4_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "t": np.arange(float(ROWS)),
            "split": random.choice(["train", "validation", "test"], ROWS, p=[0.6, 0.1, 0.3]),
            "row_hash": random.integers(-(2**63), 2**63 - 1, ROWS),
        }
    )
    folder = tmp_path / "weather.parquet"
    folder.mkdir()
    for part in range(4):
        table[part::4].to_parquet(folder / f"{part}.parquet")
    return folder


def test_few_rows_are_read_as_they_are(path: Path) -> None:
    pd.testing.assert_frame_equal(read_judged_rows(path), pd.read_parquet(path))


def test_of_many_rows_those_with_the_lowest_hashes_are_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = {"train": 500, "validation": 1_000, "test": 200}
    monkeypatch.setattr(judged_rows, "JUDGED_ROWS", most)
    whole, read = pd.read_parquet(path), read_judged_rows(path)
    assert read["t"].is_unique
    for split, limit in most.items():
        everything, some = whole[whole["split"] == split], read[read["split"] == split]
        if split == "validation":
            assert len(some) == len(everything)
            continue
        assert 0.8 * limit < len(some) < 1.2 * limit
        hashes = sorted(everything["row_hash"].tolist())
        assert sorted(some["row_hash"].tolist()) == hashes[: len(some)]
    pd.testing.assert_frame_equal(read, read_judged_rows(path))
