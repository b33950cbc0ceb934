"""Files that come, change and go: the result is the one from scratch, and old files rest."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import read_manifest
from weather_assets.adapters.files.raw_snapshot import RawDataError, take_snapshot
from weather_assets.processing.comparing import windows
from weather_assets.workflows.preparation import PreparedWeather, RefusedError, prepare_weather
from weather_assets_tests.workflows.test_preparation import rows, text

TIMED = (
    'name = "t"\ntitle = "t"\n[timestamp]\ncolumn = "time"\n[label]\ncolumn = "rain"\n'
    'threshold = 0.0\nlead = "1h"\n[columns.rain]\nquantity = "precipitation_amount"\nunit = "mm"\n'
    "minimum = 0\nmaximum = 100\n[columns.temp]\n"
    'quantity = "air_temperature"\nunit = "degC"\nminimum = -90\nmaximum = 60\n'
)
HOURS = pd.date_range("2020-01-01", periods=900, freq="h").strftime("%Y-%m-%dT%H:%M:%SZ").tolist()


def timed(first: int, last: int, *, warmer: float = 0.0) -> str:
    """Returns a file of some hours; equal hours have equal rows unless it is warmer."""
    lines = [
        f"{HOURS[hour]},{hour * 7 % 5 // 3 * 1.5},{hour * 31 % 200 / 10 + warmer:.1f}"
        for hour in range(first, last)
    ]
    return "\n".join(["time,rain,temp", *lines]) + "\n"


class Place:
    """A data root to put files into."""

    def __init__(self, path: Path, contract: str = "") -> None:
        self.root = DataRoot.at(path).create()
        self.steps: list[str] = []
        if contract:
            self.root.contract_file.write_text(contract, encoding="utf-8")

    def put(self, files: Mapping[str, str]) -> PreparedWeather:
        """Makes these the raw files, leaving those alone that are there already, and publishes."""
        for path in self.root.raw.glob("*.csv"):
            if path.name not in files:
                path.unlink()
        for name, content in files.items():
            path = self.root.raw / name
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                path.write_text(content, encoding="utf-8")
        take_snapshot(self.root.raw, self.root.contract_file, self.root.hashes_file).save(
            self.root.snapshot_file
        )
        self.steps.clear()
        prepared = prepare_weather(self.root, no_spark, "1", {}, self.steps.append)
        prepared.publish()
        return prepared

    @property
    def results(self) -> set[str]:
        """Names of what is kept for other versions."""
        return {path.name for path in (self.root.processed / "files").iterdir()}

    def content(self) -> tuple[pd.DataFrame, pd.DataFrame, str, str]:
        """Returns everything that was published."""
        current = self.root.processed / "current"
        kept = pd.read_parquet(self.root.processed / "weather.parquet")
        rejected = pd.read_parquet(self.root.processed / "rejected.parquet")
        return (
            kept.sort_values([*kept.columns], ignore_index=True),
            rejected.sort_values(["file", "line"], ignore_index=True),
            (current / "statistics.json").read_text(encoding="utf-8"),
            read_manifest(current)["content_version"],
        )


def no_spark() -> SparkSession:
    raise AssertionError("few rows need no session")


def same(first: Place, second: Place) -> None:
    """Asserts that two places hold the same."""
    (kept, rejected, *rest), (kept_2, rejected_2, *rest_2) = first.content(), second.content()
    pd.testing.assert_frame_equal(kept, kept_2)
    pd.testing.assert_frame_equal(rejected, rejected_2)
    assert rest == rest_2


def untimed_files() -> dict[str, str]:
    bad = rows(150, seed=2)
    for row in bad[::10]:
        row[0] = "12 C"
    return {"a.csv": text(rows(200, seed=1)), "b.csv": text(bad), "c.csv": text(rows(90, seed=3))}


def timed_files() -> dict[str, str]:
    return {
        "a.csv": timed(0, 300),
        "b.csv": timed(280, 620),  # overlaps with the first, and with the last
        "c.csv": timed(600, 900),
        "late.csv": timed(150, 155, warmer=1.0),  # late, and contradicts the first
    }


CASES = {"untimed": (untimed_files, ""), "timed": (timed_files, TIMED)}


@pytest.mark.parametrize("case", CASES)
def test_any_order_of_arrival_gives_the_result_from_scratch(tmp_path: Path, case: str) -> None:
    make, contract = CASES[case]
    files = make()
    scratch = Place(tmp_path / "scratch", contract)
    prepared = scratch.put(files)
    names = sorted(files)
    growing = Place(tmp_path / "grown", contract)
    for count in range(2, len(names) + 1):
        growing.put({name: files[name] for name in reversed(names[-count:])})

    same(growing, scratch)
    assert "of which 1 are new" in growing.steps[0]
    if case == "timed":
        rejected = prepared.report.counts.rejected_by_reason
        assert rejected["duplicate_row"] == 40
        assert rejected["contradicting_rows"] == 10


@pytest.mark.parametrize("case", CASES)
def test_a_file_that_goes_takes_its_rows_and_a_changed_one_replaces_them(
    tmp_path: Path, case: str
) -> None:
    make, contract = CASES[case]
    files = make()
    other = timed(620, 900, warmer=2.0) if case == "timed" else text(rows(110, seed=8))
    later = {"a.csv": files["a.csv"], "b.csv": files["b.csv"], "c.csv": other}
    place, scratch = (Place(tmp_path / name, contract) for name in ("changed", "scratch"))
    place.put(files)
    place.put(later)
    scratch.put(later)

    assert "of which 1 are new" in place.steps[0]
    same(place, scratch)


def parts(prepared: PreparedWeather) -> dict[int, str]:
    """Returns the Parquet files of a version by what identifies them on disk."""
    folder = prepared.folder
    files = (*folder.glob("weather.parquet/*"), *folder.glob("rejected.parquet/*"))
    return {path.stat().st_ino: path.parent.name for path in files}


def thirty_days(folder: Path) -> tuple[Place, Place, dict[str, str]]:
    """Returns a place that grows, one to start afresh in, and a file per day for both."""
    files = {f"{day:02}.csv": timed(24 * day, 24 * day + 24) for day in range(30)}
    return Place(folder / "grown", TIMED), Place(folder / "scratch", TIMED), files


def test_with_a_time_a_file_costs_what_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "ROWS_PER_WINDOW", 40)
    place, scratch, files = thirty_days(tmp_path)
    before = place.put(files)
    old_results, old_parts = place.results, parts(before)

    files["30.csv"] = timed(720, 744)
    after = place.put(files)
    scratch.put(files)

    same(place, scratch)
    new = Counter(name.split("-")[0] for name in place.results - old_results)
    # The last day's window, and the one with the hour whose outcome has come; the new day, the one
    # before it, and those at which the test window begins now and began before.
    assert new["window"] <= 3
    assert new["part"] <= 6
    assert len([name for name in old_results if name.startswith("window-")]) > 15
    unchanged = parts(after).keys() & old_parts.keys()
    assert len(old_parts) - len(unchanged) <= 2 * new["part"]  # kept rows, and rejected ones
    assert len(unchanged) > 20

    place.put({name: text for name, text in files.items() if name != "30.csv"})
    assert parts(place.put(files)).keys() >= unchanged


def test_blocks_that_become_longer_divide_old_days_anew(tmp_path: Path) -> None:
    place, scratch, files = thirty_days(tmp_path)
    place.put({name: files[name] for name in sorted(files)[:10]})
    place.put(files)
    scratch.put(files)

    same(place, scratch)


def test_late_rows_of_one_day_leave_the_other_days_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "ROWS_PER_WINDOW", 40)
    place, scratch, files = thirty_days(tmp_path)
    before = parts(place.put(files))

    files["late.csv"] = timed(50, 53, warmer=1.0)
    after = place.put(files)
    scratch.put(files)

    same(place, scratch)
    assert after.report.counts.rejected_by_reason["contradicting_rows"] == 6
    changed = before.keys() - parts(after).keys()
    # The day with the contradictions, and those at which the test window begins.
    assert 1 <= len(changed) <= 6


def test_parts_of_old_files_take_no_room_of_their_own(tmp_path: Path) -> None:
    place = Place(tmp_path)
    files = untimed_files()
    first = place.put({name: files[name] for name in ("a.csv", "b.csv")})
    old = {path.name: path.stat().st_ino for path in first.folder.glob("weather.parquet/*")}
    second = place.put(files)

    new = {path.name: path.stat().st_ino for path in second.folder.glob("weather.parquet/*")}
    assert old.items() <= new.items()
    assert len(new) == len(old) + 1


def test_results_that_no_version_uses_are_removed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    files = untimed_files()
    place.put(files)
    whole = place.results
    assert len(whole) == 3
    for seed in (20, 21):
        place.put({"a.csv": text(rows(200, seed=seed))})
        assert whole < place.results  # of the version before, to which one may go back
    place.put({"a.csv": text(rows(200, seed=22))})
    assert not whole & place.results
    assert len(place.results) == 3


def test_a_refused_file_leaves_no_result(tmp_path: Path) -> None:
    place = Place(tmp_path)
    files = untimed_files()
    place.put(files)
    before = place.results
    with pytest.raises(RefusedError):
        place.put(files | {"d.csv": text([["x", *row[1:]] for row in rows(400)])})
    assert place.results == before


def test_what_was_read_before_a_failure_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    files = untimed_files()
    place.put(files)
    before = place.results

    def change(*_: object) -> None:
        raise RawDataError("d.csv has changed")  # as verify_snapshot does, behind all reading

    monkeypatch.setattr("weather_assets.workflows.preparation.content_version", change)
    with pytest.raises(RawDataError, match="changed"):
        place.put(files | {"d.csv": text(rows(100, seed=9))})

    assert place.results == before
    monkeypatch.undo()
    assert place.put(files | {"d.csv": text(rows(100, seed=9))}).report.rows_in == 540


def test_equal_rows_of_two_files_without_a_time_are_all_kept(tmp_path: Path) -> None:
    place = Place(tmp_path)
    table = rows(150)
    prepared = place.put({"a.csv": text(table), "b.csv": text([*table[:20], *rows(5, seed=1)])})
    assert prepared.report.rows_kept == 175
