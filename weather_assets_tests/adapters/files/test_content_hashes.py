"""A hash is believed only for a file that cannot have changed."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from weather_assets.adapters.files import content_hashes
from weather_assets.adapters.files.content_hashes import ContentHashes


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def memo_of(path: Path) -> Path:
    return path.parent / "processed" / "hashes.json"


def hashed(path: Path) -> str:
    hashes = ContentHashes(path.parent, memo_of(path))
    found = hashes.sha256(path)
    hashes.save()
    return found


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns a file whose hash was remembered."""
    path = tmp_path / "weather.csv"
    path.write_bytes(b"1")
    monkeypatch.setattr(content_hashes, "_CERTAIN_AFTER_SECONDS", -1.0)
    assert hashed(path) == sha256(b"1")
    return path


def test_a_file_that_stays_is_hashed_once(path: Path) -> None:
    memo = memo_of(path)
    marks, _ = json.loads(memo.read_text())["files"][path.name]
    for known in ({path.name: [marks, "before"]}, {"files": {path.name: [marks, "now"]}}):
        memo.write_text(json.dumps(known))
        assert hashed(path) in ("before", "now")


def test_a_change_shows_in_spite_of_size_and_modification_time(path: Path) -> None:
    before = path.stat()
    time.sleep(0.05)  # more than a tick of the file system's clock
    path.write_bytes(b"2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert hashed(path) == sha256(b"2")


def test_another_file_in_its_place_shows(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"3")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert hashed(path) == sha256(b"3")


def test_what_changed_a_moment_ago_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    path.write_bytes(b"1")
    assert hashed(path) == sha256(b"1")
    assert json.loads(memo_of(path).read_text())["files"] == {}


def test_a_broken_memo_is_no_memo(path: Path) -> None:
    memo_of(path).write_text("{")
    assert hashed(path) == sha256(b"1")


def test_files_that_are_gone_are_forgotten(path: Path) -> None:
    path.rename(path.with_name("renamed.csv"))
    assert hashed(path.with_name("renamed.csv")) == sha256(b"1")
    assert list(json.loads(memo_of(path).read_text())["files"]) == ["renamed.csv"]
