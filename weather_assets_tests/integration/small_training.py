"""A training of a few seconds: rows, what belongs to them, and the job of its ranks.

Belongs here: making it. Does not belong here: who runs it, and what may happen to it.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import (
    QUANTILE_COUNT,
    FeatureStatistics,
    TrainingStatistics,
)
from weather_assets.forecasting.settings import Architecture, TrainingJob, TrainingSettings

ROWS = 2_000


def five_column_contract() -> Contract:
    return next(contract for contract in builtin_contracts() if contract.name == "five_column")


def prepared_rows(seed: int) -> pa.Table:
    """Rows as `processed_weather` writes them: rain where it is humid and cloudy, mostly."""
    random = np.random.default_rng(seed)
    columns = {
        feature.name: random.uniform(feature.minimum or 0, feature.maximum or 0, ROWS)
        for feature in five_column_contract().features
    }
    odds = columns["Humidity"] + columns["Cloud_Cover"] + random.normal(0, 20, ROWS)
    split = np.repeat(["train", "validation", "test"], [1_300, 200, 500])
    return pa.table(
        {
            **columns,
            "label_encoded": (odds > 110).astype(np.int64),
            "split": split,
            "row_hash": random.permutation(ROWS).astype(np.int64),
        }
    )


def statistics_of(rows: pa.Table, contract: Contract) -> TrainingStatistics:
    """Statistics of the training rows, by numpy."""
    train = rows.filter(pa.array(rows["split"].to_numpy() == "train"))
    features: list[FeatureStatistics] = []
    for name in (feature.name for feature in contract.features):
        values = train[name].to_numpy()
        quantiles = np.quantile(values, np.linspace(0, 1, QUANTILE_COUNT))
        features.append(
            FeatureStatistics(
                name=name,
                count=len(values),
                missing=0,
                mean=float(values.mean()),
                standard_deviation=float(values.std()),
                minimum=float(values.min()),
                maximum=float(values.max()),
                quantiles=tuple(map(float, quantiles)),
            )
        )
    positive = int(train["label_encoded"].to_numpy().sum())
    return TrainingStatistics(len(train), positive, tuple(features))


def write_processed(folder: Path) -> None:
    """Writes what `processed_weather` does, as far as ranks read it."""
    contract, rows = five_column_contract(), prepared_rows(seed=7)
    pq.write_table(rows, folder / "weather.parquet")
    (folder / "contract.json").write_text(json.dumps(contract.to_dict()), encoding="utf-8")
    (folder / "statistics.json").write_text(statistics_of(rows, contract).to_json(), "utf-8")


def job_file(processed: Path, folder: Path) -> Path:
    """A job of a few seconds with a checkpoint at every validation, which is every 20 steps."""
    settings = TrainingSettings(
        architectures=(Architecture("small", hidden_units=(16,), piecewise=True),),
        maximum_steps=600,
        patience=1_000,
        batch_rows=256,
        checkpoint_interval_seconds=0.001,
        heartbeat_interval_seconds=0.05,
    )
    job = TrainingJob(
        rows=processed / "weather.parquet",
        contract=processed / "contract.json",
        statistics=processed / "statistics.json",
        output=folder / "candidate",
        settings=settings,
    )
    job.write(folder / "job.json")
    return folder / "job.json"


def weights(job: Path) -> str:
    file = job.parent / "candidate" / "model.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest()
