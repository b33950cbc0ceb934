"""The programs that benchmarks compare with really train; nothing here is timed."""

import json
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from weather_assets.forecasting.settings import Architecture, TrainingSettings
from weather_assets_tests.benchmarks.end_to_end import train_plainly
from weather_assets_tests.benchmarks.plain_recipe import FEATURES, preprocess
from weather_assets_tests.benchmarks.prepared_rows import prepared_job, write_prepared_rows
from weather_assets_tests.benchmarks.training_throughput import run_both
from weather_assets_tests.synthetic import write_five_column


def test_plain_recipe_normalises_then_trains_on_two_ranks(
    spark: SparkSession, tmp_path: Path
) -> None:
    raw = write_five_column(tmp_path / "weather.csv", rows=60)
    preprocess(spark, raw, tmp_path / "data.parquet")
    rows = pd.read_parquet(tmp_path / "data.parquet")
    assert list(rows) == [*(f"{name}_norm" for name in FEATURES), "label_encoded"]
    assert len(rows) == 60
    for name in FEATURES:
        assert rows[f"{name}_norm"].mean() == pytest.approx(0.0, abs=1e-9)
        assert rows[f"{name}_norm"].std() == pytest.approx(1.0, abs=1e-9)
    labels = pd.read_csv(raw)["Rain"] == "rain"
    assert rows["label_encoded"].sum() == labels.sum()
    _, trained = train_plainly(
        tmp_path / "data.parquet", tmp_path, 1, lambda _: None, tracked=False
    )
    assert trained["world_size"] == 2
    # 48 training rows in one epoch, half of them on each rank.
    assert trained["samples_per_second"] * trained["seconds"] == pytest.approx(48)
    assert 0.0 <= trained["validation_accuracy"] <= 1.0
    assert (tmp_path / "checkpoints" / "last.ckpt").is_file()


def test_both_sides_train_the_same_steps(tmp_path: Path) -> None:
    write_prepared_rows(tmp_path / "made", 3_000)
    settings = TrainingSettings(
        architectures=(Architecture("small", (4,)),), maximum_steps=20, patience=20
    )
    job = prepared_job(tmp_path / "made", tmp_path / "candidate", settings)
    ours, bare = run_both(job, tmp_path, lambda _: None, timeout_seconds=200)
    assert ours > 0
    assert bare > 0
    result = json.loads((job.output / "result.json").read_text(encoding="utf-8"))
    other = json.loads((tmp_path / "bare.json").read_text(encoding="utf-8"))
    (candidate,) = result["candidates"]
    rows = candidate["searched_steps"] * result["training_rows"]  # an epoch of so few is one step
    assert rows == pytest.approx(other["rows"], rel=0.01)
    assert result["rows_stepped"] > rows
