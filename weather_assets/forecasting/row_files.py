"""Prepared rows as flat files in the order of their hashes: written once, read in slices.

Belongs here: from `weather.parquet` to these files with bounded memory, what makes them valid, and
reading a slice. Does not belong here: sorting (`row_sorting`), which slices are read when
(`epoch_order`).

A folder holds, per split, `<split>.features` (float64 [N, F], row by row), `<split>.labels` (uint8
[N]) and, written last, `index.json`. Reading copies a slice into memory rather than mapping the
file: what a rank needs is then all that it holds, and nothing else counts as its memory.

Shapes: N rows, F features.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from weather_assets.contract.schema import Contract
from weather_assets.forecasting.data import (
    LABEL_COLUMN,
    ORDER_COLUMN,
    SPLIT_COLUMN,
    LabelledRows,
    TrainingDataError,
    feature_matrix,
)
from weather_assets.forecasting.row_sorting import HashSort, Records, record_type

SPLITS = ("train", "validation")
INDEX_FILE = "index.json"
_FORMAT = 1
_BATCH_ROWS = 131_072


@dataclass(frozen=True, slots=True)
class SplitIndex:
    """What the files of one split hold.

    Attributes:
        rows: N.
        events: how many of them have the event.
        features_digest: SHA-256 of the file, in hexadecimal digits.
        labels_digest: likewise.
    """

    rows: int
    events: int
    features_digest: str
    labels_digest: str


@dataclass(frozen=True, slots=True)
class RowFiles:
    """A folder of row files.

    Attributes:
        folder: where they are.
        width: F.
        splits: by name of the split.
    """

    folder: Path
    width: int
    splits: dict[str, SplitIndex]

    def read(self, split: str, start: int, stop: int) -> LabelledRows:
        """Returns the rows from `start` to `stop` of a split, copied into memory."""
        row_bytes = self.width * np.dtype("<f8").itemsize
        features = np.fromfile(
            _features_file(self.folder, split),
            "<f8",
            (stop - start) * self.width,
            offset=start * row_bytes,
        )
        labels = np.fromfile(_labels_file(self.folder, split), "u1", stop - start, offset=start)
        return LabelledRows(features.reshape(-1, self.width), labels.astype(np.float64))

    def rows(self, split: str) -> int:
        """Returns N of a split."""
        return self.splits[split].rows

    def undamaged(self) -> bool:
        """Whether all files hold what was written: reads them from end to end."""
        return all(
            _digest(_features_file(self.folder, split)) == index.features_digest
            and _digest(_labels_file(self.folder, split)) == index.labels_digest
            for split, index in self.splits.items()
        )

    @classmethod
    def find(cls, folder: Path, source: str) -> Self | None:
        """Returns the files that a folder holds of a source, or None where it holds no such files.

        Args:
            folder: as given to `write_row_files`.
            source: likewise.
        """
        try:
            index = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
            if index["source"] != source:
                return None
            splits = {name: SplitIndex(**fields) for name, fields in index["splits"].items()}
            return cls(folder, index["width"], splits)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def describe_source(path: Path, contract: Contract, training_share: float) -> str:
    """Returns what row files are made of, as one digest: another one needs other files.

    Args:
        path: `weather.parquet`, a file or a folder of parts.
        contract: names the features.
        training_share: share of the training rows that are kept.

    Raises:
        OSError: if there is no such path.
    """
    parts = sorted(path.iterdir()) if path.is_dir() else [path]
    seen = [(part.name, part.stat().st_size, part.stat().st_mtime_ns) for part in parts]
    content = [_FORMAT, contract.fingerprint, training_share, seen]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def write_row_files(
    path: Path,
    contract: Contract,
    folder: Path,
    *,
    source: str,
    training_share: float = 1.0,
    on_batch: Callable[[], None] = lambda: None,
) -> RowFiles:
    """Writes training and validation rows as row files. Memory does not grow with the rows.

    Part files and their order do not matter. Where only a share of the training rows is kept, it
    is those with the lowest hashes: the same ones whenever and wherever this is done, and as good
    as drawn by lot, since a hash says nothing of its row.

    Args:
        path: `weather.parquet`, a file or a folder of parts.
        contract: names the features.
        folder: replaced as a whole, in one step, when everything is written.
        source: kept in the index, see `RowFiles.find`.
        training_share: share of the training rows to keep, in (0, 1].
        on_batch: called after every batch that was read or written.

    Raises:
        TrainingDataError: if a split has no rows, or only one class, or a column is missing.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    width = len(contract.features)
    dataset = _open(path, contract)
    expected = dataset.count_rows()
    sorts = {split: HashSort(partial / f"{split}.buckets", width, expected) for split in SPLITS}
    for split, records in _records(dataset, contract, training_share):
        sorts[split].add(records)
        on_batch()
    indices: dict[str, SplitIndex] = {}
    for split, sort in sorts.items():
        indices[split] = _write_split(partial, split, sort.sorted(), on_batch)
        sort.close()
        _check_classes(path, split, indices[split])
    index = {
        "source": source,
        "width": width,
        "splits": {split: asdict(fields) for split, fields in indices.items()},
    }
    (partial / INDEX_FILE).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return RowFiles(folder, width, indices)


