"""A five-column weather.csv with known ground truth, for tests and benchmarks.

Belongs here: making files that the `five_column` contract recognises. Does not belong here: any
real observation (`data/samples`).

The five-column data set that this schema comes from is synthetic itself: five independent uniforms,
and rain exactly where it is cool, humid and cloudy. Its licence is unknown, so an equivalent file
is made here instead of keeping a copy.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

COLUMNS = ("Temperature", "Humidity", "Wind_Speed", "Cloud_Cover", "Pressure", "Rain")
"""Header of the file: degC, percent, km/h, percent, hPa, label."""

RANGES = ((10.0, 35.0), (30.0, 100.0), (0.0, 20.0), (0.0, 100.0), (980.0, 1050.0))
"""Lowest and highest value of each quantity: those of the original, rounded outwards."""

_CHUNK_ROWS = 100_000


def rains(quantities_N5: np.ndarray) -> np.ndarray:
    """Returns where it rains: below 25 degC, above 70 % humidity and above 50 % cloud.

    Args:
        quantities_N5: the five quantities in the order of `COLUMNS`, [N, 5].

    Returns:
        Booleans, [N]; true for 12.9 % of rows in the long run.
    """
    temperature_N, humidity_N, cloud_N = (
        quantities_N5[:, 0],
        quantities_N5[:, 1],
        quantities_N5[:, 3],
    )
    return (temperature_N < 25.0) & (humidity_N > 70.0) & (cloud_N > 50.0)


def five_column_chunks(rows: int = 2500, seed: int = 2500) -> Iterator[str]:
    """Yields the text of the file piece by piece, so that a large file needs no memory.

    Args:
        rows: how many, not counting the header.
        seed: of the values; equal arguments give equal text.
    """
    generator = np.random.default_rng(seed)
    lowest_5, highest_5 = np.array(RANGES).T
    yield ",".join(COLUMNS) + "\n"
    for first in range(0, rows, _CHUNK_ROWS):
        number = min(_CHUNK_ROWS, rows - first)
        quantities_N5 = generator.uniform(lowest_5, highest_5, size=(number, len(RANGES)))
        labels = np.where(rains(quantities_N5), "rain", "no rain").tolist()
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows(
            [*quantities_5, label]
            for quantities_5, label in zip(quantities_N5.tolist(), labels, strict=True)
        )
        yield text.getvalue()


def five_column_text(rows: int = 2500, seed: int = 2500) -> str:
    """Returns the whole file as text; see `five_column_chunks`."""
    return "".join(five_column_chunks(rows, seed))


def write_five_column(path: Path, rows: int = 2500, seed: int = 2500) -> Path:
    """Writes the file, making folders that are missing, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(five_column_chunks(rows, seed))
    return path
