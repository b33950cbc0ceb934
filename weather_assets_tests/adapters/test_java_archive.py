"""The class-data archive: used where it is there, never in the way where it is not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from weather_assets.adapters import java_archive
from weather_assets.adapters.java_archive import ARCHIVE, JavaArchiveError, archive_options
from weather_assets.adapters.java_archive_run import representative_contracts, write_example
from weather_assets.processing.files.raw_file import RawFile
from weather_assets.processing.pipeline import process
from weather_assets_tests.processing.weather_files import layouts


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the root of an environment without an archive."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return tmp_path


def test_without_an_archive_java_is_told_nothing(environment: Path) -> None:
    assert archive_options() == ()
    (environment / ARCHIVE).mkdir(parents=True)
    assert archive_options() == ()


def test_java_works_silently_with_an_archive_that_does_not_fit(environment: Path) -> None:
    (environment / ARCHIVE).parent.mkdir(parents=True)
    (environment / ARCHIVE).write_bytes(b"not an archive")

    options = " ".join(archive_options()).split()
    java = shutil.which("java")
    assert java is not None
    done = subprocess.run(
        [java, *options, "--version"], check=True, capture_output=True, text=True, timeout=60
    )

    assert any(str(environment / ARCHIVE) in option for option in options)
    assert (done.stderr, len(done.stdout.splitlines())) == ("", 3)


def test_a_failed_run_is_explained_and_leaves_nothing(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(java_archive, "RUN_MODULE", "weather_assets.no_such_module")
    with pytest.raises(JavaArchiveError, match=r"(?s)everything works without it.*no_such_module"):
        java_archive.build_archive()
    assert not [path for path in environment.rglob("*") if path.is_file()]


def test_the_rows_of_the_run_go_through_every_stage(spark: SparkSession, tmp_path: Path) -> None:
    for contract in representative_contracts():
        raw = tmp_path / f"{contract.name}.csv"
        write_example(raw, contract)
        found = layouts([RawFile(str(raw), raw.name)], contract)
        folder = tmp_path / contract.name
        report = process(lambda: spark, found, contract, folder, small_bytes=0)
        assert min(report.counts.rows_by_split.values()) > 0
        assert min(report.counts.positives_by_split.values()) > 0
