"""Rows whose fate depends on others: duplicates, labels that lie ahead, splits in time.

Belongs here: the order of those stages for the rows of all files, and doing again only what new
files change. Does not belong here: the rules (`outcomes`, `splitting`), the stages themselves
(`windows`, `dividing`, `divided_rows`), or reading files (`file_entries`).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

from weather_assets.contract.schema import Contract
from weather_assets.foundation.documents import read_json
from weather_assets.processing.comparing.dividing import division_of
from weather_assets.processing.comparing.kept_results import KeptResults, make_whole
from weather_assets.processing.comparing.splitting import Division, is_chronological
from weather_assets.processing.comparing.windows import (
    ComparedRows,
    ComparedWindow,
    KeyedPart,
    Piece,
    Window,
    compare,
    pieces_of,
    windows_of,
)
from weather_assets.processing.parts.divided_rows import write_divided
from weather_assets.processing.parts.file_entries import FileEntry
from weather_assets.processing.parts.fitting import sample_share
from weather_assets.processing.parts.parts import PartPaths
from weather_assets.processing.parts.summaries import Summary
from weather_assets.processing.parts.tasks import Here, InSpark, Workers, is_little
from weather_assets.processing.parts.timed_parts import TimedPaths

_SPARE = 2
_NAME, _RECORD = "rows", "part.json"


@dataclass(frozen=True, slots=True)
class DividedPart:
    """A part of which it is known what becomes of each row.

    Attributes:
        folder: where it is kept.
        summary: of its rows.
        share: of its training rows, how many are in its sample for quantiles.
    """

    folder: Path
    summary: Summary
    share: float

    @property
    def paths(self) -> PartPaths:
        """Where its rows are; a file that would have no row is not there."""
        return PartPaths.of(self.folder, _NAME)

    @classmethod
    def load(cls, folder: Path) -> "DividedPart":
        """Returns what is kept in a folder."""
        record = read_json(folder / _RECORD)
        return cls(folder, Summary.from_json(record["summary"]), record["share"])


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a file, before anything is known of other rows."""

    file: str
    rows: Path
    row_count: int
    keys: KeyedPart

    @classmethod
    def all_of(cls, file: str, entry: FileEntry) -> "list[_Part]":
        found: list[_Part] = []
        for part in entry.timed:
            paths = TimedPaths.of(entry.folder, part.name)
            name = f"{entry.folder.name}/{part.name}"
            keys = KeyedPart(name, paths.keys, part.keyed, part.first, part.last)
            found.append(cls(file, paths.rows, part.rows, keys))
        return found


@dataclass(frozen=True, slots=True)
class _Job:
    """A part that is to be written; travels to Spark's workers."""

    file: str
    rows: Path
    row_count: int
    pieces: tuple[Piece, ...]
    division: Division | None
    folder: Path

    def write(self, contract: Contract, share: float) -> str:
        fates = np.concatenate([np.empty(0, np.int8), *(piece.fates() for piece in self.pieces)])

        def fill(staged: Path) -> None:
            paths = PartPaths.of(staged, _NAME)
            summary = write_divided(
                self.rows, fates, self.file, contract, self.division, share, paths
            )
            record = json.dumps({"summary": summary.to_json(), "share": share})
            (staged / _RECORD).write_text(record, encoding="utf-8")

        make_whole(self.folder, fill)
        return self.folder.name


def finish_timed(
    spark: Callable[[], SparkSession],
    entries: Mapping[str, FileEntry],
    contract: Contract,
    results: KeptResults,
    small_bytes: int,
) -> list[DividedPart]:
    """Compares, labels and divides the rows of all files, as far as that was not done before.

    Args:
        spark: gives the session; called only if much is to be done.
        entries: of the files, by their names.
        contract: of their rows.
        results: where results are kept.
        small_bytes: how much text counts as little.

    Returns:
        The parts, by file name and place in the file.
    """

    def workers(*, compared: int = 0, written: int = 0) -> Workers:
        little = is_little(small_bytes, compared=compared, written=written)
        return Here() if little else InSpark(spark())

    # The first of equal rows is kept: by file name, and by line within a file.
    parts = [part for file in sorted(entries) for part in _Part.all_of(file, entries[file])]
    keyed = [part.keys for part in parts]
    lead = contract.label.lead
    windows = windows_of(keyed, lead)
    compared = _compared(workers, windows, keyed, lead, results)
    rows = ComparedRows(windows, compared, keyed)
    is_divided = is_chronological(contract) and rows.kept
    division = division_of(rows, contract.split, lead) if is_divided else None
    jobs = _jobs(parts, pieces_of(windows, compared, len(parts)), division, results)
    return _written(workers, jobs, contract, rows.kept)


def _compared(
    workers: Callable[..., Workers],
    windows: Sequence[Window],
    parts: Sequence[KeyedPart],
    lead: timedelta | None,
    results: KeptResults,
) -> list[ComparedWindow]:
    """Returns what is found in each window; where it is not known yet, rows are compared."""
    folders = [results.folder(window.name(parts)) for window in windows]
    paths = [part.path for part in parts]
    work = [
        (window, folder)
        for window, folder in zip(windows, folders, strict=True)
        if not folder.is_dir()
    ]

    def compare_one(piece: int) -> str:
        window, folder = work[piece]
        compare(window, paths, lead, folder)
        return folder.name

    rows = sum(window.row_count for window, _ in work)
    workers(compared=rows).each(len(work), compare_one)
    return [ComparedWindow.load(folder) for folder in folders]


def _jobs(
    parts: Sequence[_Part],
    pieces: Sequence[Sequence[Piece]],
    division: Division | None,
    results: KeptResults,
) -> list[_Job]:
    jobs: list[_Job] = []
    for part, its_pieces in zip(parts, pieces, strict=True):
        digests = [piece.digest for piece in its_pieces]
        divided = [] if division is None else _divided(part.keys, division)
        identity = f"{part.file}\n{part.keys.name}\n{divided}\n{digests}"
        name = f"part-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"
        jobs.append(
            _Job(
                part.file,
                part.rows,
                part.row_count,
                tuple(its_pieces),
                division,
                results.folder(name),
            )
        )
    return jobs


def _divided(keys: KeyedPart, division: Division) -> list[int]:
    """Returns what decides how the rows of a part are divided.

    Instants as places among them: one that moves elsewhere changes nothing here. The blocks, if
    there are rows before the gap.
    """
    places = [keys.rank(division.gap_start), keys.rank(division.test_start)]
    return [*places, division.block, division.period] if places[0] else places


def _written(
    workers: Callable[..., Workers], jobs: Sequence[_Job], contract: Contract, kept: int
) -> list[DividedPart]:
    """Returns what became of each part; those that are not there yet are written."""
    share = min(1.0, _SPARE * sample_share(round(kept * contract.split.train)))
    work = [job for job in jobs if not job.folder.is_dir()]
    rows = sum(job.row_count for job in work)
    workers(written=rows).each(len(work), lambda piece: work[piece].write(contract, share))
    return [DividedPart.load(job.folder) for job in jobs]
