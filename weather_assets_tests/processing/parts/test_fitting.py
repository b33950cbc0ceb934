"""Training statistics against numpy, and their sums against Python's whole numbers."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from weather_assets.contract.columns import Column, Kind
from weather_assets.contract.schema import Contract, Label, Split, SplitMethod
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.processing.parts import fitting
from weather_assets.processing.parts.fitting import (
    FeatureSums,
    decimal_places,
    fit,
    sample_share,
    sampled_rows,
    sums_of,
)

CONTRACT = Contract(
    name="fitted",
    title="",
    columns=(
        Column("pressure", "air_pressure", "Pa", minimum=50_000, maximum=109_000),
        Column("humidity", "specific_humidity", "kg kg-1", minimum=0, maximum=0.05),
        Column("steady", "air_temperature", "degC", minimum=-90, maximum=60),
        Column("never", "air_temperature", "degC", minimum=-90, maximum=60),
        Column("sky", "sky", kind=Kind.CATEGORY, categories=("clear", "grey", "black")),
    ),
    label=Label("Rain", positive=("rain",), negative=("no rain",)),
    split=Split(SplitMethod.HASH),
)
ROWS = 40_000
"""More than are summed at once."""


@pytest.fixture(scope="module")
def training() -> pa.Table:
    index = np.arange(ROWS)
    levels = pd.Series(["clear", "grey", None])
    return pa.Table.from_pandas(
        pd.DataFrame(
            {
                "pressure": np.where(index % 7 == 0, np.nan, 101325.7 + 800 * np.sin(index)),
                "humidity": 0.004 + 0.003 * np.cos(index * index),
                "steady": 21.3,
                "never": np.full(ROWS, np.nan),
                "sky": levels.take(index % 3).to_numpy(),
                "row_hash": np.random.default_rng(1).integers(-(2**63), 2**63, ROWS),
            }
        ),
        preserve_index=False,
    )


def fitted(parts: list[pa.Table], share: float) -> TrainingStatistics:
    sums = [sums_of(part, CONTRACT) for part in parts]
    whole = [sum(of_parts, FeatureSums()) for of_parts in zip(*sums, strict=True)]
    samples = [sampled_rows(part, CONTRACT, share) for part in parts]
    return fit(whole, samples, CONTRACT, sum(map(len, parts)), 17)


def test_agrees_with_numpy(training: pa.Table) -> None:
    table = training.to_pandas()

    statistics = fitted([training], 1.0)

    assert (statistics.training_rows, statistics.training_positive) == (ROWS, 17)
    assert [feature.name for feature in statistics.features] == list(CONTRACT.header[:-1])
    pressure, humidity, steady, never, sky = statistics.features
    for feature in (pressure, humidity):
        values = table[feature.name].dropna().to_numpy()
        assert (feature.count, feature.missing) == (len(values), ROWS - len(values))
        assert feature.mean == pytest.approx(values.mean(), rel=1e-12)
        assert feature.standard_deviation == pytest.approx(values.std(), rel=1e-9)
        assert (feature.minimum, feature.maximum) == (values.min(), values.max())
        expected = np.quantile(values, np.arange(33) / 32)
        np.testing.assert_allclose(feature.quantiles, expected, rtol=1e-14)
    assert (steady.mean, steady.standard_deviation) == (21.3, 0.0)
    assert set(steady.quantiles) == {21.3}
    assert (never.count, never.missing, never.mean) == (0, ROWS, None)
    assert sky.level_counts == {
        "clear": (table.sky == "clear").sum(),
        "grey": (table.sky == "grey").sum(),
        "black": 0,
    }
    assert sky.count + sky.missing == ROWS


def test_sums_are_exact(training: pa.Table) -> None:
    feature = CONTRACT.features[0]
    values = training["pressure"].drop_null().to_pylist()
    scaled = [Fraction(round(value * 10.0 ** decimal_places(feature))) for value in values]

    found = sums_of(training, CONTRACT)[0]

    assert (found.total, found.squares) == (sum(scaled), sum(each * each for each in scaled))
    cold = pa.table({"steady": [-89.9, -0.1], "row_hash": [1, 2]})
    cold = cold.append_column("sky", pa.array(["grey", None]))
    for name in ("pressure", "humidity", "never"):
        cold = cold.append_column(name, pa.array([None, None], pa.float64()))
    found = sums_of(cold, CONTRACT)[2]
    assert (found.total, found.squares) == (-90 * 10**12, (899**2 + 1) * 10**22)


def test_bytes_depend_on_the_rows_alone(
    training: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = training.take(np.random.default_rng(2).permutation(ROWS))
    ways = [[training], [turned], [turned.slice(0, 10), turned.slice(10, 30_000), turned[30_010:]]]
    whole = {fitted(parts, 1.0).to_json() for parts in ways}
    assert len(whole) == 1

    # A sample of half of the rows, as for data sets that are large.
    monkeypatch.setattr(fitting, "QUANTILE_SAMPLE_ROWS", ROWS // 2)
    assert sample_share(ROWS) == 0.5
    halves = {fitted(parts, share).to_json() for parts in ways for share in (0.5, 0.7, 1.0)}

    assert len(halves) == 1
    # The sample shows: quantiles of all rows reach the extremes.
    half = TrainingStatistics.from_json(halves.pop()).features[0]
    full = TrainingStatistics.from_json(whole.pop()).features[0]
    assert (half.maximum, half.mean) == (full.maximum, full.mean)
    assert half.quantiles != full.quantiles
    # Five standard errors of a rank among 17,000.
    ranks = np.searchsorted(np.sort(training["pressure"].drop_null().to_numpy()), half.quantiles)
    assert np.abs(ranks / (ROWS * 6 / 7) - np.arange(33) / 32).max() < 5 * math.sqrt(0.25 / 17_000)


def test_no_training_row_is_no_crash(training: pa.Table) -> None:
    statistics = fitted([training[:0]], 1.0)

    assert statistics.training_rows == 0
    assert [feature.count for feature in statistics.features] == [0] * 5
