"""Prepared rows as arrays."""

import numpy as np
import pyarrow as pa
import pytest

from weather_assets.forecasting.data import TrainingDataError, feature_matrix
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


def test_categories_may_come_as_a_dictionary() -> None:
    table = example_table(5)
    plain = feature_matrix(table, CONTRACT)
    encoded = table.set_column(0, "station", table["station"].dictionary_encode())
    np.testing.assert_array_equal(feature_matrix(encoded, CONTRACT), plain)
