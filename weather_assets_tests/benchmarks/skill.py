"""The skill table: what default settings reach on the development files, through the real graph.

Belongs here: files, thresholds, scores beside those of simple baselines. Does not belong here: how
scores are computed (`weather_assets.verification`).
"""

import gzip
import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from weather_assets_tests.benchmarks.end_to_end import place_five_column_file
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkError,
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.processes import CHECKOUT
from weather_assets_tests.benchmarks.product_run import ProductRun, run_to_verdict

SAMPLES = CHECKOUT / "data" / "samples"
FORECASTS = ("candidate", "logistic_regression", "gradient_boosting")
SCORES = {"roc_auc": "ROC AUC", "brier_skill_score": "BSS", "brier_score": "Brier score"}
LEAST = {
    "nyc-hourly-2013": {"roc_auc": 0.950, "brier_skill_score": 0.53},
    "greensboro-hourly": {"brier_skill_score": 0.12},
    "seattle-daily": {"brier_skill_score": 0.21},
    "five-column": {"roc_auc": 0.999},
}
"""What the candidate must reach on test rows, by file and score."""


def measure(workplace: Workplace) -> BenchmarkResult:
    """Runs the graph on each file in turn; one that fails does not keep the others from it."""
    measurements: list[Measurement] = []
    requirements: list[Requirement] = []
    notes: list[str] = []
    for name, least in LEAST.items():
        workplace.say(f"{name}: from raw to verdict")
        own: Mapping[str, float | None] = {}
        try:
            run = run_to_verdict(
                name, workplace.folder, _placing(name, workplace.data), workplace.say
            )
        except BenchmarkError as error:
            notes.append(str(error))
        else:
            own = run.verdict["scores"]["candidate"]
            measurements += _scores(name, run)
            notes.append(
                f"{name}: {run.verdict['outcome']}, {run.training['variant']}, "
                f"{run.verdict['rows']['test']['rows']:,} test rows"
            )
        workplace.say(notes[-1])
        requirements += [
            Requirement(f"{SCORES[score]} of {name}", _defined(own.get(score)), bound)
            for score, bound in least.items()
        ]
    return BenchmarkResult(tuple(measurements), tuple(requirements), tuple(notes))


def _scores(name: str, run: ProductRun) -> list[Measurement]:
    scores = run.verdict["scores"]
    rows = [
        Measurement(f"{name}: {forecast}", title, _defined(scores[forecast][score]))
        for forecast in FORECASTS
        for score, title in SCORES.items()
    ]
    return [*rows, Measurement(f"{name}: candidate", "raw to verdict", run.seconds, "s")]


def _defined(score: float | None) -> float:
    """Returns the score, NaN where the test rows leave it undefined."""
    return math.nan if score is None else score


def _placing(name: str, data: Path | None) -> Callable[[Path], object]:
    """Returns what writes the raw file of that name to a path."""

    def unpack(path: Path) -> None:
        with gzip.open(SAMPLES / f"{name}.csv.gz", "rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)

    if name == "five-column":
        return lambda path: place_five_column_file(data, path)
    return unpack
