"""Stretches of time whose rows are compared together, and what came of it.

Belongs here: dividing all time so that no stretch holds more rows than fit into memory, and keeping
what was found. Does not belong here: the comparison (`outcomes`), or what is done with it
(`timed_rows`).

A stretch is a power of two of microseconds, and begins at a multiple of its length: rows that are
added can divide one further, and move no other. What is found in it depends on nothing but the rows
in it and, with a lead, those that tell their outcomes; so it is kept under a hash of where those
rows come from, and a new file has the stretches compared anew that it has rows for.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from weather_assets.foundation.documents import read_json
from weather_assets.processing.comparing.kept_results import make_whole
from weather_assets.processing.comparing.outcomes import (
    Fates,
    fates_of,
    is_labelled,
    lead_microseconds,
)
from weather_assets.processing.comparing.row_keys import RowKeys

ROWS_PER_WINDOW = 1_000_000
"""A window of so many rows takes about 100 MB and 0.4 s to compare."""

_ALL_TIME = 2**53
"""Microseconds on either side of 1970; timestamps reach from 1700 to 2199."""

_RECORD, _FATES = "window.json", "fates.npy"


@dataclass(frozen=True)
class KeyedPart:
    """The rows of one part of a raw file as far as other rows are concerned.

    Attributes:
        name: identifies its content.
        path: the file with its keys (`row_keys`).
        rows: how many there are in it.
        first: lowest time in it.
        last: highest time in it.
    """

    name: str
    path: Path
    rows: int
    first: int
    last: int

    @cached_property
    def keys(self) -> RowKeys:
        """The rows, sorted by time; their file is opened when it is first needed."""
        return RowKeys.mapped(self.path)

    def rank(self, time: int) -> int:
        """Returns how many of the rows are from before a time."""
        if not self.rows or time <= self.first:
            return 0
        if time > self.last:
            return self.rows
        return int(np.searchsorted(self.keys.times, time))


@dataclass(frozen=True, slots=True)
class Slice:
    """Some neighbouring rows of a part.

    Attributes:
        part: its number.
        begin: first of the rows.
        end: one behind the last of them.
    """

    part: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time with rows in it.

    Attributes:
        start: its first instant, in microseconds UTC.
        end: the first instant behind it.
        rows: those in it, by file name and line.
        later: with a lead, those that tell their outcomes.
    """

    start: int
    end: int
    rows: tuple[Slice, ...]
    later: tuple[Slice, ...]

    @property
    def row_count(self) -> int:
        """How many rows are looked at to compare those in it."""
        return sum(each.end - each.begin for each in (*self.rows, *self.later))

    def name(self, parts: Sequence[KeyedPart]) -> str:
        """Returns a name for all that decides what is found in it."""
        digest = hashlib.sha256(f"{self.start} {self.end}".encode())
        for slices in (self.rows, self.later):
            for each in slices:
                digest.update(f"\n{parts[each.part].name} {each.begin} {each.end}".encode())
            digest.update(b"\n")
        return f"window-{digest.hexdigest()[:32]}"


def windows_of(parts: Sequence[KeyedPart], lead: timedelta | None) -> list[Window]:
    """Divides time so that every row is in one window.

    Args:
        parts: all rows, in the order in which the first of equal rows is kept.
        lead: how much later the outcome of a row is observed, if not with it.

    Returns:
        The windows that have rows, oldest first. One holds at most `ROWS_PER_WINDOW` rows, or
        those of a single instant.
    """
    whole = tuple(Slice(number, 0, part.rows) for number, part in enumerate(parts) if part.rows)
    return list(_divided(parts, whole, -_ALL_TIME, _ALL_TIME, lead))


def _divided(
    parts: Sequence[KeyedPart],
    rows: tuple[Slice, ...],
    start: int,
    end: int,
    lead: timedelta | None,
) -> Iterator[Window]:
    if not rows:
        return
    if sum(each.end - each.begin for each in rows) <= ROWS_PER_WINDOW or end - start == 1:
        yield Window(start, end, rows, _later(parts, start, end, lead))
        return
    middle = (start + end) // 2
    cuts = [(each, parts[each.part].rank(middle)) for each in rows]
    older = tuple(Slice(each.part, each.begin, min(cut, each.end)) for each, cut in cuts)
    newer = tuple(Slice(each.part, max(cut, each.begin), each.end) for each, cut in cuts)
    yield from _divided(parts, _filled(older), start, middle, lead)
    yield from _divided(parts, _filled(newer), middle, end, lead)


def _later(
    parts: Sequence[KeyedPart], start: int, end: int, lead: timedelta | None
) -> tuple[Slice, ...]:
    if lead is None:
        return ()
    shift = lead_microseconds(lead)
    return _filled(
        tuple(
            Slice(number, part.rank(start + shift), part.rank(end + shift))
            for number, part in enumerate(parts)
        )
    )


def _filled(slices: tuple[Slice, ...]) -> tuple[Slice, ...]:
    return tuple(each for each in slices if each.begin < each.end)


