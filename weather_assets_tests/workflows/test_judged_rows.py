"""Rows for a verdict: all of a few, the same sample of many."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract, Split, SplitMethod
from weather_assets.workflows import judged_rows
from weather_assets.workflows.judged_rows import read_judged_rows, seen_rows

ROWS = 4_000


def builtin(name: str) -> Contract:
    return next(contract for contract in builtin_contracts() if contract.name == name)


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


@pytest.mark.parametrize(
    ("split", "learned_until", "seen"),
    [
        (Split(), "2020-01-02T00:00:00+00:00", [True, True, False]),
        (Split(), None, [False, False, False]),
        (Split(train=0.8), "2020-01-03T00:00:00+00:00", [True, True, True]),
        (Split(SplitMethod.DAY_OF_MONTH), "2020-01-03T00:00:00+00:00", [True, True, True]),
    ],
)
def test_rows_that_a_model_learned_are_told_from_those_that_are_new_to_it(
    split: Split, learned_until: str | None, seen: list[bool]
) -> None:
    contract = builtin("seattle_daily")
    days = ["2020-01-01", "2020-01-02", "2020-01-03"]
    rows = pd.DataFrame({"date": pd.to_datetime(days, utc=True)})
    assert seen_rows(rows, contract, learned_until, split).tolist() == seen


def test_by_hash_a_row_is_held_out_for_ever_unless_the_shares_are_others() -> None:
    contract = builtin("five_column")
    rows = pd.DataFrame({"split": ["test", "test"]})
    assert not seen_rows(rows, contract, None, contract.split).any()
    assert seen_rows(rows, contract, None, replace(contract.split, train=0.5)).all()
