"""Files of which the tests of `suggestion` know what they hold.

Belongs here: making samples and text. Does not belong here: assertions.
"""

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from weather_assets.suggestion.proposal import Proposal
from weather_assets.suggestion.proposing import propose
from weather_assets.suggestion.sampling import Block, Sample, sample_of

Columns = Mapping[str, Sequence[object]]


def sample(columns: Columns, *, is_whole: bool = True) -> Sample:
    """Returns a sample of one block that holds these columns."""
    rows: Block = [
        [str(cell) for cell in row]
        for row in zip(*(columns[name] for name in columns), strict=True)
    ]
    return sample_of(list(columns), [rows], is_whole=is_whole)


def proposal(columns: Columns) -> Proposal:
    """Returns what is proposed for a file of these columns."""
    return propose(sample(columns), "made.csv")


def hours(count: int, step_hours: float = 1.0, pattern: str = "%Y-%m-%dT%H:%MZ") -> list[str]:
    """Returns timestamps in regular steps from 2020-01-01."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    return [(start + timedelta(hours=step_hours * n)).strftime(pattern) for n in range(count)]


def normal(count: int, middle: float, width: float, digits: int = 1, seed: int = 0) -> list[float]:
    """Returns numbers around a middle, rounded."""
    generator = np.random.default_rng(seed)
    return np.round(generator.normal(middle, width, count), digits).tolist()


def uniform(count: int, low: float, high: float, digits: int = 1, seed: int = 0) -> list[float]:
    """Returns numbers between two limits, rounded."""
    return np.round(np.random.default_rng(seed).uniform(low, high, count), digits).tolist()


def flags(count: int, wet: object = "yes", dry: object = "no", seed: int = 1) -> list[object]:
    """Returns a label of two values, a third of it wet."""
    generator = np.random.default_rng(seed)
    return [wet if draw < 0.33 else dry for draw in generator.uniform(size=count)]


def amounts(count: int, digits: int = 1, size: float = 1.0, seed: int = 2) -> list[float]:
    """Returns precipitation: mostly none, else exponential with this mean."""
    generator = np.random.default_rng(seed)
    falls = generator.uniform(size=count) < 0.2
    return np.round(np.where(falls, generator.exponential(size, count), 0.0), digits).tolist()


def renamed(source: Path, target: Path, names: Sequence[str]) -> Path:
    """Writes a file again under other header cells; `source` may be compressed."""
    opener = gzip.open if source.suffix == ".gz" else open
    with opener(source, "rt", encoding="utf-8") as stream:
        _, _, rows = stream.read().partition("\n")
    target.write_text(f"{','.join(names)}\n{rows}", encoding="utf-8")
    return target


def text_of(columns: Columns, delimiter: str = ",") -> str:
    """Returns a CSV file of these columns."""
    target = io.StringIO()
    writer = csv.writer(target, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return target.getvalue()