@dataclass(frozen=True, slots=True)
class ComparedWindow:
    """What was found in a window.

    Attributes:
        folder: where it is kept.
        kept: how many of its rows have no fault.
        events: how many of those have the event.
        digests: of the fates of each of its slices.
    """

    folder: Path
    kept: int
    events: int
    digests: tuple[str, ...]

    @property
    def fates_file(self) -> Path:
        """The fates of all its slices, one behind the other."""
        return self.folder / _FATES

    @classmethod
    def load(cls, folder: Path) -> "ComparedWindow":
        """Returns what is kept in a folder."""
        record = read_json(folder / _RECORD)
        return cls(folder, record["kept"], record["events"], tuple(record["digests"]))


def compare(window: Window, paths: Sequence[Path], lead: timedelta | None, folder: Path) -> None:
    """Compares the rows of a window, and keeps what was found.

    Args:
        window: which.
        paths: the keys of every part.
        lead: as for `windows_of`.
        folder: where to keep it; complete or not there, also if two tasks try at the same time.
    """
    mapped = {each.part: RowKeys.mapped(paths[each.part]) for each in (*window.rows, *window.later)}

    def joined(slices: tuple[Slice, ...]) -> RowKeys:
        return RowKeys.joined(
            mapped[each.part].chosen(slice(each.begin, each.end)) for each in slices
        )

    fates = fates_of(joined(window.rows), joined(window.later), lead)
    ends = np.cumsum([each.end - each.begin for each in window.rows])
    digests = [hashlib.sha256(part.tobytes()).hexdigest()[:32] for part in np.split(fates, ends)]
    counts = {"kept": int(is_labelled(fates).sum()), "events": int((fates == 1).sum())}

    def write(staged: Path) -> None:
        np.save(staged / _FATES, fates)
        record = {**counts, "digests": digests[:-1]}
        (staged / _RECORD).write_text(json.dumps(record), encoding="utf-8")

    make_whole(folder, write)


@dataclass(frozen=True, slots=True)
class Piece:
    """Fates of neighbouring rows of a part.

    Attributes:
        file: holds fates.
        begin: first of those that are meant.
        end: one behind the last of them.
        digest: of their content.
    """

    file: Path
    begin: int
    end: int
    digest: str

    def fates(self) -> Fates:
        """Returns the fates."""
        return np.load(self.file, mmap_mode="r")[self.begin : self.end]


def pieces_of(
    windows: Sequence[Window], compared: Sequence[ComparedWindow], parts: int
) -> list[list[Piece]]:
    """Returns the fates of each part's rows, oldest first.

    Args:
        windows: all of them, oldest first.
        compared: what was found in each.
        parts: how many parts there are.
    """
    pieces: list[list[Piece]] = [[] for _ in range(parts)]
    for window, found in zip(windows, compared, strict=True):
        at = 0
        for each, digest in zip(window.rows, found.digests, strict=True):
            end = at + each.end - each.begin
            pieces[each.part].append(Piece(found.fates_file, at, end, digest))
            at = end
    return pieces


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Rows without a fault, in order of time.

    Attributes:
        times: microseconds UTC, [N].
        events: 1 with the event, else 0, [N].
    """

    times: npt.NDArray[np.int64]
    events: Fates


@dataclass(frozen=True, slots=True)
class ComparedRows:
    """All rows, once they are compared; files are opened where rows of them are asked for.

    Attributes:
        windows: all of them, oldest first.
        compared: what was found in each.
        parts: whose rows they have.
    """

    windows: Sequence[Window]
    compared: Sequence[ComparedWindow]
    parts: Sequence[KeyedPart]

    @property
    def kept(self) -> int:
        """How many rows have no fault."""
        return sum(found.kept for found in self.compared)

    @property
    def events(self) -> int:
        """How many of those have the event."""
        return sum(found.events for found in self.compared)

    def instant(self, rank: int) -> int:
        """Returns the time of one row among those without a fault.

        Args:
            rank: how many such rows are older, or as old and counted before it.
        """
        before = 0
        for window, found in zip(self.windows, self.compared, strict=True):
            if rank < before + found.kept:
                return int(self._labelled(window, found).times[rank - before])
            before += found.kept
        raise ValueError(f"there are {before} rows without a fault; row {rank} is none of them")

    def newest_first(self, before: int = _ALL_TIME) -> Iterator[LabelledRows]:
        """Yields the rows without a fault that are from before an instant, window by window.

        Never none at once; all rows of an instant come together.
        """
        for window, found in zip(self.windows[::-1], self.compared[::-1], strict=True):
            if not found.kept or window.start >= before:
                continue
            rows = self._labelled(window, found)
            end = int(np.searchsorted(rows.times, before))
            if end:
                yield LabelledRows(rows.times[:end], rows.events[:end])

    def _labelled(self, window: Window, found: ComparedWindow) -> LabelledRows:
        times = np.concatenate(
            [self.parts[each.part].keys.times[each.begin : each.end] for each in window.rows]
        )
        fates = np.load(found.fates_file)
        labelled = np.flatnonzero(is_labelled(fates))
        order = labelled[np.argsort(times[labelled], kind="stable")]
        return LabelledRows(times[order], fates[order])
