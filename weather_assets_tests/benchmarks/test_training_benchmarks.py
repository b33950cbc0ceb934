"""The pieces of the training benchmarks work; nothing here is timed."""

from pathlib import Path

import pyarrow.dataset as ds
import pytest

from weather_assets.contract.statistics import TrainingStatistics
from weather_assets_tests.benchmarks import latency, prepared_rows, training_throughput
from weather_assets_tests.benchmarks.latency import COLD, FIRST, WARM, Passage
from weather_assets_tests.benchmarks.prepared_rows import write_prepared_rows

pytestmark = pytest.mark.timeout(300)


def test_prepared_rows_are_written_part_by_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_rows, "PART_ROWS", 1_000)
    write_prepared_rows(tmp_path / "made", 2_500)
    parts = sorted((tmp_path / "made" / "weather.parquet").iterdir())
    assert len(parts) == 3
    table = ds.dataset(parts).to_table()
    assert len(table) == 2_500
    assert len(set(table["row_hash"].to_pylist())) == 2_500
    text = (tmp_path / "made" / "statistics.json").read_text(encoding="utf-8")
    statistics = TrainingStatistics.from_json(text)
    train = table.filter(ds.field("split") == "train")
    assert statistics.training_rows == pytest.approx(len(train), rel=0.1)
    assert 0.05 < statistics.training_positive / statistics.training_rows < 0.5


def test_the_ratio_is_of_the_time_of_all_networks() -> None:
    result = training_throughput.compare(
        {(1000, "a"): [100.0, 50.0, 90.0], (1000, "b"): [10.0], (2000, "a"): [19.0]},
        {(1000, "a"): [100.0], (1000, "b"): [20.0], (2000, "a"): [20.0]},
    )
    small, large = result.requirements
    assert small.value == pytest.approx((1 / 100 + 1 / 20) / (1 / 90 + 1 / 10))
    assert (small.met, large.met) == (False, True)
    assert large.value == pytest.approx(0.95)


def test_what_is_no_stage_is_orchestration() -> None:
    passages = {
        FIRST: Passage(20.0, {"processed_weather": 5.0}),
        COLD: Passage(10.0, {"processed_weather": 5.0, "model_verdict": 1.5}),
        WARM: Passage(7.0, {"processed_weather": 5.0}),
    }
    result = latency.report(passages)
    assert [(each.value, each.met) for each in result.requirements] == [(3.5, False), (2.0, True)]
    found = {(each.subject, each.quantity): each.value for each in result.measurements}
    assert found[f"{COLD}, share", "orchestration"] == pytest.approx(35.0)
