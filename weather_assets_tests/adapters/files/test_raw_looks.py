"""Files are complete when two looks have seen the same, whatever their own times say."""

import os
from pathlib import Path

import pytest

from weather_assets.adapters.files.raw_looks import (
    REWRITE_PATIENCE_SECONDS,
    RawLook,
    look_at_raw_files,
)

LINE = "20,50,3,10,1000,no rain\n"


class Folder:
    """A folder of raw files, looked at by a clock that the test moves."""

    def __init__(self, path: Path) -> None:
        self.raw = path / "raw"
        self.raw.mkdir()
        self.memo = path / "looks.json"
        self.now = 1e9

    def look(self, *recorded: str, after: float = 5.0) -> RawLook:
        self.now += after
        return look_at_raw_files(
            self.raw, self.memo, recorded=recorded, settle_seconds=4.0, now=self.now
        )

    def complete(self, *recorded: str, after: float = 5.0) -> set[str]:
        return {path.name for path in self.look(*recorded, after=after).complete}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize("offset", [-1e6, 0.0, 1e6], ids=["past", "now", "future"])
def test_a_file_is_complete_after_two_equal_looks_whatever_its_date(
    folder: Folder, offset: float
) -> None:
    path = folder.raw / "weather.csv"
    path.write_text(LINE)
    os.utime(path, (folder.now + offset, folder.now + offset))
    assert folder.complete() == set()
    assert folder.complete() == {"weather.csv"}


def test_a_file_that_grows_holds_back_itself_alone(folder: Folder) -> None:
    (folder.raw / "done.csv").write_text(LINE)
    (folder.raw / "growing.csv").write_text(LINE)
    folder.look()
    for count in range(2, 6):
        (folder.raw / "growing.csv").write_text(LINE * count)
        look = folder.look()
        assert {path.name for path in look.complete} == {"done.csv"}
        assert look.growing == ("growing.csv",)
    assert folder.complete() == {"done.csv", "growing.csv"}


def test_a_last_line_without_an_end_waits_longer(folder: Folder) -> None:
    (folder.raw / "weather.csv").write_text(LINE.strip())
    folder.look()
    assert folder.complete() == set()
    assert folder.complete(after=20) == {"weather.csv"}


def test_all_others_wait_for_a_recorded_file_but_not_for_ever(folder: Folder) -> None:
    (folder.raw / "done.csv").write_text(LINE)
    (folder.raw / "log.csv").write_text(LINE)
    folder.look("log.csv", "done.csv")
    folder.look("log.csv", "done.csv")
    for count in range(2, 6):
        (folder.raw / "log.csv").write_text(LINE * count)
        assert folder.look("log.csv", "done.csv", after=60).awaited == ("log.csv",)
    (folder.raw / "log.csv").write_text(LINE * 6)
    look = folder.look("log.csv", "done.csv", after=REWRITE_PATIENCE_SECONDS)
    assert (look.awaited, look.growing) == ((), ("log.csv",))


def test_a_recorded_file_that_is_gone_is_awaited_for_a_moment(folder: Folder) -> None:
    path = folder.raw / "weather.csv"
    path.write_text(LINE)
    folder.look("weather.csv")
    folder.look("weather.csv")
    path.unlink()
    assert folder.look("weather.csv").awaited == ("weather.csv",)
    assert folder.look("weather.csv") == RawLook((), (), ())


def test_a_clock_that_is_set_back_keeps_nobody_waiting(folder: Folder) -> None:
    (folder.raw / "weather.csv").write_text(LINE)
    folder.look()
    folder.look(after=-1e6)
    assert folder.complete() == {"weather.csv"}


def test_a_memory_that_cannot_be_read_is_forgotten(folder: Folder) -> None:
    (folder.raw / "weather.csv").write_text(LINE)
    folder.look()
    folder.memo.write_text("{")
    assert folder.complete() == set()
    assert folder.complete() == {"weather.csv"}
