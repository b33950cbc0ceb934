"""The raw files of a data root, identified by what they contain.

Belongs here: which files count as raw, whether one is complete, its content hash, the recorded
snapshot. Does not belong here: what the files say (`raw_headers`, `processing`).
"""

import hashlib
import stat
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from weather_assets.adapters.files.content_hashes import ContentHashes
from weather_assets.foundation.documents import DocumentFormat
from weather_assets.foundation.waiting import WaitedTooLongError, wait_until

RAW_SUFFIXES = (".csv", ".csv.gz", ".parquet")
SNAPSHOT = DocumentFormat("the record of the raw files")
_TAIL_BYTES = 64
# A file whose last line has no end may still be growing: it waits this many times longer.
_UNFINISHED_LINE_PATIENCE = 6
_PAUSE_SECONDS = 0.2


class RawDataError(ValueError):
    """The raw files cannot be used as they are. The message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One raw file of a snapshot.

    Attributes:
        name: path below `raw/`, with forward slashes.
        sha256: SHA-256 of its bytes, as hex.
        size_bytes: its length.
    """

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class RawSnapshot:
    """A set of raw files at one moment.

    Attributes:
        files: the files, ordered by name.
        contract_sha256: hash of the data root's own `contract.toml`, which says what the files
            are; empty where there is none.
    """

    files: tuple[SnapshotFile, ...]
    contract_sha256: str = ""

    @property
    def version(self) -> str:
        """Hash of the sorted content hashes: renaming, touching or copying times change nothing."""
        hashes = sorted(file.sha256 for file in self.files)
        if self.contract_sha256:
            hashes.append(self.contract_sha256)
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:16]

    @property
    def size_bytes(self) -> int:
        """Length of all files together."""
        return sum(file.size_bytes for file in self.files)

    def save(self, path: Path) -> None:
        """Writes the snapshot to `path`, complete or not at all."""
        SNAPSHOT.write(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Returns the snapshot saved at `path`.

        Raises:
            RawDataError: if none was saved yet.
            DocumentError: if it is damaged, or a newer version wrote it.
        """
        try:
            document = SNAPSHOT.read(path)
        except FileNotFoundError:
            raise RawDataError(
                f"{path} does not exist: materialize raw_weather first, which records the raw files"
            ) from None
        files = tuple(SnapshotFile(**file) for file in document["files"])
        return cls(files, document["contract_sha256"])


def list_raw_files(raw: Path) -> tuple[Path, ...]:
    """Returns the raw files below `raw`, ordered by path; hidden files do not count."""
    return tuple(path for path in _named_like_raw_files(raw) if path.is_file())


def _named_like_raw_files(raw: Path) -> tuple[Path, ...]:
    """Returns whatever below `raw` has a raw file's name, be it a file or not."""
    if not raw.is_dir():
        return ()
    found = (path for path in raw.rglob("*") if path.name.lower().endswith(RAW_SUFFIXES))
    visible = (
        path for path in found if not any(p.startswith(".") for p in path.relative_to(raw).parts)
    )
    return tuple(sorted(visible))


def _refuse_what_is_no_file(raw: Path) -> None:
    """Refuses entries that are called like raw files and cannot be read as such.

    Left out silently, they would look as if they had been read. Opening a pipe would wait for ever.

    Raises:
        RawDataError: naming the entry, what it is and what to do.
    """
    for path in _named_like_raw_files(raw):
        name = path.relative_to(raw).as_posix()
        if not name.isprintable():
            raise RawDataError(
                f"{raw}: the file name {name!a} has unprintable characters; rename the file"
            )
        if path.is_file() or (path.is_dir() and any(path.rglob("*.*"))):
            continue
        raise RawDataError(
            f"{raw}: {name!r} is {_kind_of_entry(path)}, not a file of rows; take it out of raw/ "
            "or put a regular file there"
        )


def _kind_of_entry(path: Path) -> str:
    if path.is_symlink():
        return f"a symbolic link to {str(path.readlink())!r}, which leads to no readable file"
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        return "an empty directory"
    return "a named pipe (FIFO)" if stat.S_ISFIFO(mode) else "a socket or device"


def is_settled(path: Path, *, settle_seconds: float) -> bool:
    """Tells whether a file looks complete: untouched for a while, and its last line has an end.

    Args:
        path: the file.
        settle_seconds: how long its modification time must lie in the past; a plain CSV file whose
            last line has no end waits six times as long. Zero takes every file as complete.

    Returns:
        Whether it may be read; False if it is gone.
    """
    if settle_seconds <= 0:
        return path.is_file()
    try:
        status = path.stat()
        now = time.time()
        # A clock elsewhere may have dated it in the future; the time of change is this machine's.
        unchanged_seconds = now - (status.st_mtime if status.st_mtime <= now else status.st_ctime)
        with path.open("rb") as stream:
            stream.seek(max(0, status.st_size - _TAIL_BYTES))
            tail = stream.read()
    except FileNotFoundError:
        return False
    ends = (b"PAR1",) if path.name.lower().endswith(".parquet") else (b"\n", b"\r")
    ends_cleanly = path.name.endswith(".gz") or tail.endswith(ends)
    patience = 1 if ends_cleanly and tail else _UNFINISHED_LINE_PATIENCE
    return unchanged_seconds >= settle_seconds * patience


def growing_files(raw: Path, *, settle_seconds: float) -> tuple[str, ...]:
    """Returns the names of raw files that look as if they were still being written."""
    return tuple(
        path.relative_to(raw).as_posix()
        for path in list_raw_files(raw)
        if not is_settled(path, settle_seconds=settle_seconds)
    )


def wait_until_settled(raw: Path, *, settle_seconds: float, patience_seconds: float) -> None:
    """Waits until no raw file looks as if it were still being written.

    Raises:
        RawDataError: naming the files that are not finished when patience ends.
    """
    growing: tuple[str, ...] = ()

    def at_rest() -> bool:
        nonlocal growing
        growing = growing_files(raw, settle_seconds=settle_seconds)
        return not growing

    try:
        wait_until(at_rest, patience_seconds, "raw files at rest", pause_seconds=_PAUSE_SECONDS)
    except WaitedTooLongError:
        raise RawDataError(
            f"still being written after {patience_seconds:g} s: {', '.join(growing)}; write "
            "elsewhere and move the file into raw/ when it is complete"
        ) from None


def take_snapshot(raw: Path, contract_file: Path, memo: Path | None = None) -> RawSnapshot:
    """Hashes the raw files, and the contract that the data root has for them.

    Args:
        raw: the folder of the raw files.
        contract_file: the data root's own contract, which need not exist.
        memo: where hashes are remembered (`content_hashes`).

    Raises:
        RawDataError: if there is no raw file at all, or something that is called like one cannot
            be read.
    """
    _refuse_what_is_no_file(raw)
    paths = list_raw_files(raw)
    if not paths:
        raise RawDataError(
            f"{raw} holds no raw file: put a weather.csv there ({', '.join(RAW_SUFFIXES)})"
        )
    contract_sha256 = (
        hashlib.sha256(contract_file.read_bytes()).hexdigest() if contract_file.is_file() else ""
    )
    hashes = ContentHashes(raw, memo)
    files = tuple(_identify(raw, path, hashes) for path in paths)
    hashes.save()
    return RawSnapshot(files, contract_sha256)


def present_snapshot(raw: Path, record: Path, memo: Path | None = None) -> RawSnapshot:
    """Returns the recorded snapshot, with every file under the name that it has by now.

    Renaming changes no content, and so no version: nothing would ever record the new name. A file
    that is not where it was recorded is therefore looked for by content, and recorded anew.

    Args:
        raw: the folder of the raw files.
        record: where the snapshot was saved.
        memo: where hashes are remembered (`content_hashes`).

    Raises:
        RawDataError: if none was saved yet.
        DocumentError: if it is damaged, or a newer version wrote it.
    """
    recorded = RawSnapshot.load(record)
    lost = [file for file in recorded.files if _size(raw / file.name) != file.size_bytes]
    if not lost:
        return recorded
    kept = [file for file in recorded.files if file not in lost]
    strangers = _names_by_content(
        raw,
        ContentHashes(raw, memo),
        sizes={file.size_bytes for file in lost},
        known={file.name for file in kept},
    )
    found = [
        replace(file, name=strangers[file.sha256].pop(0)) if strangers[file.sha256] else file
        for file in lost
    ]
    files = sorted((*kept, *found), key=lambda file: file.name)
    present = replace(recorded, files=tuple(files))
    if present != recorded:
        present.save(record)
    return present


def _names_by_content(
    raw: Path, hashes: ContentHashes, *, sizes: set[int], known: set[str]
) -> defaultdict[str, list[str]]:
    """Returns, by hash, the names of raw files of some sizes, without those that are known."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for path in list_raw_files(raw):
        name = path.relative_to(raw).as_posix()
        if name not in known and _size(path) in sizes:
            names[_sha256(path, hashes)].append(name)
    return names


def _size(path: Path) -> int | None:
    """Returns the length of a file, or None where there is no file."""
    return path.stat().st_size if path.is_file() else None


def verify_snapshot(raw: Path, snapshot: RawSnapshot, memo: Path | None = None) -> None:
    """Makes sure that the files of a snapshot still have the content that it recorded.

    What is made of them holds for the snapshot if this is called after they were read.

    Args:
        raw: the folder of the raw files.
        snapshot: what was recorded.
        memo: where hashes are remembered (`content_hashes`).

    Raises:
        RawDataError: naming the file that changed or went away.
    """
    hashes = ContentHashes(raw, memo)
    for file in snapshot.files:
        path = recorded_path(raw, file)
        if _sha256(path, hashes) != file.sha256:
            raise _changed(path, "has changed")
    hashes.save()


def recorded_path(raw: Path, file: SnapshotFile) -> Path:
    """Returns where a file of a snapshot is.

    Raises:
        RawDataError: if it is gone, or has not the length that was recorded.
    """
    path = raw / file.name
    if not path.is_file():
        raise _changed(path, "is gone")
    if path.stat().st_size != file.size_bytes:
        raise _changed(path, "has changed")
    return path


def _changed(path: Path, problem: str) -> RawDataError:
    return RawDataError(
        f"{path} {problem} since raw_weather was materialized; materialize raw_weather again "
        "(where raw/ has new content, the sensor does so by itself)"
    )


def _identify(raw: Path, path: Path, hashes: ContentHashes) -> SnapshotFile:
    sha256 = _sha256(path, hashes)
    return SnapshotFile(path.relative_to(raw).as_posix(), sha256, path.stat().st_size)


def _sha256(path: Path, hashes: ContentHashes) -> str:
    try:
        return hashes.sha256(path)
    except OSError as error:
        raise RawDataError(f"{path} cannot be read ({error.strerror}); check its access") from None
