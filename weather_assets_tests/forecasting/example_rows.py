"""A small prepared data set, as Spark would leave it: what the tests of this folder train on."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from weather_assets.contract.columns import Column, Kind
from weather_assets.contract.schema import Contract, Label, Split, SplitMethod
from weather_assets.contract.statistics import FeatureStatistics, TrainingStatistics
from weather_assets.forecasting.data import LabelledRows, feature_matrix
from weather_assets.forecasting.network import RainNetwork
from weather_assets.forecasting.settings import Architecture, TrainingJob, TrainingSettings

STATIONS = ("EWR", "JFK", "LGA")
CONTRACT = Contract(
    name="example",
    title="Synthetic rows with every kind of feature",
    columns=(
        Column("station", "station", kind=Kind.CATEGORY, categories=STATIONS),
        Column("temperature", "air_temperature", "degC", minimum=-60, maximum=60),
        Column("direction", "wind_direction", "degree", Kind.CIRCULAR, 0, 360, 360),
        Column("humidity", "relative_humidity", "percent", minimum=0, maximum=100),
    ),
    label=Label("Rain", positive=("rain",), negative=("no rain",)),
    split=Split(SplitMethod.HASH),
)


def example_table(rows: int = 600, seed: int = 0) -> pa.Table:
    """Returns rows whose rain depends on every feature, with gaps, divided 2:1."""
    random = np.random.default_rng(seed)
    station = random.integers(0, 3, rows)
    temperature = random.normal(12.0, 8.0, rows)
    direction = random.uniform(0.0, 360.0, rows)
    humidity = random.uniform(20.0, 100.0, rows)
    logit = (humidity - 70) / 10 + np.cos(np.radians(direction)) - (temperature - 12) / 8 + station
    rain = random.random(rows) < 1 / (1 + np.exp(-logit))
    return pa.table(
        {
            "station": [STATIONS[code] for code in station],
            "temperature": temperature,
            "direction": pa.array(direction, mask=random.random(rows) < 0.1),
            "humidity": pa.array(humidity, mask=random.random(rows) < 0.2),
            "label_encoded": rain.astype(np.int32),
            "split": ["validation" if row % 3 == 2 else "train" for row in range(rows)],
            "row_hash": random.integers(-(2**63), 2**63 - 1, rows),
        }
    )


def example_network(
    architecture: Architecture, contract: Contract, statistics: TrainingStatistics
) -> RainNetwork:
    """Returns a network with fitted preprocessing and arbitrary weights, always the same ones."""
    network = RainNetwork.fitted(architecture, contract, statistics)
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in network.parameters():
            weights.normal_(0.0, 0.3)
    return network


def example_statistics(table: pa.Table) -> TrainingStatistics:
    """Returns the statistics of the training rows of a table."""
    rows = table.to_pandas()
    rows = rows[rows["split"] == "train"]
    features: list[FeatureStatistics] = []
    for feature in CONTRACT.features:
        column = rows[feature.name]
        count, missing = int(column.notna().sum()), int(column.isna().sum())
        if feature.kind is Kind.CATEGORY:
            levels = {level: int((column == level).sum()) for level in feature.categories}
            features.append(FeatureStatistics(feature.name, count, missing, level_counts=levels))
            continue
        values = column.dropna().to_numpy()
        quantiles = tuple(np.quantile(values, np.arange(33) / 32).tolist())
        features.append(
            FeatureStatistics(
                feature.name,
                count,
                missing,
                float(values.mean()),
                float(values.std()),
                float(values.min()),
                float(values.max()),
                quantiles,
            )
        )
    return TrainingStatistics(len(rows), int(rows["label_encoded"].sum()), tuple(features))


def rows_of(path: Path, split: str, contract: Contract = CONTRACT) -> LabelledRows:
    """Returns one split, or `all`, sorted in memory: a plain second way to what training visits."""
    chosen = None if split == "all" else [("split", "=", split)]
    table = pq.read_table(path, filters=chosen).sort_by("row_hash")
    labels = table.column("label_encoded").to_numpy().astype(np.float64)
    return LabelledRows(feature_matrix(table, contract), labels)


def write_job(
    folder: Path, settings: TrainingSettings, table: pa.Table | None = None
) -> TrainingJob:
    """Writes prepared rows and a job file (`job.json`) into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    fine = example_table()
    rows = fine if table is None else table
    pq.write_table(rows, folder / "weather.parquet")
    (folder / "contract.json").write_text(json.dumps(CONTRACT.to_dict()), encoding="utf-8")
    (folder / "statistics.json").write_text(example_statistics(fine).to_json(), encoding="utf-8")
    job = TrainingJob(
        folder / "weather.parquet",
        folder / "contract.json",
        folder / "statistics.json",
        folder / "candidate",
        settings,
    )
    job.write(folder / "job.json")
    return job
