"""The generated file is what it says."""

import io

import pandas as pd
import pytest

from weather_assets.contract.loading import builtin_contracts
from weather_assets_tests.synthetic import COLUMNS, RANGES, five_column_chunks, five_column_text


def test_contract_declares_its_columns_and_allows_its_values() -> None:
    (contract,) = (each for each in builtin_contracts() if each.name == "five_column")
    assert sorted(contract.header) == sorted(COLUMNS)
    for name, (lowest, highest) in zip(COLUMNS[:-1], RANGES, strict=True):
        column = contract.column(name)
        assert column.minimum is not None
        assert column.maximum is not None
        assert column.minimum <= lowest < highest <= column.maximum


def test_it_rains_exactly_where_cool_humid_and_cloudy() -> None:
    frame = pd.read_csv(io.StringIO(five_column_text()))
    assert len(frame) == 2500
    wet = (frame.Temperature < 25) & (frame.Humidity > 70) & (frame.Cloud_Cover > 50)
    assert ((frame.Rain == "rain") == wet).all()
    assert set(frame.Rain) == {"rain", "no rain"}
    # 0.6 * 30/70 * 0.5, give or take three standard errors.
    assert wet.mean() == pytest.approx(0.1286, abs=0.02)


def test_equal_seed_gives_equal_text_and_another_seed_another() -> None:
    assert five_column_text(50, seed=1) == five_column_text(50, seed=1)
    assert five_column_text(50, seed=1) != five_column_text(50, seed=2)


def test_large_file_comes_in_pieces_with_all_its_rows() -> None:
    pieces = list(five_column_chunks(150_000))
    assert len(pieces) == 3
    assert sum(piece.count("\n") for piece in pieces) == 150_001
