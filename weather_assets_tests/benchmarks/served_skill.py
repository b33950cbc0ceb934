"""What is served, asked about a time that comes after every row that it knows; over several seeds.

Belongs here: New York's rows up to September through the public commands, and the skill of
`predict` from October to December. Does not belong here: the verdict on held-out rows (`skill`).
"""

import csv
import gzip
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import brier_score_loss, roc_auc_score

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkError,
    BenchmarkResult,
    Measurement,
    Requirement,
    Workplace,
)
from weather_assets_tests.benchmarks.processes import Program, run_together
from weather_assets_tests.benchmarks.skill import SAMPLES

SEEDS = (1, 2, 3, 4, 5)
LEAST_AUC, LEAST_BSS, LARGEST_SPREAD = 0.950, 0.54, 0.015
_FILE, _TIME, _STATION, _LATER = "nyc-hourly-2013.csv.gz", "time_hour", "origin", "2013-10-01"
_TIMEOUT_SECONDS = 600.0

_Floats = npt.NDArray[np.float64]


def measure(workplace: Workplace) -> BenchmarkResult:
    """Trains once per seed on the rows before October, and scores forecasts of the rows since."""
    with gzip.open(SAMPLES / _FILE, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    whole = _root(workplace, "whole", rows)
    _run(workplace, whole, "processed_weather", {})
    labels = pd.read_parquet(whole.processed / "weather.parquet")
    labels[_TIME] = labels[_TIME].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    events = labels.set_index([_STATION, _TIME])["label_encoded"]
    known = [row for row in rows if row[_TIME] < _LATER]
    # Those whose outcome was observed; all of them are asked about.
    later = [
        row for row in rows if row[_TIME] >= _LATER and (row[_STATION], row[_TIME]) in events.index
    ]
    observed_N = np.array([events[row[_STATION], row[_TIME]] for row in later], np.float64)
    base_rate = float(labels.loc[labels[_TIME] < _LATER, "label_encoded"].mean())
    measurements: list[Measurement] = []
    skills: list[float] = []
    areas: list[float] = []
    for seed in SEEDS:
        root = _root(workplace, f"seed-{seed}", known)
        _run(workplace, root, "champion_model", {"WEATHER_ASSETS_TRAINING_SEED": str(seed)})
        probability_N = _forecasts(workplace, root, later)
        reference = brier_score_loss(observed_N, np.full(len(later), base_rate))
        skills.append(1.0 - float(brier_score_loss(observed_N, probability_N)) / float(reference))
        areas.append(float(roc_auc_score(observed_N, probability_N)))
        name = f"seed {seed}"
        measurements += [
            Measurement(name, "ROC AUC", areas[-1]),
            Measurement(name, "BSS", skills[-1]),
        ]
        workplace.say(f"{name}: BSS {skills[-1]:.4f}, AUC {areas[-1]:.4f}")
    spread = max(skills) - min(skills)
    return BenchmarkResult(
        tuple(measurements),
        (
            Requirement("least ROC AUC of a seed", min(areas), LEAST_AUC),
            Requirement("least BSS of a seed", min(skills), LEAST_BSS),
            Requirement("what the spread leaves of .015", LARGEST_SPREAD - spread, 0.0),
        ),
        (f"mean BSS {np.mean(skills):.4f}, spread {spread:.4f}, {len(later):,} rows",),
    )


def _root(workplace: Workplace, name: str, rows: Sequence[Mapping[str, str]]) -> DataRoot:
    root = DataRoot.at(workplace.folder / name).create()
    _write(root.raw / "weather.csv", rows)
    return root


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _run(workplace: Workplace, root: DataRoot, until: str, environment: Mapping[str, str]) -> None:
    arguments = ("run", "--until", until, "--data", str(root.path))
    _command(workplace, root, arguments, environment)


def _forecasts(workplace: Workplace, root: DataRoot, rows: Sequence[Mapping[str, str]]) -> _Floats:
    asked, answered = root.path / "asked.csv", root.path / "answered.csv"
    _write(asked, rows)
    places = ("--input", str(asked), "--output", str(answered), "--data", str(root.path))
    _command(workplace, root, ("predict", *places), {})
    return pd.read_csv(answered)["probability"].to_numpy(np.float64)


def _command(
    workplace: Workplace, root: DataRoot, arguments: Sequence[str], environment: Mapping[str, str]
) -> None:
    command = [sys.executable, "-m", "weather_assets", *arguments]
    program = Program(arguments[0], command, root.path, environment)
    finish = run_together([program], timeout_seconds=_TIMEOUT_SECONDS, say=workplace.say)
    if finish.exit_codes != (0,):
        raise BenchmarkError(f"{root.path.name}: {program.tail()}")
