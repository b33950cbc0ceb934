"""A file is the old one or the new one, whole, and never anything else."""

import os
import stat
from pathlib import Path

import pytest

from weather_assets.foundation.atomic_files import (
    PRIVATE,
    point_link,
    replacing,
    write_bytes,
    write_text,
)


def test_what_is_written_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "pointer.json"
    write_text(path, "Genève")
    assert path.read_bytes() == "Genève".encode()
    write_bytes(path, b"\xff", PRIVATE)
    assert path.read_bytes() == b"\xff"
    assert stat.S_IMODE(path.stat().st_mode) == PRIVATE
    assert [each.name for each in tmp_path.iterdir()] == ["pointer.json"]


def test_a_failure_keeps_the_old_file_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "pointer.json"
    write_text(path, "old")

    def fail() -> None:
        with replacing(path) as draft:
            draft.write_text("half of the n")
            assert path.read_text() == "old"
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["pointer.json"]


def test_bytes_are_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    flush, rename = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        flush(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    write_text(tmp_path / "pointer.json", "new")
    assert steps == ["file", "rename", "folder"]


def test_a_link_leads_to_its_newest_target(tmp_path: Path) -> None:
    link = tmp_path / "current"
    for target in (Path("a"), tmp_path / "b", Path("a")):
        point_link(link, target)
        assert link.readlink() == target
    assert list(tmp_path.iterdir()) == [link]


def test_a_link_takes_the_place_of_what_a_copy_made_of_it(tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.mkdir()
    (link / "rows").touch()
    point_link(link, Path("a"))
    assert link.readlink() == Path("a")
