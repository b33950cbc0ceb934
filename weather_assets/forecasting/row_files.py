"""Prepared rows as flat files in the order of their hashes: written once, read in slices.

Belongs here: from `weather.parquet` to these files with bounded memory, what makes them valid, and
reading a slice. Does not belong here: sorting (`row_sorting`), which slices are read when
(`epoch_order`).

A folder holds, per set of rows (`ROW_SETS`), `<set>.features` (float64 [N, F], row by row),
`<set>.labels` (uint8 [N]) and, written last, `index.json`. Reading copies a slice into memory
rather than mapping the file: what a rank needs is then all that it holds, and nothing else counts
as its memory.

Shapes: N rows, F features.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
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

TRAIN, VALIDATION, ALL = "train", "validation", "all"
"""What judged weights are trained on; what chooses among them; and every row, the newest ones that
judge included, which is what the weights that are served are trained on."""
ROW_SETS = (TRAIN, VALIDATION, ALL)
INDEX_FILE = "index.json"
_FORMAT = 2
_BATCH_ROWS = 131_072


@dataclass(frozen=True, slots=True)
class RowSetIndex:
    """What the files of one set of rows hold.

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
        sets: by name of the set of rows.
    """

    folder: Path
    width: int
    sets: dict[str, RowSetIndex]

    def read(self, name: str, start: int, stop: int) -> LabelledRows:
        """Returns the rows from `start` to `stop` of a set, copied into memory."""
        row_bytes = self.width * np.dtype("<f8").itemsize
        features = np.fromfile(
            _features_file(self.folder, name),
            "<f8",
            (stop - start) * self.width,
            offset=start * row_bytes,
        )
        labels = np.fromfile(_labels_file(self.folder, name), "u1", stop - start, offset=start)
        return LabelledRows(features.reshape(-1, self.width), labels.astype(np.float64))

    def rows(self, name: str) -> int:
        """Returns N of a set."""
        return self.sets[name].rows

    def undamaged(self) -> bool:
        """Whether all files hold what was written: reads them from end to end."""
        return all(
            _digest(_features_file(self.folder, name)) == index.features_digest
            and _digest(_labels_file(self.folder, name)) == index.labels_digest
            for name, index in self.sets.items()
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
            sets = {name: RowSetIndex(**fields) for name, fields in index["sets"].items()}
            return cls(folder, index["width"], sets)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def describe_source(path: Path, contract: Contract, shares: Mapping[str, float]) -> str:
    """Returns what row files are made of, as one digest: another one needs other files.

    Args:
        path: `weather.parquet`, a file or a folder of parts.
        contract: names the features.
        shares: as for `write_row_files`.

    Raises:
        OSError: if there is no such path.
    """
    parts = sorted(path.iterdir()) if path.is_dir() else [path]
    seen = [(part.name, part.stat().st_size, part.stat().st_mtime_ns) for part in parts]
    content = [_FORMAT, contract.fingerprint, dict(shares), seen]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def count_rows(path: Path, contract: Contract, chosen: ds.Expression | None = None) -> int:
    """Returns how many prepared rows there are: of all splits, or those that are chosen.

    Raises:
        TrainingDataError: if they are not readable, or prepared for another contract.
    """
    return _open(path, contract).count_rows(filter=chosen)


def write_row_files(
    path: Path,
    contract: Contract,
    folder: Path,
    *,
    source: str,
    shares: Mapping[str, float],
    on_batch: Callable[[], None] = lambda: None,
) -> RowFiles:
    """Writes every set of rows as row files. Memory does not grow with the rows.

    Part files and their order do not matter. Where only a share of a set is kept, it is the rows
    with the lowest hashes: the same ones whenever and wherever this is done, and as good as drawn
    by lot, since a hash says nothing of its row.

    Args:
        path: `weather.parquet`, a file or a folder of parts.
        contract: names the features.
        folder: replaced as a whole, in one step, when everything is written.
        source: kept in the index, see `RowFiles.find`.
        shares: by name of the set, which share of its rows to keep, in (0, 1]; all of the others.
        on_batch: called after every batch that was read or written.

    Raises:
        TrainingDataError: if a set has no rows, or only one class, or a column is missing.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    width = len(contract.features)
    dataset = _open(path, contract)
    expected = dataset.count_rows()
    sorts = {name: HashSort(partial / f"{name}.buckets", width, expected) for name in ROW_SETS}
    for name, records in _records(dataset, contract, shares):
        sorts[name].add(records)
        on_batch()
    indices: dict[str, RowSetIndex] = {}
    for name, sort in sorts.items():
        indices[name] = _write_set(partial, name, sort.sorted(), on_batch)
        sort.close()
        _check_classes(path, name, indices[name])
    index = {
        "source": source,
        "width": width,
        "sets": {name: asdict(fields) for name, fields in indices.items()},
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
    dataset: ds.Dataset, contract: Contract, shares: Mapping[str, float]
) -> Iterator[tuple[str, Records]]:
    """Yields name of the set and records, a batch at a time."""
    names = [feature.name for feature in contract.features]
    batches = dataset.to_batches(
        columns=[*names, LABEL_COLUMN, ORDER_COLUMN, SPLIT_COLUMN],
        batch_size=_BATCH_ROWS,
        batch_readahead=2,
        fragment_readahead=1,
    )
    for batch in batches:
        table = pa.Table.from_batches([batch])
        records = np.empty(len(table), record_type(len(names)))
        records["hash"] = table.column(ORDER_COLUMN).to_numpy()
        records["label"] = table.column(LABEL_COLUMN).to_numpy()
        records["features"] = feature_matrix(table, contract)
        split_N = table.column(SPLIT_COLUMN).to_numpy()
        for name in ROW_SETS:
            is_chosen = records["hash"] <= _highest_hash(shares.get(name, 1.0))
            if name != ALL:
                is_chosen &= split_N == name
            if is_chosen.any():
                yield name, records[is_chosen]


def _highest_hash(share: float) -> int:
    """Returns the hash up to which rows belong to a share of all."""
    return -(2**63) + int(share * 2**64) - 1


def _write_set(
    folder: Path, name: str, parts: Iterator[Records], on_batch: Callable[[], None]
) -> RowSetIndex:
    rows = events = 0
    digests = hashlib.sha256(), hashlib.sha256()
    paths = _features_file(folder, name), _labels_file(folder, name)
    with paths[0].open("wb") as features, paths[1].open("wb") as labels:
        for records in parts:
            for column, file, digest in zip(
                ("features", "label"), (features, labels), digests, strict=True
            ):
                content = np.ascontiguousarray(records[column])
                file.write(content.data)
                digest.update(content.data)
            rows += len(records)
            events += int(records["label"].sum(dtype=np.int64))
            on_batch()
    return RowSetIndex(rows, events, digests[0].hexdigest(), digests[1].hexdigest())


def _check_classes(path: Path, name: str, index: RowSetIndex) -> None:
    if not 0 < index.events < index.rows:
        raise TrainingDataError(
            f"{path}: split {name!r} has {index.rows} rows, {index.events} of them with the "
            "event; both outcomes are needed: give more data, or a split that is less one-sided"
        )


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _features_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.features"


def _labels_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.labels"
