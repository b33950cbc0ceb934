"""Raw files to a published version: what is refused leaves nothing behind and breaks nothing."""

from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.raw_headers import explain_files
from weather_assets.adapters.files.raw_snapshot import RawDataError, take_snapshot
from weather_assets.processing.files.raw_file import RawFileError
from weather_assets.processing.parts.accounting import ProcessingReport
from weather_assets.processing.pipeline import process
from weather_assets.workflows.preparation import PreparedWeather, RefusedError, prepare_weather

HEADER = "Temperature,Humidity,Wind_Speed,Cloud_Cover,Pressure,Rain"


def rows(count: int = 300, seed: int = 0) -> list[list[str]]:
    random = Random(seed)
    found: list[list[str]] = []
    for _ in range(count):
        humidity = random.uniform(20, 100)
        label = "rain" if humidity > random.uniform(50, 120) else "no rain"
        found.append(
            [
                f"{random.uniform(-5, 30):.2f}",
                f"{humidity:.2f}",
                f"{random.uniform(0, 40):.2f}",
                f"{random.uniform(0, 100):.2f}",
                f"{random.uniform(980, 1030):.2f}",
                label,
            ]
        )
    return found


def text(table: list[list[str]], header: str = HEADER) -> str:
    return "\n".join([header, *(",".join(row) for row in table)]) + "\n"


class Workplace:
    """A data root and a session; prepares and publishes what is put into `raw/`."""

    def __init__(self, root: DataRoot, spark: SparkSession) -> None:
        self.root = root
        self._spark = spark

    def prepare(self, content: str | bytes, limit: float | None = 0.2) -> PreparedWeather:
        path = self.root.raw / "weather.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        snapshot = take_snapshot(self.root.raw, self.root.contract_file)
        snapshot.save(self.root.snapshot_file)
        return self.prepare_recorded(limit)

    def prepare_recorded(self, limit: float | None = 0.2) -> PreparedWeather:
        limits = {} if limit is None else {"reject_ratio": limit}
        return prepare_weather(self.root, lambda: self._spark, "1", limits, lambda _: None)

    def publish(self, content: str | bytes, limit: float = 0.2) -> PreparedWeather:
        prepared = self.prepare(content, limit)
        prepared.publish()
        return prepared

    @property
    def kept(self) -> int:
        return len(pd.read_parquet(self.root.processed / "weather.parquet"))

    @property
    def folders(self) -> list[str]:
        return sorted(path.name for path in (self.root.processed / "versions").iterdir())


