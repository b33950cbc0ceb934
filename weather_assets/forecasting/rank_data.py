"""What one rank trains on, from a job file.

Belongs here: obtaining the row files that all ranks share, this rank's part of them, and what
identifies a run. Does not belong here: training (`training`), or what is in the files
(`row_files`).
"""

import hashlib
import json
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.dataset as ds
from filelock import FileLock, Timeout

from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.forecasting.data import (
    LABEL_COLUMN,
    SPLIT_COLUMN,
    LabelledRows,
    TrainingDataError,
)
from weather_assets.forecasting.events import RankEvents
from weather_assets.forecasting.rank_environment import RankEnvironment
from weather_assets.forecasting.row_files import (
    ALL,
    TRAIN,
    VALIDATION,
    RowFiles,
    count_rows,
    describe_source,
    write_row_files,
)
from weather_assets.forecasting.settings import TrainingJob
from weather_assets.foundation.documents import read_json

_LOOK_SECONDS = 0.01
_SCORED_TOGETHER = 65_536


@dataclass(frozen=True, slots=True)
class RankData:
    """What one rank trains on.

    Attributes:
        contract: of the rows.
        statistics: of all training rows.
        files: the rows of all ranks.
        place: who this rank is.
        validation: this rank's part of the validation rows that choose epoch and candidate.
        fingerprint: of everything that decides the result.
    """

    contract: Contract
    statistics: TrainingStatistics
    files: RowFiles
    place: RankEnvironment
    validation: LabelledRows
    fingerprint: str

    @classmethod
    def read(cls, job: TrainingJob, place: RankEnvironment, events: RankEvents) -> Self:
        """Reads what is small, and finds or makes the row files.

        Raises:
            TrainingDataError: if the rows cannot be trained on.
            OSError: if the contract or the statistics are missing.
        """
        contract = Contract.from_dict(read_json(job.contract))
        statistics = TrainingStatistics.from_json(job.statistics.read_text(encoding="utf-8"))
        files = obtain_row_files(job, contract, statistics, events)
        settings = job.settings
        digest = hashlib.sha256()
        for text in (json.dumps(settings.to_dict()), contract.fingerprint, statistics.to_json()):
            digest.update(text.encode())
        for each in files.sets.values():
            digest.update(f"{each.features_digest}{each.labels_digest}".encode())
        return cls(
            contract=contract,
            statistics=statistics,
            files=files,
            place=place,
            validation=validation_share(files, settings.validation_rows, place),
            fingerprint=digest.hexdigest(),
        )

    @property
    def training_rows(self) -> int:
        """Training rows over all ranks."""
        return self.files.rows(TRAIN)

    def all_validation_rows(self) -> Iterator[LabelledRows]:
        """Yields this rank's part of all validation rows: each is on exactly one rank, once."""
        rows, world_size = self.files.rows(VALIDATION), self.place.world_size
        first, last = (rows * rank // world_size for rank in (self.place.rank, self.place.rank + 1))
        for start in range(first, last, _SCORED_TOGETHER):
            yield self.files.read(VALIDATION, start, min(start + _SCORED_TOGETHER, last))


def validation_share(files: RowFiles, maximum: int, place: RankEnvironment) -> LabelledRows:
    """Returns this rank's part of the first validation rows: none is on two ranks, or padded.

    Args:
        files: rows in the order of their hashes, so that the first ones are a sample.
        maximum: over all ranks.
        place: who this rank is.
    """
    rows = min(files.rows(VALIDATION), maximum)
    first = files.read(VALIDATION, 0, rows)
    own = slice(place.rank, None, place.world_size)
    return LabelledRows(first.features_NF[own].copy(), first.labels_N[own].copy())


def obtain_row_files(
    job: TrainingJob, contract: Contract, statistics: TrainingStatistics, events: RankEvents
) -> RowFiles:
    """Returns the row files of a job, made by the rank that comes first; the others wait for it.

    Files that an earlier attempt left are used if they are of the same rows and undamaged.

    Args:
        job: says where they are, and where the rows are that they are made of.
        contract: of the rows.
        statistics: of all training rows.
        events: shows that work, or waiting, goes on.

    Raises:
        TrainingDataError: if the rows cannot be trained on.
        OSError: if there are no rows.
    """
    counts = {TRAIN: statistics.training_rows, ALL: count_rows(job.rows, contract)}
    shares = {name: job.settings.share_visited(rows) for name, rows in counts.items()}
    source = describe_source(job.rows, contract, shares)
    job.output.mkdir(parents=True, exist_ok=True)
    with _turn(job.row_files_lock, events):
        found = RowFiles.find(job.row_files, source)
        if found is not None and found.undamaged():
            return found

        def working() -> None:
            events.step += 1

        _check_statistics(job, contract, statistics)
        files = write_row_files(
            job.rows,
            contract,
            job.row_files,
            source=source,
            shares=shares,
            on_batch=working,
        )
        pa.default_memory_pool().release_unused()
        return files


def _check_statistics(job: TrainingJob, contract: Contract, statistics: TrainingStatistics) -> None:
    """Refuses what was fitted on other rows than those that train: test rows would be among them.

    Raises:
        TrainingDataError: if the numbers of rows say so.
    """
    trains = ds.field(SPLIT_COLUMN) == TRAIN
    rows = count_rows(job.rows, contract, trains)
    events = count_rows(job.rows, contract, trains & (ds.field(LABEL_COLUMN) == 1))
    fitted = {feature.count + feature.missing for feature in statistics.features}
    fitted.add(statistics.training_rows)
    if fitted != {rows} or statistics.training_positive != events:
        raise TrainingDataError(
            f"{job.statistics} was fitted on {sorted(fitted)} rows, "
            f"{statistics.training_positive} of them with the event, but the training rows of "
            f"{job.rows} are {rows}, {events} of them with it: prepare the rows again"
        )


@contextmanager
def _turn(path: Path, events: RankEvents) -> Generator[None]:
    """Waits for a lock and holds it. A process that held it and died has released it."""
    lock = FileLock(path, timeout=0)
    while not lock.is_locked:
        try:
            lock.acquire()
        except Timeout:
            events.step += 1  # waiting is not hanging
            time.sleep(_LOOK_SECONDS)
    try:
        yield
    finally:
        lock.release()
