"""Parquet files are read as the CSV files that say the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from weather_assets.contract.schema import Contract
from weather_assets.processing.files import parquet_rows
from weather_assets.processing.files.raw_file import RawFile, RawFileError, read_header
from weather_assets_tests.processing.files.test_blocks import read, rows_of
from weather_assets_tests.processing.weather_files import AHEAD, START, UNTIMED


def table(contract: Contract) -> pd.DataFrame:
    generator = np.random.default_rng(7)
    temperature = np.where(np.arange(30) % 7 == 0, np.nan, generator.uniform(-95, 60, 30))
    if contract is AHEAD:
        columns = {
            "rain": generator.uniform(0, 3, 30).round(1),
            "station": pd.Categorical(["A", "B", "C"] * 10),
            "time": pd.date_range(START, periods=30, freq="h").tz_convert("Asia/Kathmandu"),
            "direction": generator.integers(0, 361, 30),
            "temp": temperature,
        }
    else:
        columns = {
            "Temperature": temperature.astype(np.float32),
            "humidity": generator.integers(-5, 100, 30),
            "Rain": ["rain", "no rain", "Rain, they say", None, " RAIN "] * 6,
            "Comment": [[1]] * 30,
        }
    return pd.DataFrame(columns)


@pytest.mark.parametrize("contract", [AHEAD, UNTIMED], ids=["ahead", "untimed"])
def test_agrees_with_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contract: Contract
) -> None:
    frame = table(contract)
    if "time" in frame:
        as_text = frame.assign(time=frame["time"].map(pd.Timestamp.isoformat))
    else:
        as_text = frame.assign(Comment="")
    frame.to_parquet(tmp_path / "w.parquet")
    as_text.to_csv(tmp_path / "w.csv", index=False)
    monkeypatch.setattr(parquet_rows, "ROWS_PER_BATCH", 7)

    found = read([RawFile(str(tmp_path / "w.parquet"), "w")], contract, tmp_path / "parquet")
    expected = read([RawFile(str(tmp_path / "w.csv"), "w")], contract, tmp_path / "csv")

    assert len(found[0].parts) == 5
    assert found[0].rows == 30
    rows, from_csv = rows_of(found, contract), rows_of(expected, contract)
    if contract is AHEAD:
        # Times are spelled in another way, and so are whole numbers among missing ones.
        rows, from_csv = rows.drop(columns="raw"), from_csv.drop(columns="raw")
    pd.testing.assert_frame_equal(rows, from_csv)


@pytest.mark.parametrize("column", ["time", "date"])
def test_typed_times_need_no_format(tmp_path: Path, column: str) -> None:
    assert AHEAD.timestamp is not None
    contract = replace(AHEAD, timestamp=replace(AHEAD.timestamp, format="%d.%m.%Y"))
    days = pd.date_range("2020-02-01", periods=30, freq="D", tz="UTC")
    frame = table(AHEAD).assign(time=days if column == "time" else [each.date() for each in days])
    frame.to_parquet(tmp_path / "typed.parquet")
    frame.assign(time=days.strftime("%d.%m.%Y")).to_parquet(tmp_path / "text.parquet")
    typed, text = (
        rows_of(read([RawFile(str(tmp_path / name), "w")], contract, tmp_path / name[:4]), AHEAD)
        for name in ("typed.parquet", "text.parquet")
    )
    assert (typed["fault"] == 0).sum() > 10
    pd.testing.assert_frame_equal(typed.drop(columns="raw"), text.drop(columns="raw"))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    def file(name: str) -> RawFile:
        return RawFile(str(tmp_path / name), name)

    frame = table(UNTIMED)
    frame.iloc[:0].to_parquet(tmp_path / "empty.parquet")
    with pytest.raises(RawFileError, match=r"empty\.parquet: columns .* and no rows"):
        read_header(file("empty.parquet"))
    frame.to_parquet(tmp_path / "whole.parquet")
    half = (tmp_path / "whole.parquet").read_bytes()[:-100]
    (tmp_path / "half.parquet").write_bytes(half)
    with pytest.raises(RawFileError, match=r"half\.parquet: .* damaged or was copied in part"):
        read_header(file("half.parquet"))
    frame.assign(Temperature=[[1.0]] * 30).to_parquet(tmp_path / "lists.parquet")
    with pytest.raises(RawFileError, match=r"lists\.parquet: column 'Temperature' holds .*list"):
        read([file("lists.parquet")], UNTIMED, tmp_path / "entries")
