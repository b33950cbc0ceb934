"""A reader sees a complete version, whenever the writer is killed."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from weather_assets.adapters.files.processed_versions import ProcessedVersions, read_manifest
from weather_assets.foundation.documents import DocumentError

WRITE_FOR_EVER = """
import itertools, sys
from pathlib import Path
from weather_assets.adapters.files.processed_versions import ProcessedVersions

def write(folder, text):
    for name in ("weather.parquet", "rejected.parquet"):
        (folder / name).mkdir()
        (folder / name / "part").write_text(text)
    (folder / "manifest.json").write_text("{}")

versions = ProcessedVersions(Path(sys.argv[1]))
for number in itertools.count():
    versions.build(f"v{number}", lambda folder: write(folder, f"v{number}"))
    versions.publish(f"v{number}")
    print(number, flush=True)
"""


def write(folder: Path, text: str) -> str:
    for name in ("weather.parquet", "rejected.parquet"):
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    return text


def test_a_built_version_is_not_current_until_it_is_published(tmp_path: Path) -> None:
    versions = ProcessedVersions(tmp_path)
    with pytest.raises(FileNotFoundError, match="materialize processed_weather first"):
        versions.current()
    assert versions.build("a", lambda folder: write(folder, "a")) == "a"
    versions.publish("a")
    versions.build("b", lambda folder: write(folder, "b"))
    assert (tmp_path / "weather.parquet").read_text() == "a"
    opened = versions.current()
    versions.publish("b")
    assert (tmp_path / "weather.parquet").read_text() == "b"
    assert (tmp_path / "rejected.parquet").read_text() == "b"
    assert (opened / "weather.parquet").read_text() == "a", "an open version stays readable"


def test_a_failed_or_incomplete_write_leaves_the_last_version(tmp_path: Path) -> None:
    versions = ProcessedVersions(tmp_path)
    versions.build("a", lambda folder: write(folder, "a"))
    versions.publish("a")

    def fail(folder: Path) -> None:
        (folder / "weather.parquet").write_text("half", encoding="utf-8")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        versions.build("b", fail)
    with pytest.raises(FileNotFoundError, match=r"manifest\.json"):
        versions.build("b", lambda _: None)
    assert not versions.has("b")
    with pytest.raises(FileNotFoundError, match="not a complete version"):
        versions.publish("b")
    assert (tmp_path / "weather.parquet").read_text() == "a"


def test_a_copy_that_followed_links_opens_and_goes_on(tmp_path: Path) -> None:
    versions = ProcessedVersions(tmp_path / "a")
    versions.build("a", lambda folder: write(folder, "a"))
    versions.publish("a")
    shutil.copytree(tmp_path / "a", tmp_path / "b", symlinks=False)
    copied = ProcessedVersions(tmp_path / "b")
    assert (copied.current() / "weather.parquet").read_text() == "a"
    copied.build("b", lambda folder: write(folder, "b"))
    copied.publish("b")
    assert (tmp_path / "b" / "weather.parquet").read_text() == "b"
    assert (tmp_path / "a" / "weather.parquet").read_text() == "a"
    assert copied.current() == copied.path("b")


def test_a_manifest_of_a_newer_version_stops_what_would_misread_it(tmp_path: Path) -> None:
    versions = ProcessedVersions(tmp_path)
    versions.build("a", lambda folder: write(folder, "a"))
    (versions.path("a") / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(DocumentError, match="the manifest of processed rows, has format 99"):
        versions.publish("a")
    with pytest.raises(DocumentError):
        read_manifest(versions.path("a"))


def test_only_the_newest_versions_are_kept(tmp_path: Path) -> None:
    versions = ProcessedVersions(tmp_path, kept_versions=2)
    for name in "abc":
        versions.build(name, lambda folder, name=name: write(folder, name))
        versions.publish(name)
    assert [versions.has(name) for name in "abc"] == [False, True, True]


def test_a_killed_writer_leaves_both_files_complete_and_alike(tmp_path: Path) -> None:
    for delay_seconds in (0.0, 0.003, 0.011):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(delay_seconds)
        writer.send_signal(signal.SIGKILL)
        writer.wait(timeout=30)
        writer.stdout.close()
        weather = (tmp_path / "weather.parquet" / "part").read_text()
        assert weather.startswith("v")
        assert (tmp_path / "rejected.parquet" / "part").read_text() == weather
    versions = ProcessedVersions(tmp_path)
    versions.build("next", lambda folder: write(folder, "next"))
    versions.publish("next")
    assert not list((tmp_path / "versions").glob(".building-*")), "leftovers are swept"
