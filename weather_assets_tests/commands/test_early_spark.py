"""Java is started early only where there is likely to be work for it; collection is seldom."""

import gc
import os
import shutil
from pathlib import Path

import pytest

from weather_assets.adapters.data_root import DataRoot
from weather_assets.commands.early_spark import may_have_new_rows, needs_spark
from weather_assets.commands.short_life import short_life
from weather_assets.processing import file_entries
from weather_assets_tests.synthetic import write_five_column


def test_rows_are_new_when_a_file_is_younger_than_the_record(tmp_path: Path) -> None:
    root = DataRoot.at(tmp_path)
    assert not may_have_new_rows(root, sample=False)
    assert may_have_new_rows(root, sample=True)
    root.create()
    assert not may_have_new_rows(root, sample=False)

    weather = root.raw / "weather.csv"
    weather.write_text("a\n")
    assert may_have_new_rows(root, sample=False)
    root.snapshot_file.write_text("{}")
    os.utime(weather, (1, 1))
    assert not may_have_new_rows(root, sample=True)

    root.contract_file.write_text("")
    os.utime(root.contract_file, (1, 1))
    assert not may_have_new_rows(root, sample=False)
    os.utime(root.contract_file)
    assert may_have_new_rows(root, sample=False)


def test_little_without_a_time_needs_no_spark(
    tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = DataRoot.at(tmp_path).create()
    weather = write_five_column(root.raw / "weather.csv", 50)
    assert not needs_spark(root)
    monkeypatch.setattr(file_entries, "SMALL_BYTES", 1000)
    assert needs_spark(root)
    monkeypatch.undo()
    weather.write_text("no header that is known\n1\n")
    assert not needs_spark(root)
    weather.unlink()
    shutil.copy(samples / "seattle-daily.csv.gz", root.raw)
    assert needs_spark(root)


def test_the_collector_is_left_as_it_was() -> None:
    before = gc.get_threshold()
    with short_life():
        assert gc.get_threshold()[0] > before[0]
        assert gc.isenabled()
    assert gc.get_threshold() == before
    gc.unfreeze()
