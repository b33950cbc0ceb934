"""Java is started early only where there is likely to be work for it; collection is seldom."""

import gc
import os
from pathlib import Path

from weather_assets.adapters.data_root import DataRoot
from weather_assets.commands.early_spark import may_have_new_rows
from weather_assets.commands.short_life import short_life


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


def test_the_collector_is_left_as_it_was() -> None:
    before = gc.get_threshold()
    with short_life():
        assert gc.get_threshold()[0] > before[0]
        assert gc.isenabled()
    assert gc.get_threshold() == before
    gc.unfreeze()
