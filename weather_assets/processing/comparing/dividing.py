"""Where a chronological division divides: its test window, and the blocks that validate.

Belongs here: finding both from times and labels, without reading more rows than that takes. Does
not belong here: which split a row is in (`splitting`), or where rows come from (`windows`).

Everything follows from the set of rows without a fault, never from the windows they come in.
"""

import math
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Protocol

import numpy as np

from weather_assets.contract.schema import Split
from weather_assets.processing.cells.alike_timestamps import MICROSECONDS_PER_DAY
from weather_assets.processing.comparing.outcomes import lead_microseconds
from weather_assets.processing.comparing.splitting import Division
from weather_assets.processing.comparing.windows import LabelledRows

DECIDING_ROWS = 50
"""So many rows with the event, and so many without it, a test window should hold: a hit rate is
then known to 14 percentage points (two standard errors of a share of one half), and of fewer the
loss of a single storm is most of the verdict."""

DECIDING_DAYS = 20
"""On so many days (UTC) should the event have happened: the hours of a day are one weather, and
days are what a verdict resamples; the quantiles of fewer depend on which days there were."""

BLOCK = 2 * MICROSECONDS_PER_DAY
"""Validation comes in blocks of so much time: longer than most weather lasts, so that a block tells
something which its neighbours in training do not, and short enough to recur in every month."""

PERIODS = 8
"""So often the blocks should recur; of fewer, which weather they catch is chance."""

_LONGEST = 2**62
"""Of a period, in microseconds: more than all time, and what 64 bits hold."""


class RowsInTime(Protocol):
    """All rows without a fault, as `ComparedRows` has them."""

    @property
    def kept(self) -> int:
        """How many there are."""
        ...

    @property
    def events(self) -> int:
        """How many have the event."""
        ...

    def instant(self, rank: int) -> int:
        """Returns the time of the row of a rank in order of time."""
        ...

    def newest_first(self, before: int = ..., /) -> Iterator[LabelledRows]:
        """Yields the rows from before an instant, some at once, never part of an instant."""
        ...


def division_of(rows: RowsInTime, split: Split, lead: timedelta | None) -> Division:
    """Finds where rows are to be divided.

    Args:
        rows: at least one.
        split: the shares that are asked for.
        lead: how much later than a row its outcome is known.

    Returns:
        The division. `first_test_instant` tells where its test window begins, `validation_blocks`
        how long its blocks are.
    """
    start = first_test_instant(rows, split)
    gap_start = start - (0 if lead is None else lead_microseconds(lead))
    return Division(gap_start, start, *validation_blocks(rows, split, gap_start))


def first_test_instant(rows: RowsInTime, split: Split) -> int:
    """Returns where the test window begins.

    The window has the newest rows: the share that neither trains nor validates, all rows of an
    instant on one side. Where these hold too little to decide (`DECIDING_ROWS` of either kind,
    `DECIDING_DAYS`), it reaches back until they hold enough, but to no more than half of all rows,
    and leaves of either kind half as many as there are of the rarer: what trains must have learned
    both. What the newest half does not hold, the window goes without: it reaches back to the oldest
    row there that makes it less poor, and no further. So a dry season that only more dry days
    precede costs no training row, one that follows the rains takes the end of the rains along, and
    a small file is judged on as much as it trains on: its model would gain less from a few more
    rows than its verdict.

    Rows that are newer than all others never move the window back: what trained does not judge.
    """
    older = math.ceil(rows.kept * sum(_shares(split)))
    start = rows.instant(older - 1) + 1
    needed = np.array([DECIDING_ROWS, DECIDING_ROWS, DECIDING_DAYS])
    by_kind = np.array([rows.events, rows.kept - rows.events])
    most = by_kind - (by_kind.min() + 1) // 2
    reached = 0
    for instants, held in _counted(rows):
        is_little = held[:2].sum(0) <= rows.kept // 2
        allowed = is_little & (held[:2] <= most[:, None]).all(0)
        progress = np.minimum(held, needed[:, None]).sum(0)[allowed]
        if len(progress) and progress[-1] > reached:
            reached = int(progress[-1])
            start = min(start, int(instants[np.argmax(progress)]))
        if reached == needed.sum() or not allowed.all():
            break
    return start


