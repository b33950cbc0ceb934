"""The linear model's inputs, by hand."""

import numpy as np
import pytest

from weather_assets.contract.columns import Feature, Kind
from weather_assets.verification.design_matrix import DesignMatrix
from weather_assets_tests.verification.made_rows import FEATURES, learnable_rows

GAP = np.nan


def test_columns_by_hand() -> None:
    train = np.array([[1.0, 0.0, 0.0], [GAP, 90.0, 1.0], [2.0, 180.0, GAP], [9.0, GAP, 0.0]])
    design = DesignMatrix.fit(train, FEATURES)
    # Temperature: median 2, so 1, 2, 2, 9 with mean 3.5 and variance (6.25 + 2 * 2.25 + 30.25) / 4.
    deviation = np.sqrt((6.25 + 2.25 + 2.25 + 30.25) / 4)
    expected = [
        # t, t missing, sin, cos, direction missing, north, south, station missing
        [(1 - 3.5) / deviation, 0, 0, 1, 0, 1, 0, 0],
        [(2 - 3.5) / deviation, 1, 1, 0, 0, 0, 1, 0],
        [(2 - 3.5) / deviation, 0, 0, -1, 0, 0, 0, 1],
        [(9 - 3.5) / deviation, 0, 0, 0, 1, 1, 0, 0],
    ]
    assert design.transform(train) == pytest.approx(np.array(expected), abs=1e-12)


def test_training_columns_are_standardised() -> None:
    features = learnable_rows(500, seed=1).features_NF
    temperature = DesignMatrix.fit(features, FEATURES).transform(features)[:, 0]
    assert temperature.mean() == pytest.approx(0.0, abs=1e-9)
    assert temperature.std() == pytest.approx(1.0)


def test_both_ends_of_the_circle_are_one_point() -> None:
    design = DesignMatrix.fit(np.array([[1.0, 0.0, 0.0]]), FEATURES)
    ends = design.transform(np.array([[1.0, 0.0, 0.0], [1.0, 360.0, 0.0]]))
    assert ends[0] == pytest.approx(ends[1], abs=1e-12)


@pytest.mark.parametrize("value", [5.0, GAP])
def test_constant_and_empty_columns_give_finite_numbers(value: float) -> None:
    only = (Feature("t", Kind.NUMERIC, "degC", -90.0, 60.0),)
    design = DesignMatrix.fit(np.full((3, 1), value), only)
    assert np.isfinite(design.transform(np.array([[value], [7.0], [GAP]]))).all()


def test_gaps_that_training_rows_did_not_have_are_imputed() -> None:
    design = DesignMatrix.fit(np.array([[1.0, 0.0, 0.0], [3.0, 0.0, 0.0]]), FEATURES)
    row = design.transform(np.array([[GAP, GAP, GAP]]))
    assert row.tolist() == [[0.0, 0.0, 0.0, 0.0, 0.0]]
