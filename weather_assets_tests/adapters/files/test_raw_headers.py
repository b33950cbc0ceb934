"""One contract explains all raw files, or it is said which file it does not fit."""

import gzip
from pathlib import Path

import pytest

from weather_assets.adapters.files.raw_headers import evaluate_headers, explain_files
from weather_assets.adapters.files.raw_snapshot import RawDataError, take_snapshot
from weather_assets.contract.columns import ContractError
from weather_assets.contract.schema import Contract
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.files.raw_file import RawFileError

FIVE = "Temperature,Humidity,Wind_Speed,Cloud_Cover,Pressure,Rain\n20,50,3,10,1000,no rain\n"


def put(raw: Path, name: str, text: str = FIVE) -> Path:
    path = raw / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def explained(raw: Path) -> tuple[Contract, tuple[Layout, ...]]:
    nowhere = raw / "contract.toml"
    return explain_files(raw, take_snapshot(raw, nowhere), nowhere)


def test_every_file_must_fit_the_same_contract(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv")
    with gzip.open(tmp_path / "more.csv.gz", "wt", encoding="utf-8") as stream:
        stream.write(FIVE)
    assert explained(tmp_path)[0].name == "five_column"
    put(tmp_path, "other.csv", "date,precipitation,temp_max,temp_min,wind,weather\n1,1,1,1,1,sun\n")
    with pytest.raises(ContractError, match="different contracts"):
        explained(tmp_path)
    put(tmp_path, "other.csv", "date,nothing\n1,1\n")
    with pytest.raises(ContractError, match=r"other\.csv: no contract fits"):
        explained(tmp_path)
    nowhere = tmp_path / "contract.toml"
    gate = evaluate_headers(tmp_path, take_snapshot(tmp_path, nowhere), nowhere)
    assert not gate.passed
    assert "other.csv: no contract fits" in gate.sentence


def test_columns_are_known_in_the_order_of_the_names(tmp_path: Path) -> None:
    put(tmp_path, "a/weather.csv", FIVE.replace(",", ";"))
    put(tmp_path, "a-b.csv")
    layouts = explained(tmp_path)[1]
    assert [layout.file.name for layout in layouts] == ["a-b.csv", "a/weather.csv"]
    assert [layout.dialect.delimiter for layout in layouts] == [",", ";"]


def test_an_empty_file_has_no_header(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv", "")
    nowhere = tmp_path / "contract.toml"
    with pytest.raises(RawFileError, match="empty"):
        explained(tmp_path)
    assert not evaluate_headers(tmp_path, take_snapshot(tmp_path, nowhere), nowhere).passed


def test_a_file_that_is_gone_or_longer_is_named_as_such(tmp_path: Path) -> None:
    path = put(tmp_path, "weather.csv")
    nowhere = tmp_path / "contract.toml"
    snapshot = take_snapshot(tmp_path, nowhere)
    path.write_text("anything\n", encoding="utf-8")
    with pytest.raises(RawDataError, match="has changed since raw_weather recorded it"):
        explain_files(tmp_path, snapshot, nowhere)
    path.unlink()
    with pytest.raises(RawDataError, match="is gone"):
        explain_files(tmp_path, snapshot, nowhere)
