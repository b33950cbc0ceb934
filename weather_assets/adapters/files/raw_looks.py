"""Whether raw files are complete, by comparing what was seen of them in two looks.

Belongs here: what is remembered of a look, and which files are in motion. Does not belong here:
what the files contain (`raw_snapshot`), or when somebody looks.

A file is at rest once its size, its modification time and its identity have been the same for a
while, by this machine's clock alone: what the file's own times say may come from another clock, and
may lie in the future.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weather_assets.adapters.files.raw_snapshot import list_raw_files
from weather_assets.foundation.documents import DocumentError, DocumentFormat

REWRITE_PATIENCE_SECONDS = 600.0
"""For so long everything waits for a recorded file that is being rewritten: without its rows, the
others would not be the same data. Then they go on without it, and say so, until it is complete."""
_LOOKS = DocumentFormat("the memory of looks at the raw files")
_TAIL_BYTES = 64
_UNFINISHED_LINE_PATIENCE = 6
"""A file whose last line has no end may still be growing: it waits this many times longer."""

_Marks = list[int] | None


@dataclass(frozen=True, slots=True)
class RawLook:
    """What one look at `raw/` has shown.

    Attributes:
        complete: the files that are at rest.
        growing: names of files that are in motion and are left out.
        awaited: names of recorded files that are in motion, or gone for a moment, which all others
            wait for.
    """

    complete: tuple[Path, ...]
    growing: tuple[str, ...]
    awaited: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sighting:
    """What is remembered of a file: how it looks, since when, and since when it is in motion."""

    marks: _Marks
    since: float
    moving_since: float | None


def look_at_raw_files(
    raw: Path, memo: Path, *, recorded: Collection[str], settle_seconds: float, now: float
) -> RawLook:
    """Looks at the raw files, compares with the last look, and remembers this one.

    Args:
        raw: the folder of the raw files.
        memo: where looks are remembered.
        recorded: names of the files that were recorded.
        settle_seconds: for how long a file must look the same.
        now: in seconds, by this machine's clock.
    """
    paths = {path.relative_to(raw).as_posix(): path for path in list_raw_files(raw)}
    before = _remembered(memo)
    sightings = {
        name: _sighting(paths.get(name), before.get(name), now, settle_seconds)
        for name in sorted({*paths, *recorded})
    }
    if sightings != before:
        _LOOKS.write(memo, {"files": {name: _row(each) for name, each in sightings.items()}})
    moving = {name: each for name, each in sightings.items() if each.moving_since is not None}
    awaited = [
        name
        for name, each in moving.items()
        if name in recorded and now - (each.moving_since or now) < REWRITE_PATIENCE_SECONDS
    ]
    return RawLook(
        complete=tuple(path for name, path in paths.items() if name not in moving),
        growing=tuple(name for name in moving if name in paths and name not in awaited),
        awaited=tuple(awaited),
    )


def _sighting(
    path: Path | None, before: _Sighting | None, now: float, settle_seconds: float
) -> _Sighting:
    marks = None if path is None else _marks(path)
    same = before is not None and before.marks == marks
    # Where the clock was set back, the file is first seen now.
    since = before.since if before is not None and same and before.since <= now else now
    began = now if before is None or before.moving_since is None else before.moving_since
    patience = settle_seconds
    if path is not None and now - since < settle_seconds * _UNFINISHED_LINE_PATIENCE:
        patience *= 1 if _ends_cleanly(path) else _UNFINISHED_LINE_PATIENCE
    at_rest = same and now - since >= patience
    return _Sighting(marks, since, None if at_rest else min(began, now))


def _marks(path: Path) -> _Marks:
    with suppress(FileNotFoundError):
        status = path.stat()
        return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]
    return None


def _ends_cleanly(path: Path) -> bool:
    """Tells whether a file ends as a complete one does; a compressed one says nothing of it."""
    name = path.name.lower()
    if name.endswith(".gz"):
        return True
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            tail = stream.read()
    except OSError:
        return False
    return tail.endswith((b"PAR1",) if name.endswith(".parquet") else (b"\n", b"\r"))


def _remembered(memo: Path) -> Mapping[str, _Sighting]:
    # What cannot be believed is forgotten: everything is looked at twice again.
    with suppress(OSError, DocumentError, TypeError):
        files: dict[str, list[Any]] = _LOOKS.read(memo)["files"]
        return {name: _Sighting(*row) for name, row in files.items()}
    return {}


def _row(sighting: _Sighting) -> list[Any]:
    return [sighting.marks, sighting.since, sighting.moving_since]
