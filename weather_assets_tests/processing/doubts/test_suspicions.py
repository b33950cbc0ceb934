"""What looks wrong with valid rows is said; a clean version causes no word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.processing.doubts import suspicions as suspicions_module
from weather_assets.processing.doubts.suspicions import Suspicions, suspicions_of
from weather_assets.processing.parts.accounting import Counts, ProcessingReport

CONTRACTS = {contract.name: contract for contract in builtin_contracts()}
FIVE, HOURLY = CONTRACTS["five_column"], CONTRACTS["five_column_hourly"]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 400
COUNTS = Counts(COUNT, 0, {}, {}, {}, {}, {})
REPORT = ProcessingReport("", "", (), COUNT, COUNTS, {}, (), {})


def clean_rows() -> pd.DataFrame:
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "Timestamp": [
                datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=h) for h in range(COUNT)
            ],
            "Temperature": random.uniform(-5, 30, COUNT),
            "Humidity": random.integers(20, 101, COUNT).astype(float),
            "Wind_Speed": random.uniform(0, 40, COUNT),
            "Cloud_Cover": random.uniform(0, 100, COUNT),
            "Pressure": random.integers(980, 1030, COUNT).astype(float),
            "label_encoded": np.arange(COUNT) % 3 // 2,
            "row_hash": np.arange(COUNT),
        }
    )


def suspicions(
    folder: Path,
    rows: pd.DataFrame,
    contract: Contract = FIVE,
    report: ProcessingReport = REPORT,
    rows_per_part: int = COUNT,
) -> Suspicions:
    (folder / "weather.parquet").mkdir()
    for first in range(0, len(rows), rows_per_part):
        part = folder / "weather.parquet" / f"{first:05}.parquet"
        rows[first : first + rows_per_part].to_parquet(part, coerce_timestamps="us")
    (folder / "statistics.json").write_text(TrainingStatistics(0, 0, ()).to_json())
    return suspicions_of(folder, report, (), contract, NOW)


@pytest.mark.parametrize("contract", [FIVE, HOURLY])
def test_clean_rows_cause_no_word(tmp_path: Path, contract: Contract) -> None:
    assert suspicions(tmp_path, clean_rows(), contract) == Suspicions()


@pytest.mark.parametrize(
    ("column", "sentinel", "share"),
    [("Pressure", 999.0, 10), ("Wind_Speed", 99.0, 50), ("Humidity", 99.0, 4)],
)
def test_sentinels_within_bounds_are_named(
    tmp_path: Path, column: str, sentinel: float, share: int
) -> None:
    rows = clean_rows()
    rows.loc[np.arange(COUNT) % share == 0, column] = sentinel
    (warning,) = suspicions(tmp_path, rows).warnings
    assert f"{column!r}" in warning
    assert f"exactly {sentinel:g}" in warning


def test_columns_that_say_nothing_are_named(tmp_path: Path) -> None:
    rows = clean_rows()
    rows["Humidity"] = 50.0
    rows["Wind_Speed"] = np.nan
    constant, empty = suspicions(tmp_path, rows).warnings
    assert "'Humidity' is 50 in every row" in constant
    assert "'Wind_Speed' has no value" in empty


def test_repetitions_and_contradictions_are_counted(tmp_path: Path) -> None:
    rows = clean_rows()
    other_label = rows.iloc[:7].copy()
    other_label["row_hash"] += 10_000
    other_label["label_encoded"] = 1 - other_label["label_encoded"]
    parts: list[pd.DataFrame] = [rows, rows.iloc[100:130], other_label]
    repeated, contradicting = suspicions(tmp_path, pd.concat(parts)).warnings
    assert repeated.startswith("30 rows repeat")
    assert contradicting.startswith("14 rows have equal features and labels of both kinds")


def test_with_a_time_repetitions_were_set_aside(tmp_path: Path) -> None:
    counts = replace(COUNTS, rejected=90, rejected_by_reason={"duplicate_row": 90})
    report = replace(REPORT, counts=counts, rows_in=COUNT + 90)
    (warning,) = suspicions(tmp_path, clean_rows(), HOURLY, report).warnings
    assert warning.startswith("90 of 490 rows repeat")


@pytest.mark.parametrize(
    ("year", "words"),
    [(2150, "2 rows are from the future"), (1900, "2 rows lie long before all others, 1900-")],
)
def test_odd_times_are_named(tmp_path: Path, year: int, words: str) -> None:
    rows = clean_rows()
    rows.loc[[5, 9], "Timestamp"] = [time.replace(year=year) for time in rows.Timestamp[[5, 9]]]
    (warning,) = suspicions(tmp_path, rows, HOURLY).warnings
    assert words in warning


@pytest.mark.parametrize(
    ("row", "year", "words"),
    [
        (77, 2150, "at least 1 rows are from the future"),
        (223, 1900, "at least 1 rows lie long before all others, 1900-"),
    ],
)
def test_odd_times_are_named_wherever_they_are_in_many_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: int, year: int, words: str
) -> None:
    monkeypatch.setattr(suspicions_module, "MAXIMUM_ROWS", 200)
    rows = clean_rows()
    rows.loc[row, "Timestamp"] = datetime(year, 5, 1, tzinfo=UTC)
    (warning,) = suspicions(tmp_path, rows, HOURLY, rows_per_part=10).warnings
    assert words in warning


def test_of_many_rows_those_from_end_to_end_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspicions_module, "MAXIMUM_ROWS", 200)
    rows = clean_rows()
    rows.loc[rows.index < 200, "Humidity"] = 50.0  # constant in the first half alone
    assert suspicions(tmp_path, rows, rows_per_part=10) == Suspicions()


def test_leaks_are_warned_of_and_copies_refused(tmp_path: Path) -> None:
    rows = clean_rows()
    rows["Cloud_Cover"] = rows.label_encoded * 100.0
    rows["Pressure"] += rows.label_encoded * 50
    found = suspicions(tmp_path, rows)
    assert [sentence.split()[1] for sentence in found.label_copies] == ["'Cloud_Cover'"]
    assert [sentence.split()[1] for sentence in found.warnings] == ["'Pressure'"]
