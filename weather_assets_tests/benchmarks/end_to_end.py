"""The five-column file from raw to verdict: this graph against the origin's recipe.

Belongs here: running both on the same bytes, and the ratios. Does not belong here: what either does
(`origin_recipe`, `product_run`).

Both sides are timed from process start to process end. The graph does more in its time: it keeps
rejected rows, tries three networks, tracks in MLflow, and judges the candidate against baselines,
where the origin stops at the accuracy of its last epoch.
"""

import json
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from weather_assets_tests.benchmarks.measurements import (
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.processes import Program, run_together
from weather_assets_tests.benchmarks.product_run import ProductRun, run_to_verdict
from weather_assets_tests.synthetic import write_five_column

RECIPE = "weather_assets_tests.benchmarks.origin_recipe"
ORIGIN, GRAPH = "origin's recipe", "this graph"
RATIO, SHARE = "better by the factor", "share of this graph"
RANKS = 2
EPOCHS = 10
LEAST_SPEEDUP = 5.0
LEAST_THROUGHPUT_RATIO = 500.0
_PREPROCESS_TIMEOUT_SECONDS = 300.0
_TABLES_TIMEOUT_SECONDS = 120.0
_TRAIN_TIMEOUT_SECONDS = 900.0


def measure(workplace: Workplace) -> BenchmarkResult:
    """Runs the origin's recipe, then the graph, on the same file."""
    raw = place_five_column_file(workplace.data, workplace.folder / "weather.csv")
    workplace.say("origin's recipe: preprocessing in Spark")
    data = workplace.folder / "data.parquet"
    preparation_seconds = preprocess_by_origin(raw, data, workplace.say)
    workplace.say(
        f"origin's recipe: prepared in {preparation_seconds:.1f} s; training, {EPOCHS} epochs"
    )
    training_seconds, trained = train_by_origin(
        data, workplace.folder, EPOCHS, workplace.say, tracked=True
    )
    workplace.say(f"origin's recipe: trained in {training_seconds:.1f} s; now the graph")
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


def preprocess_by_origin(raw: Path, data: Path, say: Callable[[str], None]) -> float:
    """Returns the seconds of the recipe's first step, from `raw` to `data`."""
    command = [sys.executable, "-m", RECIPE, "preprocess", str(raw), str(data)]
    program = Program("origin preprocessing", command, data.parent)
    finish = run_together([program], timeout_seconds=_PREPROCESS_TIMEOUT_SECONDS, say=say)
    return finish.seconds


def train_by_origin(
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
        Seconds from process start to end, and what `origin_recipe.train` returned on rank 0.
    """
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir()
    command = [sys.executable, "-m", RECIPE, "train", str(data), str(checkpoints), str(epochs)]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    rendezvous = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(RANKS)}
    if tracked:
        uri = f"sqlite:///{folder / 'origin_mlflow.db'}"
        rendezvous["MLFLOW_TRACKING_URI"] = uri
        # Its MLflow was there before, so not timed. (Two ranks that make the tables at once fail.)
        tables = Program(
            "origin mlflow", [sys.executable, "-m", "mlflow", "db", "upgrade", uri], folder
        )
        run_together([tables], timeout_seconds=_TABLES_TIMEOUT_SECONDS, say=say)
    ranks = [
        Program(f"origin rank {rank}", command, folder, {**rendezvous, "NODE_RANK": str(rank)})
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
            Measurement(ORIGIN, "end to end", end_to_end_seconds, "s"),
            Measurement(GRAPH, "end to end", run.seconds, "s"),
            Measurement(RATIO, "end to end", speedup),
            Measurement(ORIGIN, "throughput", trained["samples_per_second"], "samples/s"),
            Measurement(GRAPH, "throughput", samples_per_second, "samples/s"),
            Measurement(RATIO, "throughput", throughput_ratio),
            Measurement(ORIGIN, "fit", trained["seconds"], "s"),
            Measurement(GRAPH, "fit", float(run.training["seconds"]), "s"),
            Measurement(ORIGIN, "validation accuracy", trained["validation_accuracy"]),
            Measurement(GRAPH, "test ROC AUC", candidate["roc_auc"]),
            Measurement(ORIGIN, "processed_weather", preparation_seconds, "s"),
            Measurement(ORIGIN, "weather_checkpoint", training_seconds, "s"),
            *stages,
        ),
        requirements=(
            Requirement("times faster end to end than the origin's recipe", speedup, LEAST_SPEEDUP),
            Requirement(
                "times the training throughput of the origin's recipe",
                throughput_ratio,
                LEAST_THROUGHPUT_RATIO,
            ),
        ),
        notes=(
            f"verdict of the graph: {run.verdict['outcome']}",
            (
                f"the origin trains a 5-64-2 network in {trained['epochs']} epochs; the graph "
                f"tries {len(run.training['candidates'])} networks, "
                f"{run.training['rows_stepped']:,} samples in all, and ships the best"
            ),
            "throughput: training samples of all ranks per second of fitting, validation included",
        ),
    )
