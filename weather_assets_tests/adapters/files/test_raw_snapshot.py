"""Raw files are identified by content, and half-written ones wait."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.adapters.files.raw_snapshot import (
    RawDataError,
    RawSnapshot,
    SnapshotFile,
    growing_files,
    list_raw_files,
    present_snapshot,
    take_snapshot,
    verify_snapshot,
    wait_until_settled,
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


@pytest.mark.parametrize(
    ("text", "age_seconds", "growing"),
    [
        (FIVE, 0, True),
        (FIVE, 11, False),
        (FIVE.rstrip("\n"), 11, True),
        (FIVE.rstrip("\n"), 61, False),
        ("", 11, True),
    ],
    ids=["just written", "at rest", "last line open", "last line open for long", "still empty"],
)
def test_a_file_that_may_still_grow_waits(
    tmp_path: Path, text: str, age_seconds: float, growing: bool
) -> None:
    put(tmp_path, "weather.csv", text, age_seconds=age_seconds)
    assert bool(growing_files(tmp_path, settle_seconds=10)) is growing
    assert growing_files(tmp_path, settle_seconds=0) == ()


def test_waiting_for_a_growing_file_ends(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv", age_seconds=0)
    wait_until_settled(tmp_path, settle_seconds=0.3, patience_seconds=30)
    growing = put(tmp_path, "weather.csv", age_seconds=0)
    with pytest.raises(RawDataError, match=r"still being written.*weather\.csv; write elsewhere"):
        wait_until_settled(tmp_path, settle_seconds=60, patience_seconds=0.3)
    # What is advised: written elsewhere, at rest, and moved in.
    put(tmp_path, "elsewhere", age_seconds=61).replace(growing)
    wait_until_settled(tmp_path, settle_seconds=60, patience_seconds=0.3)


def test_a_date_in_the_future_keeps_nobody_waiting(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv", age_seconds=-3600)
    wait_until_settled(tmp_path, settle_seconds=0.2, patience_seconds=30)


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


def test_a_file_is_found_under_its_new_name_and_recorded_so(tmp_path: Path) -> None:
    path = put(tmp_path, "weather.csv")
    put(tmp_path, "other.csv", OTHER)
    recorded = record(tmp_path)
    before = RawSnapshot.load(recorded)
    (tmp_path / "2024").mkdir()
    path.rename(tmp_path / "2024" / "january.csv")
    put(tmp_path, "later.csv", FIVE.replace("20", "22"))  # of the same length, and not recorded

    found = present_snapshot(tmp_path, recorded)

    assert names(found) == ["2024/january.csv", "other.csv"]
    assert found.version == before.version
    assert RawSnapshot.load(recorded) == found
    verify_snapshot(tmp_path, found)


def test_names_that_wander_from_file_to_file_are_followed(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", FIVE + "21,50,3,10,1000,rain\n")
    put(tmp_path, "b.csv", FIVE)
    put(tmp_path, "c.csv", FIVE)
    recorded = record(tmp_path)
    (tmp_path / "a.csv").rename(tmp_path / "new.csv")
    (tmp_path / "b.csv").rename(tmp_path / "a.csv")
    (tmp_path / "c.csv").rename(tmp_path / "d.csv")
    found = present_snapshot(tmp_path, recorded)
    assert names(found) == ["a.csv", "d.csv", "new.csv"]
    verify_snapshot(tmp_path, found)


def test_a_file_that_is_gone_stays_recorded_until_it_is_back(tmp_path: Path) -> None:
    path = put(tmp_path, "weather.csv")
    recorded = record(tmp_path)
    path.unlink()
    put(tmp_path, "other.csv", OTHER)
    with pytest.raises(RawDataError, match=r"weather\.csv is gone .*materialize raw_weather again"):
        verify_snapshot(tmp_path, present_snapshot(tmp_path, recorded))
    put(tmp_path, "weather.csv")
    verify_snapshot(tmp_path, present_snapshot(tmp_path, recorded))


def test_what_is_advised_after_a_change_mends_it(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv")
    recorded = record(tmp_path)
    before = RawSnapshot.load(recorded).version
    put(tmp_path, "weather.csv", OTHER)
    with pytest.raises(RawDataError, match=r"materialize raw_weather again \(where raw/ has new"):
        verify_snapshot(tmp_path, present_snapshot(tmp_path, recorded))
    assert take_snapshot(tmp_path, tmp_path / "contract.toml").version != before, "the sensor's cue"
    verify_snapshot(tmp_path, RawSnapshot.load(record(tmp_path)))


def test_a_record_of_a_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    put(tmp_path, "weather.csv")
    recorded = record(tmp_path)
    document = json.loads(recorded.read_text())
    recorded.write_text(json.dumps({**document, "format": document["format"] + 1}))
    with pytest.raises(DocumentError, match="the record of the raw files, has format 2"):
        present_snapshot(tmp_path, recorded)


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
