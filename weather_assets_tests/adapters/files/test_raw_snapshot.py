"""Raw files are identified by content, wherever they lie."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.adapters.files.raw_snapshot import (
    RawDataError,
    RawFilesChangedError,
    RawSnapshot,
    SnapshotFile,
    list_raw_files,
    recorded_path,
    take_snapshot,
    verify_snapshot,
)
from weather_assets.foundation.documents import DocumentError

FIVE = "Temperature,Humidity,Wind_Speed,Cloud_Cover,Pressure,Rain\n20,50,3,10,1000,no rain\n"


def put(raw: Path, name: str, text: str = FIVE, *, age_seconds: float = 3600) -> Path:
    path = raw / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    moment = time.time() - age_seconds
    os.utime(path, (moment, moment))
    return path


def test_touching_renaming_and_rewriting_change_no_version(tmp_path: Path) -> None:
    path = put(tmp_path, "weather.csv")
    before = take_snapshot(tmp_path, tmp_path / "contract.toml").version
    put(tmp_path, "weather.csv", age_seconds=0)
    path.rename(tmp_path / "renamed.csv")
    assert take_snapshot(tmp_path, tmp_path / "contract.toml").version == before


@given(st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1, unique=True))
def test_the_version_is_one_of_the_set_of_contents(hashes: list[str]) -> None:
    files = [SnapshotFile(f"{index}.csv", sha, 1) for index, sha in enumerate(hashes)]
    version = RawSnapshot(tuple(files)).version
    assert RawSnapshot(tuple(reversed(files))).version == version
    assert RawSnapshot(tuple(files[1:])).version != version


def test_content_decides_the_version(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv")
    before = take_snapshot(tmp_path, tmp_path / "contract.toml").version
    put(tmp_path, "more.csv", FIVE + "21,50,3,10,1000,rain\n")
    added = take_snapshot(tmp_path, tmp_path / "contract.toml").version
    put(tmp_path, "more.csv", FIVE + "22,50,3,10,1000,rain\n")
    assert len({before, added, take_snapshot(tmp_path, tmp_path / "contract.toml").version}) == 3


def test_hidden_and_foreign_files_do_not_count(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv")
    put(tmp_path, ".partial.csv")
    put(tmp_path, "notes.txt")
    put(tmp_path, "below/more.csv.gz")
    names = [path.relative_to(tmp_path).as_posix() for path in list_raw_files(tmp_path)]
    assert names == ["below/more.csv.gz", "weather.csv"]


def test_an_empty_folder_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match=r"put a weather\.csv there"):
        take_snapshot(tmp_path, tmp_path / "contract.toml")


def test_a_snapshot_is_saved_and_verified(tmp_path: Path) -> None:
    path = put(tmp_path, "weather.csv")
    snapshot = take_snapshot(tmp_path, tmp_path / "contract.toml")
    snapshot.save(tmp_path / ".snapshot.json")
    assert RawSnapshot.load(tmp_path / ".snapshot.json") == snapshot
    verify_snapshot(tmp_path, snapshot)
    put(tmp_path, "weather.csv", FIVE.replace("20", "21"))
    with pytest.raises(RawDataError, match="has changed"):
        verify_snapshot(tmp_path, snapshot)
    path.unlink()
    with pytest.raises(RawDataError, match="is gone"):
        verify_snapshot(tmp_path, snapshot)
    with pytest.raises(RawDataError, match="materialize raw_weather first"):
        RawSnapshot.load(tmp_path / "nowhere.json")


OTHER = FIVE.replace("20", "21")


def record(raw: Path) -> Path:
    path = raw / ".snapshot.json"
    take_snapshot(raw, raw / "contract.toml").save(path)
    return path


def names(snapshot: RawSnapshot) -> list[str]:
    return [file.name for file in snapshot.files]


def test_a_record_of_a_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv")
    recorded = record(tmp_path)
    document = json.loads(recorded.read_text())
    recorded.write_text(json.dumps({**document, "format": document["format"] + 1}))
    with pytest.raises(DocumentError, match="the record of the raw files, has format 2"):
        RawSnapshot.load(recorded)


def test_the_data_roots_own_contract_belongs_to_the_version(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv")
    contract = tmp_path / "contract.toml"
    before = take_snapshot(tmp_path, contract).version
    contract.write_text("name = 'mine'", encoding="utf-8")
    assert take_snapshot(tmp_path, contract).version != before


def test_names_in_capitals_count(tmp_path: Path) -> None:
    put(tmp_path, "WEATHER.CSV")
    assert len(take_snapshot(tmp_path, tmp_path / "contract.toml").files) == 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("directory", "an empty directory"),
        ("pipe", r"a named pipe \(FIFO\)"),
        ("link", "a symbolic link to 'nowhere.csv'"),
        ("loop", "a symbolic link to 'odd.csv'"),
    ],
)
def test_what_is_no_file_is_refused_and_never_opened(tmp_path: Path, kind: str, words: str) -> None:
    put(tmp_path, "weather.csv")
    odd = tmp_path / "odd.csv"
    match kind:
        case "directory":
            odd.mkdir()
        case "pipe":
            os.mkfifo(odd)
        case _:
            odd.symlink_to("odd.csv" if kind == "loop" else "nowhere.csv")
    with pytest.raises(RawDataError, match=f"'odd.csv' is {words}"):
        take_snapshot(tmp_path, tmp_path / "contract.toml")


@pytest.mark.parametrize("by", ["file", "folder", "chain"])
def test_a_link_that_leads_elsewhere_is_refused_unless_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    raw, contract = tmp_path / "raw", tmp_path / "contract.toml"
    put(raw, "weather.csv")
    put(tmp_path / "elsewhere", "secret.csv")
    match by:
        case "file":
            (raw / "more.csv").symlink_to("../elsewhere/secret.csv")
        case "folder":
            (raw / "more.csv").symlink_to(tmp_path / "elsewhere")
        case _:
            (tmp_path / "step").symlink_to("elsewhere")
            (raw / "more.csv").symlink_to("../step/secret.csv")
    with pytest.raises(RawDataError, match=r"more.csv' leads to .*WEATHER_ASSETS_FOLLOW_LINKS=yes"):
        take_snapshot(raw, contract)
    monkeypatch.setenv("WEATHER_ASSETS_FOLLOW_LINKS", "yes")
    assert "weather.csv" in {file.name for file in take_snapshot(raw, contract).files}


def test_a_file_that_becomes_a_link_is_not_read(tmp_path: Path) -> None:
    raw, contract = tmp_path / "raw", tmp_path / "contract.toml"
    put(raw, "weather.csv")
    put(tmp_path / "elsewhere", "weather.csv")
    (file,) = take_snapshot(raw, contract).files
    (raw / "weather.csv").unlink()
    (raw / "weather.csv").symlink_to("../elsewhere/weather.csv")
    with pytest.raises(RawDataError, match="has become a link that leads out of raw/"):
        recorded_path(raw, file)


def test_links_within_raw_and_of_raw_itself_are_followed(tmp_path: Path) -> None:
    put(tmp_path / "disk", "parts/weather.csv")
    (tmp_path / "disk" / "again.csv").symlink_to("parts/weather.csv")
    (tmp_path / "raw").symlink_to("disk")
    found = take_snapshot(tmp_path / "raw", tmp_path / "contract.toml").files
    assert [file.name for file in found] == ["again.csv", "parts/weather.csv"]


def test_a_folder_of_parts_may_be_called_like_a_file(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv/part-0.csv")
    (snapshot,) = take_snapshot(tmp_path, tmp_path / "contract.toml").files
    assert snapshot.name == "weather.csv/part-0.csv"


@pytest.mark.parametrize("name", [b"weather\xff.csv", b"\x1b[31mweather.csv", b"we\nather.csv"])
def test_a_name_that_cannot_be_shown_is_refused(tmp_path: Path, name: bytes) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(FIVE)
    with pytest.raises(RawDataError, match="rename the file") as raised:
        take_snapshot(tmp_path, tmp_path / "contract.toml")
    assert str(raised.value).isprintable()


def test_a_file_that_was_renamed_or_changed_has_to_be_recorded_anew(tmp_path: Path) -> None:
    path = put(tmp_path, "weather.csv")
    before = take_snapshot(tmp_path, tmp_path / "contract.toml")
    path.rename(tmp_path / "renamed.csv")
    with pytest.raises(RawFilesChangedError, match=r"weather\.csv is gone since raw_weather rec"):
        verify_snapshot(tmp_path, before)
    after = take_snapshot(tmp_path, tmp_path / "contract.toml")
    assert (after.version, after.place) == (before.version, after.place)
    assert after.place != before.place
    put(tmp_path, "renamed.csv", OTHER)
    with pytest.raises(RawFilesChangedError, match="has changed since raw_weather recorded it"):
        verify_snapshot(tmp_path, after)
