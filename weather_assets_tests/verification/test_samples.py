"""Reading the processed table into arrays."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from weather_assets.contract.columns import Column, Kind, Timestamp
from weather_assets.contract.schema import Contract, Label, Split, SplitMethod
from weather_assets.verification.samples import (
    MAXIMUM_ROW_BLOCKS,
    BlockKind,
    Forecast,
    VerificationError,
    read_samples,
)

HOURLY = Contract(
    name="hourly",
    title="Two stations, hourly",
    columns=(
        Column("place", "platform_name", kind=Kind.CATEGORY, categories=("N", "S"), required=True),
        Column("t", "air_temperature", "degC", minimum=-90.0, maximum=60.0),
        Column("rain", "precipitation_amount", "mm", minimum=0.0, maximum=400.0, feature=False),
    ),
    label=Label("rain", threshold=0.0, lead=timedelta(hours=1)),
    timestamp=Timestamp("when", features=("hour_of_day",)),
    station="place",
)
TIMELESS = Contract(
    name="timeless",
    title="No time",
    columns=(Column("t", "air_temperature", "degC", minimum=-90.0, maximum=60.0),),
    label=Label("rain", positive=("yes",), negative=("no",)),
    split=Split(SplitMethod.HASH),
)


def hourly_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "when": pd.to_datetime(
                [
                    "2013-01-31T23:00Z",
                    "2013-02-01T00:00Z",
                    "2013-02-01T23:59Z",
                    "2013-02-02T00:00Z",
                ],
                format="ISO8601",
                utc=True,
            ),
            "place": ["N", "S", "N", "S"],
            "t": [1.0, None, 3.0, 4.0],
            "rain": [0.0, 0.1, 0.0, 0.0],
            "hour_of_day": [23.0, 0.0, 23.983, 0.0],
            "label_encoded": [1, 0, 0, 1],
            "split": ["train", "validation", "test", "test"],
            "persistence": [0.0, 1.0, None, 0.0],
            "row_hash": [11, 12, 13, 14],
        }
    )


def timeless_table(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "t": np.arange(float(count)),
            "label_encoded": np.arange(count) % 2,
            "split": "test",
            "row_hash": np.arange(count) * 7919 - 10_000,
        }
    )


def test_rows_by_hand() -> None:
    samples = read_samples(hourly_table(), HOURLY)
    assert (len(samples.train), len(samples.validation), len(samples.test)) == (1, 1, 2)
    # Features in contract order: place, t, hour_of_day; rain is the label's column alone.
    assert samples.train.features_NF.tolist() == [[0.0, 1.0, 23.0]]
    assert np.isnan(samples.validation.features_NF[0, 1])
    assert samples.test.observed_N.tolist() == [0.0, 1.0]
    assert samples.test.station_N.tolist() == [0, 1]
    assert samples.train.month_N.tolist() == [1]
    assert samples.test.month_N.tolist() == [2, 2]
    assert np.isnan(samples.test.persistence_N[0])
    assert samples.test.persistence_N[1] == 0.0


def test_blocks_are_utc_days_over_all_stations() -> None:
    samples = read_samples(hourly_table(), HOURLY)
    assert samples.test.block_kind is BlockKind.UTC_DAY
    first, second = samples.test.block_N
    assert samples.validation.block_N.tolist() == [first]
    assert second == first + 1
    assert samples.train.block_N.tolist() == [first - 1]


def test_times_without_zone_are_utc() -> None:
    table = hourly_table()
    aware = read_samples(table, HOURLY)
    table["when"] = table["when"].dt.tz_localize(None)
    naive = read_samples(table, HOURLY)
    assert naive.test.block_N.tolist() == aware.test.block_N.tolist()


def test_without_time_a_row_is_a_block_and_equal_rows_are_one() -> None:
    table = timeless_table(5)
    table.loc[4, "row_hash"] = table.loc[3, "row_hash"]
    rows = read_samples(table, TIMELESS).test
    assert rows.block_kind is BlockKind.ROW
    assert len(np.unique(rows.block_N)) == 4
    assert rows.month_N.tolist() == [0] * 5
    assert rows.station_N.tolist() == [-1] * 5


def test_many_rows_without_time_are_grouped() -> None:
    rows = read_samples(timeless_table(3 * MAXIMUM_ROW_BLOCKS), TIMELESS).test
    assert len(np.unique(rows.block_N)) == MAXIMUM_ROW_BLOCKS


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("split", "gap", "'gap'"),
        ("label_encoded", 2, "label_encoded"),
        ("place", "W", "'W'"),
    ],
)
def test_values_outside_the_contract_are_refused(
    column: str, value: object, complaint: str
) -> None:
    table = hourly_table()
    table.loc[2, column] = value
    with pytest.raises(VerificationError, match=complaint):
        read_samples(table, HOURLY)


@pytest.mark.parametrize("column", ["t", "hour_of_day", "split", "persistence", "when", "row_hash"])
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(VerificationError, match=column):
        read_samples(hourly_table().drop(columns=column), HOURLY)


def test_a_forecast_says_what_is_wrong_with_it() -> None:
    samples = read_samples(hourly_table(), HOURLY)
    assert Forecast(np.array([0.0]), np.array([1.0, 0.5])).problem(samples) is None
    problem = Forecast(np.array([0.0]), np.array([0.5, np.nan])).problem(samples)
    assert problem is not None
    assert "1 of 2 test probabilities" in problem
    assert "row 1" in problem
    problem = Forecast(np.array([0.1, 0.2]), np.array([0.5, 0.5])).problem(samples)
    assert problem is not None
    assert "shape (2,)" in problem
