"""Java is started early only where there is likely to be work for it; collection is seldom."""

import gc
import os
from pathlib import Path

import pytest

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.commands.early_spark import may_be_new, needs_spark
from weather_assets.commands.short_life import short_life
from weather_assets.processing.parts import tasks
from weather_assets_tests.synthetic import write_five_column


def test_files_are_new_when_they_are_younger_than_the_record(tmp_path: Path) -> None:
    root = DataRoot.at(tmp_path)
    assert may_be_new(root) == []
    root.create()
    weather, more = root.raw / "weather.csv", root.raw / "more.csv"
    weather.write_text("a\n")
    more.write_text("b\n")
    assert may_be_new(root) == [more, weather]
    root.snapshot_file.write_text("{}")
    os.utime(weather, (1, 1))
    os.utime(more, (1, 1))
    assert may_be_new(root) == []
    os.utime(root.snapshot_file, (2, 2))
    os.utime(more, (2, 2))
    assert may_be_new(root) == [more]

    root.contract_file.write_text("")
    assert may_be_new(root) == [more, weather]
    os.utime(root.contract_file, (1, 1))
    assert may_be_new(root) == [more]


def test_java_is_started_early_for_much_new_text_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = DataRoot.at(tmp_path).create()
    assert not needs_spark(root)
    weather = write_five_column(root.raw / "weather.csv", 50)
    assert not needs_spark(root)
    monkeypatch.setattr(tasks, "SMALL_BYTES", 1000)
    assert needs_spark(root)
    root.snapshot_file.write_text("{}")
    os.utime(weather, (1, 1))
    assert not needs_spark(root)
    weather.write_text("no header that is known\n" + "1\n" * 1000)
    os.utime(root.snapshot_file, (1, 1))
    assert not needs_spark(root)


def test_the_collector_is_left_as_it_was() -> None:
    before = gc.get_threshold()
    with short_life():
        assert gc.get_threshold()[0] > before[0]
        assert gc.isenabled()
    assert gc.get_threshold() == before
    gc.unfreeze()
