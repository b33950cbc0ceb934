"""The parts of all files as the two folders of rows of one version.

Belongs here: linking parts into a version, the sum of their summaries, and their samples of the
training rows. Does not belong here: making parts (`parts`, `timed_parts`), or what else a version
holds (`pipeline`).
"""

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from weather_assets.contract.schema import Contract
from weather_assets.processing.comparing.splitting import TRAIN
from weather_assets.processing.parts.file_entries import FileEntry
from weather_assets.processing.parts.fitting import sample_share, sampled_rows
from weather_assets.processing.parts.parts import weather_schema, write_rejected
from weather_assets.processing.parts.summaries import Summary, summary_of, total
from weather_assets.processing.parts.timed_rows import DividedPart

_NONE = "none.parquet"


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the rows of a version go.

    Attributes:
        weather: those that are kept.
        rejected: those that are set aside.
    """

    weather: Path
    rejected: Path


@dataclass(frozen=True, slots=True)
class _Sampled:
    """Where rows for quantiles come from: a sample, or the part that it was drawn from."""

    sample: Path
    share: float
    weather: Path

    def table(self, contract: Contract, share: float) -> pa.Table:
        """Returns at least a share of the training rows."""
        if share <= self.share:
            return pq.read_table(self.sample)
        training = pq.read_table(self.weather, filters=[("split", "=", TRAIN)])
        return sampled_rows(training, contract, share)


Gathered = tuple[Summary, Iterator[pa.Table]]
"""The summary of all rows, and samples for quantiles."""


def gather(entries: Collection[FileEntry], contract: Contract, folders: Folders) -> Gathered:
    """Gathers the parts of files whose rows stand alone."""
    summary = total(entry.summary for entry in entries)
    sampled: list[_Sampled] = []
    for entry in entries:
        for part, paths in zip(entry.parts, entry.paths(), strict=True):
            name = f"{entry.folder.name}-{part}.parquet"
            _link(paths.weather, folders.weather / name)
            _link(paths.rejected, folders.rejected / name)
            sampled.append(_Sampled(paths.sample, entry.share, folders.weather / name))
    return summary, _samples(summary, sampled, contract, folders)


def gather_timed(parts: Sequence[DividedPart], contract: Contract, folders: Folders) -> Gathered:
    """Gathers parts whose rows were compared."""
    # Of no row at all, where no part has any.
    nothing = summary_of(TRAIN, weather_schema(contract).empty_table(), contract)
    summary = total([nothing, *(part.summary for part in parts)])
    sampled: list[_Sampled] = []
    for number, part in enumerate(parts):
        name = f"{number:05}.parquet"
        if part.paths.weather.exists():
            _link(part.paths.weather, folders.weather / name)
            sampled.append(_Sampled(part.paths.sample, part.share, folders.weather / name))
        if part.paths.rejected.exists():
            _link(part.paths.rejected, folders.rejected / name)
    return summary, _samples(summary, sampled, contract, folders)


def _samples(
    summary: Summary, sampled: Sequence[_Sampled], contract: Contract, folders: Folders
) -> Iterator[pa.Table]:
    """Completes folders without a row, and returns samples of the training rows."""
    if not any(folders.weather.iterdir()):
        nothing = weather_schema(contract).empty_table()
        pq.write_table(nothing, folders.weather / _NONE, store_schema=False)
    if not any(folders.rejected.iterdir()):
        write_rejected([], folders.rejected / _NONE)
    share = sample_share(summary.training_rows)
    return (each.table(contract, share) for each in sampled)


def _link(made: Path, place: Path) -> None:
    """Makes a part of an entry a part of the version, which takes no room of its own."""
    try:
        os.link(made, place)
    except OSError:  # a file system without hard links
        shutil.copyfile(made, place)