@pytest.fixture(scope="module")
def workplace(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Returns a data root that holds a good version of 300 rows."""
    root = DataRoot.at(tmp_path_factory.mktemp("data"))
    root.create()
    workplace = Workplace(root, spark)
    prepared = workplace.publish(text(rows()))
    assert prepared.report.warnings == ()
    return workplace


def with_cells(column: int, change: str) -> str:
    table = rows()
    for row in table:
        row[column] = change.format(float(row[column])) if column < 5 else change
    return text(table)


def refused_files() -> dict[str, tuple[str, str]]:
    """Returns content, and what the refusal says."""
    table = rows()
    fraction = [[row[0], f"{float(row[1]) / 100:.4f}", *row[2:]] for row in table]
    fahrenheit = [[f"{float(row[0]) * 1.8 + 60:.1f}", *row[1:]] for row in table]
    copied = [[*row[:3], "100" if row[5] == "rain" else "0", *row[4:]] for row in table]
    units = "columns_in_their_units: column "
    return {
        "unknown labels": (
            with_cells(5, "yes"),
            "reject_ratio_within_limit: .*weather.csv line 2, column 'Rain': found 'yes'",
        ),
        "units in cells": (with_cells(1, "{:.0f}%"), "line 2, column 'Humidity': found '.*%'"),
        "fraction": (text(fraction), f"{units}'Humidity'.*fraction"),
        "Fahrenheit": (text(fahrenheit), f"{units}'Temperature'.*degF"),
        "label in other words": (text(copied), "no_feature_is_the_label: feature 'Cloud_Cover'"),
        "one class": (with_cells(5, "rain"), "both_classes_in_every_split: .* of one kind"),
        "few rows": (text(table[:60]), "60 rows are too few"),
    }


@pytest.mark.parametrize("name", list(refused_files()))
def test_a_refused_file_leaves_the_last_good_version(workplace: Workplace, name: str) -> None:
    content, message = refused_files()[name]
    before = workplace.folders

    with pytest.raises(RefusedError, match=f"(?s){message}"):
        workplace.publish(content)

    assert workplace.folders == before
    assert workplace.kept == 300


def test_a_file_that_ends_early_leaves_nothing_behind(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: object) -> None:
        raise RawFileError("weather.csv: damaged")

    monkeypatch.setattr("weather_assets.workflows.preparation.process", break_off)
    before = workplace.folders

    with pytest.raises(RawFileError, match="damaged"):
        workplace.prepare(text(rows(200)))

    assert workplace.folders == before
    assert workplace.kept == 300


def test_a_file_that_changes_while_it_is_read_is_refused(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def process_and_change(*arguments: Any) -> ProcessingReport:
        report = process(*arguments)
        path = workplace.root.raw / "weather.csv"
        path.write_text(path.read_text(encoding="utf-8").replace("rain", "hail"), encoding="utf-8")
        return report

    monkeypatch.setattr("weather_assets.workflows.preparation.process", process_and_change)
    before = workplace.folders

    with pytest.raises(RawDataError, match="has changed"):
        workplace.prepare(text(rows(210, seed=3)))

    assert workplace.folders == before


def test_a_known_version_is_held_against_the_files(workplace: Workplace) -> None:
    workplace.publish(text(rows(220, seed=5)))
    path = workplace.root.raw / "weather.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("rain", "hail"), encoding="utf-8")

    with pytest.raises(RawDataError, match="has changed"):
        workplace.prepare_recorded()

    workplace.publish(text(rows()))


def test_the_current_version_survives_a_stricter_limit(workplace: Workplace) -> None:
    table = rows(310, seed=4)
    for row in table[::10]:
        row[0] = "-"
    workplace.publish(text(table))
    before = workplace.folders

    with pytest.raises(RefusedError, match="31 of 310 rows"):
        workplace.publish(text(table), limit=0.05)

    assert workplace.folders == before
    assert workplace.kept == 279
    workplace.publish(text(rows()))


def test_limits_of_the_contract_decide_and_make_no_other_rows(workplace: Workplace) -> None:
    table = rows(310, seed=6)
    for row in table[::10]:
        row[0] = "-"
    before = workplace.publish(text(table))
    contract = workplace.root.contract_file
    contract.write_text("[limits]\nreject_ratio = 0.05\n", encoding="utf-8")

    with pytest.raises(RefusedError, match=r"31 of 310 rows \(10\.0%\) are faulty, at most 5%"):
        workplace.prepare(text(table), None).publish()
    assert workplace.publish(text(table)).content_version == before.content_version, "overridden"

    contract.write_text("[limits]\nminimum_rows = 280\n", encoding="utf-8")
    with pytest.raises(RefusedError, match=r"279 rows are too few .* at least 280"):
        workplace.prepare(text(table), None).publish()
    contract.unlink()
    workplace.publish(text(rows()))


def test_mended_and_suspicious_files_are_loaded_with_a_word(workplace: Workplace) -> None:
    table = rows(seed=9)
    for row in table[::20]:
        row[4] = "999"
    content = text([*table, *table[:5]]).replace(",", ";").replace(".", ",").replace("\n", "\r\n")

    prepared = workplace.publish(content.encode("utf-16"))

    words = ["UTF-16", "CRLF", "';'", "decimal comma", "exactly 999", "5 rows repeat"]
    assert len(prepared.report.warnings) == len(words)
    for word in words:
        assert any(word in warning for warning in prepared.report.warnings), word
    assert prepared.report.rows_kept == 305
    again = workplace.publish(content.encode("utf-16"))
    assert again.report.warnings == prepared.report.warnings


def test_the_contract_is_found_behind_another_delimiter(tmp_path: Path) -> None:
    (tmp_path / "weather.csv").write_text(text(rows(3)).replace(",", ";"), encoding="utf-8")
    snapshot = take_snapshot(tmp_path, tmp_path / "contract.toml")
    contract, layouts = explain_files(tmp_path, snapshot, tmp_path / "contract.toml")
    assert contract.name == "five_column"
    assert [layout.dialect.delimiter for layout in layouts] == [";"]
