"""The five-column file from raw to verdict: this graph against the plain recipe.

Belongs here: running both on the same bytes, and the ratios. Does not belong here: what either does
(`plain_recipe`, `product_run`).

Both sides are timed from process start to process end. The graph does more in its time: it keeps
rejected rows, tries three networks, tracks in MLflow, and judges the candidate against baselines,
where the plain recipe stops at the accuracy of its last epoch.
"""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from weather_assets.foundation.loopback import LOOPBACK, free_loopback_port
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.processes import Program, run_together
from weather_assets_tests.benchmarks.product_run import ProductRun, run_to_verdict
from weather_assets_tests.synthetic import write_five_column

RECIPE = "weather_assets_tests.benchmarks.plain_recipe"
PLAIN, GRAPH = "plain recipe", "this graph"
RATIO, SHARE = "better by the factor", "share of this graph"
RANKS = 2
EPOCHS = 10
LEAST_SPEEDUP = 5.0
LEAST_THROUGHPUT_RATIO = 500.0
_PREPROCESS_TIMEOUT_SECONDS = 300.0
_TABLES_TIMEOUT_SECONDS = 120.0
_TRAIN_TIMEOUT_SECONDS = 900.0


def measure(workplace: Workplace) -> BenchmarkResult:
    """Runs the plain recipe, then the graph, on the same file."""
    raw = place_five_column_file(workplace.data, workplace.folder / "weather.csv")
    workplace.say("plain recipe: preprocessing in Spark")
    data = workplace.folder / "data.parquet"
    preparation_seconds = preprocess_plainly(raw, data, workplace.say)
    workplace.say(
        f"plain recipe: prepared in {preparation_seconds:.1f} s; training, {EPOCHS} epochs"
    )
    training_seconds, trained = train_plainly(
        data, workplace.folder, EPOCHS, workplace.say, tracked=True
    )
    workplace.say(f"plain recipe: trained in {training_seconds:.1f} s; now the graph")
    run = run_to_verdict(
        "graph", workplace.folder, lambda path: shutil.copyfile(raw, path), workplace.say
    )
    workplace.say(f"graph: {run.seconds:.1f} s, verdict {run.verdict['outcome']}")
    return compare(preparation_seconds, training_seconds, trained, run)


def place_five_column_file(data: Path | None, path: Path) -> Path:
    """Writes the file to `path`: the original of `data`, or a generated equivalent."""
    if data is None:
        return write_five_column(path)
    return Path(shutil.copyfile(data / "kaggle-weather-forecast.csv", path))


def preprocess_plainly(raw: Path, data: Path, say: Callable[[str], None]) -> float:
    """Returns the seconds of the recipe's first step, from `raw` to `data`."""
    command = [sys.executable, "-m", RECIPE, "preprocess", str(raw), str(data)]
    program = Program("plain preprocessing", command, data.parent)
    finish = run_together([program], timeout_seconds=_PREPROCESS_TIMEOUT_SECONDS, say=say)
    return finish.seconds


def train_plainly(
    data: Path, folder: Path, epochs: int, say: Callable[[str], None], *, tracked: bool
) -> tuple[float, Mapping[str, float]]:
    """Runs the recipe's second step on two ranks.

    Args:
        data: what the first step wrote.
        folder: where checkpoints go.
        epochs: passes over the training rows.
        say: shows progress.
        tracked: whether metrics and checkpoints go to MLflow, on SQLite as in the graph.

    Returns:
        Seconds from process start to end, and what `plain_recipe.train` returned on rank 0.
    """
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir()
    command = [sys.executable, "-m", RECIPE, "train", str(data), str(checkpoints), str(epochs)]
    rendezvous = {
        "MASTER_ADDR": LOOPBACK,
        "MASTER_PORT": str(free_loopback_port()),
        "WORLD_SIZE": str(RANKS),
    }
    if tracked:
        uri = f"sqlite:///{folder / 'plain_mlflow.db'}"
        rendezvous["MLFLOW_TRACKING_URI"] = uri
        # Its MLflow was there before, so not timed. (Two ranks that make the tables at once fail.)
        tables = Program(
            "plain mlflow", [sys.executable, "-m", "mlflow", "db", "upgrade", uri], folder
        )
        run_together([tables], timeout_seconds=_TABLES_TIMEOUT_SECONDS, say=say)
    ranks = [
        Program(f"plain rank {rank}", command, folder, {**rendezvous, "NODE_RANK": str(rank)})
        for rank in range(RANKS)
    ]
    finish = run_together(ranks, timeout_seconds=_TRAIN_TIMEOUT_SECONDS, say=say)
    return finish.seconds, json.loads((checkpoints / "result.json").read_text(encoding="utf-8"))


def compare(
    preparation_seconds: float,
    training_seconds: float,
    trained: Mapping[str, float],
    run: ProductRun,
) -> BenchmarkResult:
    """Returns the table of both sides and the two ratios that must be reached."""
    end_to_end_seconds = preparation_seconds + training_seconds
    samples_per_second = float(run.training["samples_per_second"])
    speedup = end_to_end_seconds / run.seconds
    throughput_ratio = samples_per_second / trained["samples_per_second"]
    rest = run.seconds - sum(run.stage_seconds.values())
    stages: list[Measurement] = []
    for stage, seconds in {**run.stage_seconds, "start and orchestration": rest}.items():
        stages.append(Measurement(GRAPH, stage, seconds, "s"))
        stages.append(Measurement(SHARE, stage, 100 * seconds / run.seconds, "%"))
    candidate = run.verdict["scores"]["candidate"]
    return BenchmarkResult(
        measurements=(
            Measurement(PLAIN, "end to end", end_to_end_seconds, "s"),
            Measurement(GRAPH, "end to end", run.seconds, "s"),
            Measurement(RATIO, "end to end", speedup),
            Measurement(PLAIN, "throughput", trained["samples_per_second"], "samples/s"),
            Measurement(GRAPH, "throughput", samples_per_second, "samples/s"),
            Measurement(RATIO, "throughput", throughput_ratio),
            Measurement(PLAIN, "fit", trained["seconds"], "s"),
            Measurement(GRAPH, "fit", float(run.training["seconds"]), "s"),
            Measurement(PLAIN, "validation accuracy", trained["validation_accuracy"]),
            Measurement(GRAPH, "test ROC AUC", candidate["roc_auc"]),
            Measurement(PLAIN, "processed_weather", preparation_seconds, "s"),
            Measurement(PLAIN, "weather_checkpoint", training_seconds, "s"),
            *stages,
        ),
        requirements=(
            Requirement("times faster end to end than the plain recipe", speedup, LEAST_SPEEDUP),
            Requirement(
                "times the training throughput of the plain recipe",
                throughput_ratio,
                LEAST_THROUGHPUT_RATIO,
            ),
        ),
        notes=(
            f"verdict of the graph: {run.verdict['outcome']}",
            (
                f"the plain recipe trains a 5-64-2 network in {trained['epochs']} epochs; the "
                f"graph tries {len(run.training['candidates'])} networks, "
                f"{run.training['rows_stepped']:,} samples in all, and ships the best"
            ),
            "throughput: training samples of all ranks per second of fitting, validation included",
        ),
    )
