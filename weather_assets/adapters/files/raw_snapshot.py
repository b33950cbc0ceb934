"""The raw files of a data root, identified by what they contain.

Belongs here: which files count as raw, their content hashes, the recorded snapshot. Does not belong
here: whether a file is complete (`raw_looks`), what it says (`raw_headers`, `processing`).
"""

import hashlib
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from weather_assets.adapters.files.content_hashes import ContentHashes
from weather_assets.adapters.settings.concerns import PLACES
from weather_assets.foundation.documents import DocumentFormat
from weather_assets.foundation.healing import may_heal

RAW_SUFFIXES = (".csv", ".csv.gz", ".parquet")
SNAPSHOT = DocumentFormat("the record of the raw files")


class RawDataError(ValueError):
    """The raw files cannot be used as they are. The message says which, why, and what to do."""


class RawFilesChangedError(RawDataError):
    """A file is not as it was recorded, and so may be as soon as it is recorded anew."""

    may_heal = True


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
        return self._digest(sorted(file.sha256 for file in self.files))

    @property
    def place(self) -> str:
        """Hash of contents and names: of all that is recorded."""
        return self._digest([f"{file.sha256} {file.name}" for file in self.files])

    @property
    def size_bytes(self) -> int:
        """Length of all files together."""
        return sum(file.size_bytes for file in self.files)

    def _digest(self, lines: list[str]) -> str:
        contract = [self.contract_sha256] if self.contract_sha256 else []
        return hashlib.sha256("\n".join([*lines, *contract]).encode()).hexdigest()[:16]

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
        if leads_elsewhere(raw, path):
            raise RawDataError(
                f"{raw}: {name!r} leads to {str(path.resolve())!r}, which is not in raw/; copy the "
                "file, or set WEATHER_ASSETS_FOLLOW_LINKS=yes if all links there are yours"
            )
        if path.is_file() or (path.is_dir() and any(path.rglob("*.*"))):
            continue
        raise RawDataError(
            f"{raw}: {name!r} is {_kind_of_entry(path)}, not a file of rows; take it out of raw/ "
            "or put a regular file there"
        )


def leads_elsewhere(raw: Path, path: Path) -> bool:
    """Tells whether a raw file is a link, or behind one, that leads out of `raw` and may not.

    Whoever may put files there could otherwise have any file read that this user may read.

    Args:
        raw: the folder of the raw files, which may be a link itself.
        path: below it.
    """
    return (
        path.exists()  # a loop has no place
        and not path.resolve().is_relative_to(raw.resolve())
        and PLACES.read().follow_links == "no"
    )


def _kind_of_entry(path: Path) -> str:
    if path.is_symlink():
        return f"a symbolic link to {str(path.readlink())!r}, which leads to no readable file"
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        return "an empty directory"
    return "a named pipe (FIFO)" if stat.S_ISFIFO(mode) else "a socket or device"


def take_snapshot(
    raw: Path,
    contract_file: Path,
    memo: Path | None = None,
    files: Sequence[Path] | None = None,
) -> RawSnapshot:
    """Hashes the raw files, and the contract that the data root has for them.

    Args:
        raw: the folder of the raw files.
        contract_file: the data root's own contract, which need not exist.
        memo: where hashes are remembered (`content_hashes`).
        files: those of the raw files that are taken, ordered by name; None for all.

    Raises:
        RawDataError: if there is no raw file at all, or something that is called like one cannot
            be read.
    """
    _refuse_what_is_no_file(raw)
    paths = list_raw_files(raw) if files is None else files
    if not paths:
        raise RawDataError(
            f"{raw} holds no raw file: put a weather.csv there ({', '.join(RAW_SUFFIXES)})"
        )
    contract_sha256 = (
        hashlib.sha256(contract_file.read_bytes()).hexdigest() if contract_file.is_file() else ""
    )
    hashes = ContentHashes(raw, memo)
    found = tuple(_identify(raw, path, hashes) for path in paths)
    hashes.save()
    return RawSnapshot(found, contract_sha256)


def verify_snapshot(raw: Path, snapshot: RawSnapshot, memo: Path | None = None) -> None:
    """Makes sure that the files of a snapshot still have the content that it recorded.

    What is made of them holds for the snapshot if this is called after they were read.

    Args:
        raw: the folder of the raw files.
        snapshot: what was recorded.
        memo: where hashes are remembered (`content_hashes`).

    Raises:
        RawFilesChangedError: naming the file that changed or went away.
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
        RawFilesChangedError: if it is gone, or has not the length that was recorded.
    """
    path = raw / file.name
    if not path.is_file():
        raise _changed(path, "is gone")
    if leads_elsewhere(raw, path):
        raise _changed(path, "has become a link that leads out of raw/")
    if path.stat().st_size != file.size_bytes:
        raise _changed(path, "has changed")
    return path


def _changed(path: Path, problem: str) -> RawFilesChangedError:
    return RawFilesChangedError(
        f"{path} {problem} since raw_weather recorded it; materialize raw_weather again (with the "
        "sensors on, it is recorded anew by itself)"
    )


def _identify(raw: Path, path: Path, hashes: ContentHashes) -> SnapshotFile:
    sha256 = _sha256(path, hashes)
    return SnapshotFile(path.relative_to(raw).as_posix(), sha256, path.stat().st_size)


def _sha256(path: Path, hashes: ContentHashes) -> str:
    try:
        return hashes.sha256(path)
    except FileNotFoundError:
        raise _changed(path, "is gone") from None
    except OSError as error:
        if may_heal(error):
            raise
        raise RawDataError(f"{path} cannot be read ({error.strerror}); check its access") from None
