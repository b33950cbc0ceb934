"""Spark, PyTorch and ONNX agree on generated rows: what is valid, and what its probability is.

A row travels three ways: (a) as a CSV line through the Spark pipeline into the network in PyTorch,
(b) as JSON through `score.py` into the ONNX graph, (c) as a CSV line through offline prediction.
All rows go through Spark together, once.
"""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from pyspark.sql import SparkSession

from weather_assets.adapters.spark_environment import set_spark_environment
from weather_assets.adapters.spark_session import spark_configuration
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.forecasting.data import feature_matrix
from weather_assets.processing.files.raw_file import RawFile
from weather_assets.processing.pipeline import process
from weather_assets.scoring.offline import graph_probabilities
from weather_assets.scoring.score import Reading, Scorer, check_rows, respond
from weather_assets.workflows.champions import Champion
from weather_assets.workflows.prediction import predict_file
from weather_assets_tests.integration.agreeing_rows import (
    CONTRACT,
    RawRow,
    doubtful_rows,
    valid_rows,
)
from weather_assets_tests.integration.arbitrary_network import (
    arbitrary_network,
    package_of,
    probabilities,
)
from weather_assets_tests.processing.weather_files import layouts

VALID_ROWS, DOUBTFUL_ROWS = 200, 300
"""500 in all, since each row has a year of its own. How many doubtful ones are valid depends on
what else is loaded: Hypothesis also draws constants of the modules that it finds."""
TOLERANCE = 1e-6
"""What the design asks for; the three ways differ by rounding alone, about 1e-15."""

AMONG_ROWS = ("contradicting_rows", "duplicate_row")
"""Rows set aside for what another row says; scoring sees one row at a time."""


@dataclass(frozen=True)
class Outcome:
    """What became of the rows on their three ways.

    Attributes:
        rows: as generated; the position is the column `serial`.
        spark: raw features in the contract's order, by serial, of the rows that Spark kept.
        torch: probability by PyTorch of the same rows.
        rejected: column and reason, by serial, of the rows that Spark set aside.
        offline: probability and problem by serial, one of them empty.
        scorer: the package, loaded.
    """

    rows: Sequence[RawRow]
    spark: dict[int, list[object]]
    torch: dict[int, float]
    rejected: dict[int, tuple[str | None, str]]
    offline: list[tuple[str, str]]
    scorer: Scorer


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("agreement")
    rows = _generate()
    raw = folder / "rows.csv"
    _write_csv(raw, rows)
    processed = folder / "processed"
    file = RawFile(str(raw), raw.name)
    process(_spark, layouts([file], CONTRACT), CONTRACT, processed)
    kept = pq.read_table(processed / "weather.parquet")
    serials = [int(serial) for serial in kept["serial"].to_pylist()]
    statistics = TrainingStatistics.from_json((processed / "statistics.json").read_text())
    network = arbitrary_network(CONTRACT, statistics)
    answers = probabilities(network, feature_matrix(kept, CONTRACT))
    names = [feature.name for feature in CONTRACT.features]
    columns = kept.select(names).to_pydict()
    rejected = pq.read_table(processed / "rejected.parquet").to_pylist()
    package = package_of(network, CONTRACT, folder, [dict(rows[0].values or {})], [0.5])
    scorer = Scorer.load(package)
    return Outcome(
        rows=rows,
        spark={s: [columns[name][i] for name in names] for i, s in enumerate(serials)},
        torch=dict(zip(serials, answers, strict=True)),
        # One physical line per row, below the header.
        rejected={row["line"] - 2: (row["column"], row["reason"]) for row in rejected},
        offline=_offline(file, scorer, folder / "predictions.csv"),
        scorer=scorer,
    )


