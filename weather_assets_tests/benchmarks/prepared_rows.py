"""A version of the processed rows made directly, of any number of rows, in bounded memory.

Belongs here: what training reads of `processed/<version>`, written by numpy and pyarrow. Does not
belong here: raw files (`weather_assets_tests.synthetic`), or training.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.forecasting.settings import TrainingJob, TrainingSettings
from weather_assets_tests.integration.small_training import five_column_contract, statistics_of

PART_ROWS = 2_000_000
_SPLITS = ("train", "validation", "test")
_SHARES = (0.65, 0.10, 0.25)


def write_prepared_rows(folder: Path, rows: int, seed: int = 0) -> None:
    """Writes `weather.parquet/`, `statistics.json` and `contract.json` of five-column rows.

    Rain falls where it is humid and cloudy, mostly. Statistics are those of the first part, with
    the numbers of all rows: the following ones are drawn from the same distribution.

    Args:
        folder: made if missing.
        rows: of all splits together.
        seed: of the values.
    """
    contract = five_column_contract()
    parts = folder / "weather.parquet"
    parts.mkdir(parents=True)
    (folder / "contract.json").write_text(json.dumps(contract.to_dict()), encoding="utf-8")
    counts = np.zeros(2, np.int64)
    statistics: TrainingStatistics | None = None
    for number, start in enumerate(range(0, rows, PART_ROWS)):
        table = _part(contract, min(PART_ROWS, rows - start), np.random.default_rng((seed, number)))
        pq.write_table(table, parts / f"part-{number:05}.parquet", row_group_size=500_000)
        of_part = statistics_of(table, contract)
        counts += of_part.training_rows, of_part.training_positive
        statistics = statistics or of_part
    if statistics is not None:
        scaled = _with_counts(statistics, *counts.tolist())
        (folder / "statistics.json").write_text(scaled.to_json(), encoding="utf-8")


def prepared_job(folder: Path, output: Path, settings: TrainingSettings) -> TrainingJob:
    """Returns the job of training on what `write_prepared_rows` wrote."""
    return TrainingJob(
        rows=folder / "weather.parquet",
        contract=folder / "contract.json",
        statistics=folder / "statistics.json",
        output=output,
        settings=settings,
    )


def _part(contract: Contract, rows: int, random: np.random.Generator) -> pa.Table:
    columns: dict[str, npt.NDArray[np.float64]] = {
        feature.name: random.uniform(feature.minimum or 0, feature.maximum or 0, rows).round(2)
        for feature in contract.features
    }
    odds = columns["Humidity"] + columns["Cloud_Cover"] + random.normal(0, 20, rows)
    codes = np.searchsorted(np.cumsum(_SHARES)[:-1], random.random(rows), side="right")
    return pa.table(
        {
            **columns,
            "label_encoded": (odds > 140).astype(np.int32),
            "split": pa.DictionaryArray.from_arrays(codes.astype(np.int8), list(_SPLITS)).cast(
                pa.string()
            ),
            "row_hash": random.integers(-(2**63), 2**63 - 1, rows, endpoint=True),
        }
    )


def _with_counts(statistics: TrainingStatistics, rows: int, positive: int) -> TrainingStatistics:
    features = tuple(replace(feature, count=rows) for feature in statistics.features)
    return TrainingStatistics(rows, positive, features)
