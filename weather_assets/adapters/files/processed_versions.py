"""Complete versions of the processed rows, of which one is current, replaced atomically.

Belongs here: folders, symbolic links and their order of change, and how long anything stays. Does
not belong here: what a version contains (`weather_assets.processing` writes it).

`processed/current` is one symbolic link; `weather.parquet` and `rejected.parquet` point through it.
Replacing that link is one rename, so that both flip together, and a reader sees either the old
version or the new one, whenever the writer is killed.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from weather_assets.foundation.atomic_files import point_link
from weather_assets.foundation.documents import DocumentFormat

_Result = TypeVar("_Result")
RESULTS = "results"
"""Key of a version's manifest: names of the results that it was made of."""

LINKED = ("weather.parquet", "rejected.parquet")
_COMPLETE = "manifest.json"
_MANIFEST = DocumentFormat("the manifest of processed rows")
_LOCK_TIMEOUT_SECONDS = 600


class ProcessedVersions:
    """The versions below one `processed/` folder.

    Args:
        folder: `processed/` of a data root.
        kept_versions: how many versions stay on disk, the current one included; the older ones
            serve readers that opened them before a change, and rollback.
    """

    def __init__(self, folder: Path, *, kept_versions: int = 3) -> None:
        self._folder = folder
        self._versions = folder / "versions"
        self._files = folder / "files"
        self._new_files = self._files / "new"
        self._current = folder / "current"
        self._kept_versions = kept_versions

    def path(self, version: str) -> Path:
        """Returns the folder of a version, complete or not."""
        return self._versions / version

    def result(self, name: str) -> Path:
        """Returns the folder of what a version is made of, or where it is to be made.

        Once `keep_results` was called it stays until no version is left whose manifest names it.
        """
        return (self._files if self.has_result(name) else self._new_files) / name

    def has_result(self, name: str) -> bool:
        """Tells whether a result is kept."""
        return (self._files / name).is_dir()

    def keep_results(self) -> None:
        """Keeps the results that were made while a version is built, and that proved right."""
        for folder in self._new_files.glob("[!.]*"):
            folder.rename(self._files / folder.name)

    def has(self, version: str) -> bool:
        """Tells whether a version was written to its end."""
        return (self.path(version) / _COMPLETE).is_file()

    def current(self) -> Path:
        """Returns the folder of the current version, resolved: it stays that version.

        Raises:
            FileNotFoundError: if nothing was processed yet.
        """
        if not self._current.exists():
            raise FileNotFoundError(
                f"{self._folder} holds no processed rows: materialize processed_weather first"
            )
        return self._current.resolve(strict=True)

    def build(self, version: str, write: Callable[[Path], _Result]) -> _Result:
        """Writes a version next to the others, without making it current.

        Args:
            version: its name.
            write: fills the empty folder that it is given; a version counts as complete once
                `write_manifest` was called, which `write` does last.

        Returns:
            What `write` returned.
        """
        self._versions.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._remove_leftovers()
            staged = self._versions / f".building-{version}"
            staged.mkdir()
            try:
                result = write(staged)
            except BaseException:
                self._remove_leftovers()  # no Parquet of a file that cannot be read to its end
                raise
            if not (staged / _COMPLETE).is_file():
                raise FileNotFoundError(f"{staged} was written without {_COMPLETE}")
            shutil.rmtree(self.path(version), ignore_errors=True)
            staged.rename(self.path(version))
        return result

    def discard(self, version: str) -> None:
        """Removes a version that must not be used, and what was made for it alone."""
        with self._lock():
            shutil.rmtree(self.path(version))
            self._remove_unused_results()

    def publish(self, version: str) -> None:
        """Makes a complete version the current one, and removes the oldest beyond those kept.

        Raises:
            FileNotFoundError: if the version is not complete.
        """
        if not self.has(version):
            raise FileNotFoundError(f"{self.path(version)} is not a complete version")
        with self._lock():
            point_link(self._current, Path("versions") / version)
            for name in LINKED:
                point_link(self._folder / name, Path("current") / name)
            os.utime(self.path(version))
            self._remove_old_versions(keep=version)
            self._remove_unused_results()

    def _lock(self) -> FileLock:
        return FileLock(self._folder / ".lock", timeout=_LOCK_TIMEOUT_SECONDS)

    def _remove_leftovers(self) -> None:
        for leftover in (*self._versions.glob(".building-*"), self._new_files):
            shutil.rmtree(leftover, ignore_errors=True)

    def _remove_old_versions(self, *, keep: str) -> None:
        complete = (folder for folder in self._versions.iterdir() if (folder / _COMPLETE).is_file())
        newest_first = sorted(complete, key=lambda folder: folder.stat().st_mtime, reverse=True)
        others = [folder for folder in newest_first if folder.name != keep]
        for folder in others[self._kept_versions - 1 :]:
            shutil.rmtree(folder)

    def _remove_unused_results(self) -> None:
        used: set[str] = set()
        for manifest in self._versions.glob(f"*/{_COMPLETE}"):
            used.update(read_manifest(manifest.parent).get(RESULTS, ()))
        for folder in self._files.glob("*"):
            if folder.name not in used:
                shutil.rmtree(folder)


def read_manifest(version: Path) -> dict[str, Any]:
    """Returns what a version says of itself.

    Args:
        version: folder of a complete version.

    Raises:
        DocumentError: it is damaged, or a newer version of weather_assets wrote it.
    """
    return _MANIFEST.read(version / _COMPLETE)


def write_manifest(version: Path, content: Mapping[str, Any]) -> None:
    """Writes what a version says of itself, with which it counts as complete."""
    _MANIFEST.write(version / _COMPLETE, content)