def _offline(file: RawFile, scorer: Scorer, target: Path) -> list[tuple[str, str]]:
    champion = Champion(
        "1", CONTRACT, lambda features_NF: graph_probabilities(scorer, features_NF), "its package"
    )
    predict_file(champion, file, target)
    with target.open(encoding="utf-8", newline="") as stream:
        _, *lines = csv.reader(stream)
    return [(probability, problem) for probability, problem in lines]


def _generate() -> list[RawRow]:
    """Returns the same rows every time."""
    found: list[RawRow] = []

    def collect(row: RawRow) -> None:
        found.append(row)

    for strategy, count in ((valid_rows(), VALID_ROWS), (doubtful_rows(), DOUBTFUL_ROWS)):
        settings(
            max_examples=count,
            phases=[Phase.generate],
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        )(given(strategy)(collect))()
    return [row.numbered(serial) for serial, row in enumerate(found)]


def _write_csv(path: Path, rows: Sequence[RawRow]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["Rain", *rows[0].cells.keys() - {"Rain"}])
        writer.writeheader()
        writer.writerows([row.cells for row in rows])


def _spark() -> SparkSession:
    set_spark_environment()
    builder: Any = SparkSession.builder
    for key, value in spark_configuration().items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _valid(outcome: Outcome) -> list[dict[str, object]]:
    return [dict(row.values) for row in outcome.rows if row.values is not None]


def _same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-13, abs_tol=1e-13)
    return left == right


def test_the_rows_try_what_they_should(outcome: Outcome) -> None:
    valid = _valid(outcome)
    assert len(valid) == VALID_ROWS
    assert len(outcome.rejected) > 50
    assert len(outcome.spark) - len(valid) > 20, "doubtful rows that are valid after all"
    for column in CONTRACT.columns[2:]:
        values = [row[column.name] for row in valid]
        ends = {column.minimum, column.maximum} - {None}
        assert None in values
        assert ends <= set(values)
    assert {"invalid_timestamp", "not_a_number", "out_of_bounds", "unknown_category"} <= {
        reason for _, reason in outcome.rejected.values()
    }
    assert np.ptp(list(outcome.torch.values())) > 0.5, "a network that tells rows apart"


def test_spark_and_the_endpoint_read_the_same_features(outcome: Outcome) -> None:
    readings: list[Reading] = check_rows(outcome.scorer.signature, _valid(outcome))
    for serial, reading in enumerate(readings):
        assert serial in outcome.spark, (outcome.rows[serial], outcome.rejected.get(serial))
        # The endpoint's marks for missing: NaN for numbers, "" for categories.
        plain = [None if value == "" or value != value else value for value in reading]  # noqa: PLR0124
        expected = outcome.spark[serial]
        assert all(map(_same, plain, expected)), (outcome.rows[serial], plain, expected)


def test_pytorch_and_the_endpoint_answer_the_same_probability(outcome: Outcome) -> None:
    valid = _valid(outcome)
    status, answer = respond(outcome.scorer, json.dumps({"rows": valid}).encode())
    assert status == 200
    expected = [outcome.torch[serial] for serial in range(len(valid))]
    np.testing.assert_allclose(np.array(answer["probability"]), expected, rtol=0, atol=TOLERANCE)


def test_offline_scoring_answers_exactly_the_rows_that_spark_keeps(outcome: Outcome) -> None:
    assert len(outcome.offline) == len(outcome.rows)
    for serial, (probability, problem) in enumerate(outcome.offline):
        if outcome.rejected.get(serial, ("", ""))[1] in AMONG_ROWS:
            assert probability
        elif probability:
            assert serial in outcome.torch, (outcome.rows[serial], outcome.rejected.get(serial))
            assert abs(float(probability) - outcome.torch[serial]) <= TOLERANCE
        else:
            assert serial in outcome.rejected, (outcome.rows[serial], problem)
            column, reason = outcome.rejected[serial]
            claim = reason if column is None else f"{column}: {reason}"
            assert problem.split(" (")[0].startswith(claim), outcome.rows[serial]
