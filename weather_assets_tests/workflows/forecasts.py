"""Forecasts of a file of rows by a model of two lines.

Belongs here: making and reading them. Does not belong here: what they must be.
"""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from weather_assets.contract.schema import Contract
from weather_assets.processing.files.raw_file import RawFile
from weather_assets.workflows.champions import Champion
from weather_assets.workflows.prediction import predict_file
from weather_assets_tests.processing.weather_files import (
    header_of,
    write_csv,
)

Floats = npt.NDArray[np.float64]
Line = tuple[float | None, str]
"""Probability and problem."""


def answers(features_NF: Floats) -> Floats:
    """Stands for a network: no two rows have the same answer."""
    weights = 0.5 ** np.arange(1, features_NF.shape[1] + 1)
    return 1 / (1 + np.exp(-(np.nan_to_num(features_NF, nan=-7.0) @ weights) / 100))


def champion(contract: Contract, model: Callable[[Floats], Floats] = answers) -> Champion:
    return Champion("1", contract, model, "its double")


def read_lines(path: Path) -> list[Line]:
    with path.open(encoding="utf-8", newline="") as stream:
        header, *lines = csv.reader(stream)
    assert header == ["probability", "problem"]
    return [(float(cell) if cell else None, problem) for cell, problem in lines]


def forecast(
    file: RawFile, contract: Contract, model: Callable[[Floats], Floats] = answers
) -> list[Line]:
    target = Path(file.path).with_name("predictions.csv")
    found = predict_file(champion(contract, model), file, target)
    lines = read_lines(target)
    assert found.rows == len(lines)
    assert found.scored == sum(probability is not None for probability, _ in lines)
    assert all((probability is None) == bool(problem) for probability, problem in lines)
    return lines


def forecast_bytes(
    folder: Path, content: bytes, contract: Contract, name: str = "rows.csv"
) -> list[Line]:
    (folder / name).write_bytes(content)
    return forecast(RawFile(str(folder / name), name), contract)


def forecast_rows(folder: Path, contract: Contract, *rows: str) -> list[Line]:
    return forecast(write_csv(folder, "rows.csv", [header_of(contract), *rows]), contract)
