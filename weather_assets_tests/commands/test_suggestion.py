"""`contract suggest` on files that no built-in contract knows, up to rows that are kept."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from pyspark.sql import SparkSession

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.raw_snapshot import take_snapshot
from weather_assets.cli import main
from weather_assets.commands.suggestion import read_sample
from weather_assets.contract.columns import ContractError
from weather_assets.contract.loading import builtin_contracts, load_contract, recognise_header
from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.files.raw_file import RawFile, read_header
from weather_assets.workflows.preparation import prepare_weather
from weather_assets_tests.suggestion.made_files import (
    amounts,
    flags,
    hours,
    renamed,
    text_of,
    uniform,
)
from weather_assets_tests.synthetic import write_five_column


def suggest(path: Path, output: Path | None = None) -> Result:
    arguments = ["contract", "suggest", str(path)]
    return CliRunner().invoke(main, [*arguments, *(["--output", str(output)] if output else [])])


def builtin(name: str) -> Contract:
    return next(contract for contract in builtin_contracts() if contract.name == name)


SAMPLES: dict[str, tuple[str, dict[str, str]]] = {
    "nyc_hourly": (
        "nyc-hourly-2013.csv.gz",
        {
            "airport": "origin",
            "yr": "year",
            "mo": "month",
            "dy": "day",
            "hr": "hour",
            "Temperature": "temp",
            "DewPoint": "dewp",
            "RH": "humid",
            "WindDirection": "wind_dir",
            "WindSpeed": "wind_speed",
            "PeakGust": "wind_gust",
            "Precipitation": "precip",
            "SLP": "pressure",
            "Visibility": "visib",
            "observed_utc": "time_hour",
        },
    ),
    "seattle_daily": (
        "seattle-daily.csv.gz",
        {
            "Day": "date",
            "Rainfall": "precipitation",
            "Tmax": "temp_max",
            "Tmin": "temp_min",
            "Wind": "wind",
            "Sky": "weather",
        },
    ),
    "five_column_hourly": (
        "greensboro-hourly.csv.gz",
        {
            "valid": "Timestamp",
            "t_air": "Temperature",
            "rh": "Humidity",
            "wspd": "Wind_Speed",
            "tcc": "Cloud_Cover",
            "station_pressure": "Pressure",
            "wet": "Rain",
        },
    ),
    "five_column": (
        "",
        {
            "AirTemp": "Temperature",
            "Rel.Humidity": "Humidity",
            "Wind": "Wind_Speed",
            "Clouds": "Cloud_Cover",
            "Barometer": "Pressure",
            "Weather": "Rain",
        },
    ),
}


@pytest.mark.parametrize("name", list(SAMPLES))
def test_a_file_under_other_names_is_described_as_the_builtin_contract_does(
    name: str, samples: Path, tmp_path: Path
) -> None:
    file, names = SAMPLES[name]
    source = samples / file if file else write_five_column(tmp_path / "five.csv")
    path = renamed(source, tmp_path / "weather.csv", list(names))
    with pytest.raises(ContractError):
        recognise_header(list(names))

    result = suggest(path, tmp_path / "contract.toml")

    assert result.exit_code == 0, result.output
    found, expected = load_contract(tmp_path / "contract.toml"), builtin(name)
    assert recognise_header(read_header(RawFile(str(path), path.name)), found) == found
    assert {names[c.name]: (c.kind, c.unit, c.feature) for c in found.columns} == {
        c.name: (c.kind, c.unit, c.feature) for c in expected.columns
    }
    assert {c.name: c.categories for c in found.columns if c.categories} == {
        next(new for new, old in names.items() if old == c.name): c.categories
        for c in expected.columns
        if c.categories
    }
    label, known = found.label, expected.label
    assert names[label.column] == known.column
    assert (label.positive, label.negative, label.threshold, label.lead) == (
        known.positive,
        known.negative,
        known.threshold,
        known.lead,
    )
    assert found.split.method is expected.split.method
    assert found.missing_markers == expected.missing_markers
    assert found.station == ("airport" if expected.station else None)
    assert [names[column] for column in found.ignored] == list(expected.ignored)
    if expected.timestamp is None:
        assert found.timestamp is None
    else:
        assert found.timestamp is not None
        assert names[found.timestamp.column] == expected.timestamp.column
        assert found.timestamp.features == expected.timestamp.features
        assert found.timestamp.format == "iso8601"


def test_the_proposal_alone_goes_to_standard_output(tmp_path: Path) -> None:
    path = renamed(write_five_column(tmp_path / "a.csv"), tmp_path / "b.csv", [*"THWCP", "y"])
    result = suggest(path)
    assert result.exit_code == 0
    (tmp_path / "contract.toml").write_text(result.stdout, encoding="utf-8")
    assert load_contract(tmp_path / "contract.toml").label.column == "y"
    assert "unsure [columns.T]: unit degC" in result.stderr
    assert "the proposal loads" in result.stderr


def test_what_is_open_is_listed_first_and_named_when_it_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    path.write_text(text_of({"temp": uniform(200, 20, 40)}), encoding="utf-8")
    output = tmp_path / "contract.toml"
    result = suggest(path, output)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["open", "open"]
    assert lines[-1] == f"{output} does not load before what is open is filled in"
    with pytest.raises(ContractError, match=r"\[columns.temp\] needs a unit"):
        load_contract(output)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    output = tmp_path / "contract.toml"
    output.write_text("mine", encoding="utf-8")
    result = suggest(write_five_column(tmp_path / "a.csv", 100), output)
    assert result.exit_code == 1
    assert "exists and is not overwritten" in result.output
    assert output.read_text(encoding="utf-8") == "mine"


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    source = write_five_column(tmp_path / "a.csv", 100)
    result = suggest(source, source / "contract.toml")
    assert result.exit_code == 1
    assert "contract.toml cannot be written" in result.output


def test_a_known_header_needs_no_contract(tmp_path: Path) -> None:
    result = suggest(write_five_column(tmp_path / "a.csv", 200))
    assert "the built-in contract 'five_column' knows this header" in result.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"temp,rain\n", "and no rows"),
        (b"temp,Temp \n1,2\n", "'temp' more than once"),
        (b"<html><body>404</body></html>", "HTML"),
        (b"PK\x03\x04" + b"x" * 50, "zip"),
        (b"a,b\n1\n2\n", "as many cells as the header"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "weather.csv"
    path.write_bytes(content)
    result = suggest(path, tmp_path / "contract.toml")
    assert result.exit_code == 1
    assert words in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "contract.toml").exists()


def test_a_large_file_is_read_in_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weather_assets.commands.suggestion._READ_WHOLE_BYTES", 10_000)
    path = tmp_path / "weather.csv"
    lines = (f"{n},{n % 7}" for n in range(200_000))
    path.write_text("\n".join(["row,x", *lines]) + "\n", encoding="utf-8")
    file = RawFile(str(path), path.name)
    found = read_sample(file, read_header(file))
    rows = [int(cell) for cell in found.columns["row"]]
    assert (found.broken, found.is_whole) == (0, False)
    assert 19_000 < found.rows <= 20_000
    assert min(rows) == 0
    assert max(rows) > 190_000
    # Places at equal distances would all lie in the same part of what repeats.
    assert {row % 10_000 // 2_500 for row in rows} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1,5", "2", "3,"], ["1.5", "2", "3."]),
        (["1,5", "2,75", "1,234.5"], ["1,5", "2,75", "1,234.5"]),  # a thousand: no decimal commas
        (["1,5", "2,75", "0100,1,N"], ["1.5", "2.75", "0100,1,N"]),  # no number at all
    ],
)
def test_decimal_commas_are_told_as_the_pipeline_tells_them(
    tmp_path: Path, cells: list[str], expected: list[str]
) -> None:
    path = tmp_path / "weather.csv"
    path.write_text(text_of({"x": cells, "y": ["rain"] * len(cells)}, ";"), encoding="utf-8")
    file = RawFile(str(path), path.name)
    assert read_sample(file, read_header(file)).columns["x"] == expected


def unknown_file() -> dict[str, Sequence[object]]:
    """Returns columns as a private station may have them: two sites, odd names, some dirt."""
    count = 600
    time = [stamp for stamp in hours(count, 1, "%d.%m.%Y %H:%M") for _ in "ab"]
    humidity = uniform(2 * count, 30, 99, digits=0)
    humidity[17] = 870.0
    return {
        "Zeit": time,
        "site": ["roof", "garden"] * count,
        "T_air (°C)": ["---" if n % 40 == 3 else value for n, value in
                       enumerate(uniform(2 * count, -5, 28, seed=4))],
        "humidity %": humidity,
        "p_hPa": uniform(2 * count, 985, 1030),
        "rain (mm)": amounts(2 * count),
        "battery": uniform(2 * count, 11, 13),
    }  # fmt: skip


def test_an_unknown_file_goes_from_suggestion_to_kept_rows(
    spark: SparkSession, tmp_path: Path
) -> None:
    root = DataRoot.at(tmp_path / "mine")
    root.create()
    with_commas = {
        name: [str(cell).replace(".", ",") if isinstance(cell, float) else cell for cell in cells]
        for name, cells in unknown_file().items()
    }
    text = text_of(with_commas, delimiter=";")
    (root.raw / "weather.csv").write_text(text, encoding="utf-8-sig")

    result = suggest(root.raw / "weather.csv", root.contract_file)
    assert result.exit_code == 0, result.output
    assert "open" not in [line.split()[0] for line in result.output.splitlines()]

    snapshot = take_snapshot(root.raw, root.contract_file)
    snapshot.save(root.snapshot_file)
    prepared = prepare_weather(root, lambda: spark, "1", {"reject_ratio": 0.1}, lambda _: None)
    prepared.publish()
    report = prepared.report
    # Two sites: the last hour has no outcome, and a gap of one hour lies before the test window.
    assert report.counts.rejected_by_reason == {
        Reason.OUT_OF_BOUNDS: 1,
        Reason.OUTCOME_MISSING: 2,
        Reason.SPLIT_GAP: 2,
    }
    rows = pd.read_parquet(root.processed / "weather.parquet")
    assert len(rows) == report.rows_in - 5 == 1_195
    assert set(rows["site"]) == {"roof", "garden"}
    assert rows["T_air (°C)"].isna().sum() == 30
    assert 0.1 < rows["label_encoded"].mean() < 0.3


def test_a_file_of_flags_alone_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    path.write_text(text_of({"rain": flags(50)}), encoding="utf-8")
    result = suggest(path)
    assert result.exit_code == 0
    assert "no column can be a feature" in result.output
