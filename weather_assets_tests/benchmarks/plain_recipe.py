"""The plain recipe, the baseline of the benchmarks: Spark in passes, then DDP row by row.

Belongs here: what the Airflow project that this one re-imagines does between weather.csv and a
checkpoint, written anew with today's libraries and as plainly: same passes, network, optimiser,
batch, epochs, split, logging to the progress bar and checkpoints. Does not belong here: timing
and comparing (`end_to_end`).

What differs from it is in its favour: Spark is local with all cores instead of a cluster of
two workers, nothing is scheduled by Airflow or started through `docker exec`, both ranks start at
once instead of 5 s apart, and MLflow, where `MLFLOW_TRACKING_URI` names one, may be SQLite without
a server (without the variable, nothing is tracked).

    python -m weather_assets_tests.benchmarks.plain_recipe preprocess RAW.csv DATA.parquet
    MASTER_ADDR=.. MASTER_PORT=.. WORLD_SIZE=2 NODE_RANK=0 \
        python -m weather_assets_tests.benchmarks.plain_recipe train DATA.parquet OUTPUT [EPOCHS]

Shapes: B rows of a batch, F = 5 features.
"""

import json
import os
import sys
import time
from pathlib import Path

import lightning.pytorch as pl
import pandas as pd
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import MLFlowLogger
from lightning.pytorch.strategies import DDPStrategy
from pyspark.sql import SparkSession
from pyspark.sql.functions import col, mean, stddev, when
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, random_split

FEATURES = ("Temperature", "Humidity", "Wind_Speed", "Cloud_Cover", "Pressure")
EPOCHS = 10
BATCH_ROWS = 4
RESULT_FILE = "result.json"


def preprocess(spark: SparkSession, raw: Path, processed: Path) -> None:
    """Encodes the label, normalises each column by its own pass over all rows, writes Parquet.

    Args:
        spark: the session.
        raw: a CSV with `FEATURES` and `Rain`.
        processed: folder of the Parquet parts; replaced.
    """
    frame = spark.read.csv(str(raw), header=True, inferSchema=True)
    frame.show()
    frame = frame.withColumn("label_encoded", when(col("Rain") == "rain", 1).otherwise(0))
    for name in FEATURES:
        row = frame.select(mean(col(name)).alias("mean"), stddev(col(name)).alias("std")).first()
        assert row is not None
        frame = frame.withColumn(f"{name}_norm", (col(name) - row["mean"]) / (row["std"] or 1.0))
    kept = frame.select([f"{name}_norm" for name in FEATURES] + ["label_encoded"])
    kept.write.mode("overwrite").parquet(str(processed))


class RowDataset(Dataset[tuple[Tensor, Tensor]]):
    """All rows in memory, given out one at a time."""

    def __init__(self, processed: Path) -> None:
        """Reads what `preprocess` wrote."""
        frame = pd.read_parquet(processed)
        names = [name for name in frame.columns if name.endswith("_norm")]
        self.features_NF = torch.tensor(frame[names].to_numpy(), dtype=torch.float32)
        self.labels_N = torch.tensor(frame["label_encoded"].to_numpy(), dtype=torch.int64)

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.features_NF)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Returns features [F] and label of one row."""
        return self.features_NF[index], self.labels_N[index]


class RainClassifier(pl.LightningModule):
    """The 5-64-2 network, Adam at 0.01; measures its own throughput."""

    def __init__(self, features: int) -> None:
        """Takes the number of input features."""
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(features, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 2)
        )
        self.samples = 0
        self.fit_seconds = 0.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=0.01)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:  # noqa: ARG002  Lightning's signature
        features_BF, labels_B = batch
        loss = cross_entropy(self.network(features_BF), labels_B)
        self.log("train_loss", loss, sync_dist=True)
        self.samples += len(labels_B)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:  # noqa: ARG002  Lightning's signature
        features_BF, labels_B = batch
        logits_B2 = self.network(features_BF)
        correct = (logits_B2.argmax(dim=1) == labels_B).float().mean()
        loss = cross_entropy(logits_B2, labels_B)
        self.log("val_loss", loss, sync_dist=True, prog_bar=True)
        self.log("val_acc", correct, sync_dist=True, prog_bar=True)

    def on_train_start(self) -> None:
        self.fit_seconds = -time.monotonic()

    def on_train_end(self) -> None:
        self.fit_seconds += time.monotonic()


def train(processed: Path, output: Path, epochs: int = EPOCHS) -> dict[str, float]:
    """Trains as one rank of `WORLD_SIZE`, which with `NODE_RANK` comes from the environment.

    Args:
        processed: what `preprocess` wrote.
        output: folder for checkpoints and, from rank 0, `result.json`.
        epochs: passes over the training rows; the recipe says 10.

    Returns:
        `samples_per_second` over all ranks between the first and the last training step
        (validation and checkpoints between epochs included), `seconds` of that,
        `validation_accuracy` of the last epoch, `world_size`, `epochs`.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    pl.seed_everything(42)
    rows = RowDataset(processed)
    training_rows = int(0.8 * len(rows))
    training, validation = random_split(rows, [training_rows, len(rows) - training_rows])
    model = RainClassifier(rows.features_NF.shape[1])
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        num_nodes=world_size,
        strategy=DDPStrategy(find_unused_parameters=False) if world_size > 1 else "auto",
        logger=_tracking(),
        callbacks=[
            ModelCheckpoint(dirpath=output, save_top_k=1, monitor="val_loss", save_last=True)
        ],
        log_every_n_steps=5,
        default_root_dir=output,
    )
    trainer.fit(
        model,
        DataLoader(training, batch_size=BATCH_ROWS, shuffle=True),
        DataLoader(validation, batch_size=BATCH_ROWS),
    )
    result = {
        "samples_per_second": model.samples * world_size / model.fit_seconds,
        "seconds": model.fit_seconds,
        "validation_accuracy": float(trainer.callback_metrics["val_acc"]),
        "world_size": world_size,
        "epochs": epochs,
    }
    if trainer.is_global_zero:
        (output / RESULT_FILE).write_text(json.dumps(result), encoding="utf-8")
    return result


def _tracking() -> MLFlowLogger | bool:
    """Returns what sends metrics every few steps, and checkpoints, to MLflow; False without one."""
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    return MLFlowLogger("weather_forecasting", tracking_uri=uri, log_model=True) if uri else False


def main(arguments: list[str]) -> None:
    """Does one step of the recipe."""
    step, source, target = arguments[0], Path(arguments[1]), Path(arguments[2])
    if step == "preprocess":
        spark = SparkSession.builder.appName("plain_recipe").master("local[*]").getOrCreate()
        preprocess(spark, source, target)
        spark.stop()
    elif step == "train":
        train(source, target, int(arguments[3]) if len(arguments) > 3 else EPOCHS)
    else:
        raise SystemExit(f"unknown step {step!r}; there are preprocess and train")


if __name__ == "__main__":
    main(sys.argv[1:])