def _open(path: Path, contract: Contract) -> ds.Dataset:
    names = {*(feature.name for feature in contract.features)}
    names |= {LABEL_COLUMN, ORDER_COLUMN, SPLIT_COLUMN}
    try:
        dataset = ds.dataset(path, format="parquet")
    except (OSError, pa.ArrowInvalid) as error:
        raise TrainingDataError(f"{path}: not readable as prepared rows: {error}") from error
    missing = sorted(names - set(dataset.schema.names))
    if missing:
        raise TrainingDataError(
            f"{path} lacks the columns {missing}; the rows are prepared for another contract than "
            f"{contract.name!r}: prepare them again"
        )
    return dataset


def _records(
    dataset: ds.Dataset, contract: Contract, training_share: float
) -> Iterator[tuple[str, Records]]:
    """Yields split and records, a batch at a time."""
    names = [feature.name for feature in contract.features]
    batches = dataset.to_batches(
        columns=[*names, LABEL_COLUMN, ORDER_COLUMN, SPLIT_COLUMN],
        batch_size=_BATCH_ROWS,
        batch_readahead=2,
        fragment_readahead=1,
    )
    highest = -(2**63) + int(training_share * 2**64) - 1
    for batch in batches:
        table = pa.Table.from_batches([batch])
        for split in SPLITS:
            condition = pc.field(SPLIT_COLUMN) == split
            if split == "train" and training_share < 1:
                condition &= pc.field(ORDER_COLUMN) <= highest
            chosen = table.filter(condition)
            if len(chosen):
                records = np.empty(len(chosen), record_type(len(names)))
                records["hash"] = chosen.column(ORDER_COLUMN).to_numpy()
                records["label"] = chosen.column(LABEL_COLUMN).to_numpy()
                records["features"] = feature_matrix(chosen, contract)
                yield split, records


def _write_split(
    folder: Path, split: str, parts: Iterator[Records], on_batch: Callable[[], None]
) -> SplitIndex:
    rows = events = 0
    digests = hashlib.sha256(), hashlib.sha256()
    paths = _features_file(folder, split), _labels_file(folder, split)
    with paths[0].open("wb") as features, paths[1].open("wb") as labels:
        for records in parts:
            for name, file, digest in zip(
                ("features", "label"), (features, labels), digests, strict=True
            ):
                content = np.ascontiguousarray(records[name])
                file.write(content.data)
                digest.update(content.data)
            rows += len(records)
            events += int(records["label"].sum(dtype=np.int64))
            on_batch()
    return SplitIndex(rows, events, digests[0].hexdigest(), digests[1].hexdigest())


def _check_classes(path: Path, split: str, index: SplitIndex) -> None:
    if not 0 < index.events < index.rows:
        raise TrainingDataError(
            f"{path}: split {split!r} has {index.rows} rows, {index.events} of them with the "
            "event; both outcomes are needed: give more data, or a split that is less one-sided"
        )


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _features_file(folder: Path, split: str) -> Path:
    return folder / f"{split}.features"


def _labels_file(folder: Path, split: str) -> Path:
    return folder / f"{split}.labels"