def _counted(rows: RowsInTime) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields instants, newest first, [I], and what the rows from each of them on hold, [3, I].

    That is: rows with the event, rows without it, and days with the event.
    """
    held = np.zeros((3, 1), np.int64)
    newer_day = np.iinfo(np.int64).max
    for each in rows.newest_first():
        times, events = each.times[::-1], each.events[::-1].astype(np.int64)
        with_event = np.flatnonzero(events)
        days = times[with_event] // MICROSECONDS_PER_DAY
        is_new_day = np.zeros_like(events)
        is_new_day[with_event] = days != np.concatenate([[newer_day], days[:-1]])[: len(days)]
        ends = np.flatnonzero(np.append(times[1:] != times[:-1], True))
        counts = held + np.cumsum([events, 1 - events, is_new_day], axis=1)[:, ends]
        yield times[ends], counts
        held, newer_day = counts[:, -1:], int(days[-1]) if len(days) else newer_day


def validation_blocks(rows: RowsInTime, split: Split, before: int) -> tuple[int, int]:
    """Returns how long the blocks are that validate, and their period, in microseconds.

    A block is `BLOCK`, unless the rows are few. Where they span less than `PERIODS` periods, it is
    halved until they do or it would be shorter than the mean step between their instants: a
    shorter one catches no row more. Where training or validation would then lack one kind of rows,
    it is halved until neither does, as far as that can be. Where no block divides a handful of
    instants, equal parts of time take turns, whatever the shares.

    Args:
        rows: all rows.
        split: the shares of training and validation.
        before: rows from before this instant train or validate.
    """
    newest = next(rows.newest_first(before), None)
    if newest is None:
        return BLOCK, period_of(BLOCK, split)
    first, last = rows.instant(0), int(newest.times[-1])
    span, block = last - first, BLOCK
    if 0 < span < PERIODS * period_of(block, split):
        instants = sum(len(np.unique(each.times)) for each in rows.newest_first(before))
        step = Fraction(span, instants - 1)
        while span < PERIODS * period_of(block, split) and block >= 2 * step:
            block //= 2
    best, reached = block, _variety(rows, split, before, block)
    reachable = reached if reached == _ALL_KINDS else _reachable(rows, before)
    while reached < reachable and block > 1:
        block //= 2
        variety = _variety(rows, split, before, block)
        if variety > reached:
            best, reached = block, variety
    if last > first and not reached[0]:
        differing = first ^ last
        best = differing & -differing  # the last bit in which they differ
        return best, 2 * best
    return best, period_of(best, split)


_ALL_KINDS = (True, 4)


def _variety(rows: RowsInTime, split: Split, before: int, block: int) -> tuple[bool, int]:
    """Returns whether there are rows for both, and how many of the four kinds there are.

    The kinds are training and validation, with the event and without it. Of rows of one class
    nothing more is to be found than both of its kinds.
    """
    division = Division(before, before, block, period_of(block, split))
    full = 4 if 0 < rows.events < rows.kept else 2
    found = np.zeros(4, np.bool_)
    for each in rows.newest_first(before):
        found[2 * division.is_validation(each.times) + each.events] = True
        if found.sum() == full:
            break
    return bool(found[:2].any() and found[2:].any()), int(found.sum())


def _reachable(rows: RowsInTime, before: int) -> tuple[bool, int]:
    """Returns the most that `_variety` can be: rows of one instant stay together."""
    by_class = np.zeros(2, np.int64)
    instants = 0
    for each in rows.newest_first(before):
        instants += len(np.unique(each.times))
        by_class += [len(np.unique(each.times[each.events == event])) for event in (0, 1)]
    return instants > 1, int(np.minimum(by_class, 2).sum())


def period_of(block: int, split: Split) -> int:
    """Returns how often a block recurs, so that validation has its share; in microseconds."""
    train, validation = _shares(split)
    period = math.floor(block * (train + validation) / validation)
    return min(max(period, block + 1), _LONGEST)


def _shares(split: Split) -> tuple[Fraction, Fraction]:
    # As the decimal fractions that people write: 0.1 + 0.2 is 0.3.
    return Fraction(str(split.train)), Fraction(str(split.validation))
