"""Rows held against other rows: duplicates, contradictions, and labels that lie in the future.

Belongs here: whatever needs the rows of one station and time side by side. Does not belong here:
rules for single rows (`validation`), which rows are brought together (`windows`), or the division
into splits (`splitting`).
"""

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.comparing.row_keys import RowKeys

Fates = npt.NDArray[np.int8]
"""What becomes of each row, [N]: 0 or 1, the label of a row without a fault; `OWN_FAULT`; or one of
`REASONS`."""

OWN_FAULT = -1
"""The fate of a row that has a fault by itself, or no time or station."""

_CONTRADICTING, _DUPLICATE, _NO_OUTCOME = 2, 3, 4
REASONS: Mapping[int, Reason] = {
    _CONTRADICTING: Reason.CONTRADICTING_ROWS,
    _DUPLICATE: Reason.DUPLICATE_ROW,
    _NO_OUTCOME: Reason.OUTCOME_MISSING,
}
"""Fates of rows that other rows set aside."""

_HIGHEST, _LOWEST = np.iinfo(np.int64).max, np.iinfo(np.int64).min


def is_labelled(fates: Fates) -> npt.NDArray[np.bool_]:
    """Tells which rows have a label, and so no fault, [N]."""
    return (fates >= 0) & (fates <= 1)


def lead_microseconds(lead: timedelta) -> int:
    """Returns a forecast lead in whole microseconds."""
    return lead // timedelta(microseconds=1)


def fates_of(rows: RowKeys, later: RowKeys, lead: timedelta | None) -> Fates:
    """Compares and labels rows.

    Args:
        rows: all rows of some stretch of time, those of equal station and time in the order in
            which the first is kept: by file name and line, [N].
        later: with a lead, all rows of the stretch that begins and ends so much later.
        lead: the label is what a row's station observes so much later; None: what it says itself.

    Returns:
        What becomes of each of `rows`, [N]. Of equal rows the first is kept; rows of one station
        and time that differ are all set aside; so is a row whose outcome was not observed, or
        observed both ways. A row that is set aside still tells the outcome of an earlier one.
    """
    if not len(rows):
        return np.empty(0, np.int8)
    said = later.chosen(later.events >= 0) if lead is not None else RowKeys.none()
    shift = lead_microseconds(lead) if lead is not None else 0
    order, starts = _grouped(
        np.concatenate([rows.times, said.times - shift]),
        np.concatenate([rows.stations, said.stations]),
    )
    is_outcome = order >= len(rows)
    place = np.where(is_outcome, 0, order)
    is_valid = (rows.is_valid[place] != 0) & ~is_outcome
    hashes = rows.row_hashes[place]
    lowest = np.minimum.reduceat(np.where(is_valid, hashes, _HIGHEST), starts)
    highest = np.maximum.reduceat(np.where(is_valid, hashes, _LOWEST), starts)
    positions = np.arange(len(order))
    first = np.minimum.reduceat(np.where(is_valid, positions, len(order)), starts)
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    own = rows.events[place] if lead is None else _labels(said, order, len(rows), starts)[group]
    found = np.where(own < 0, _NO_OUTCOME, own).astype(np.int8)
    found[positions != first[group]] = _DUPLICATE
    found[(lowest < highest)[group]] = _CONTRADICTING
    found[~is_valid] = OWN_FAULT
    fates = np.empty(len(rows), np.int8)
    fates[order[~is_outcome]] = found[~is_outcome]
    return fates


def _labels(
    said: RowKeys, order: npt.NDArray[np.intp], rows: int, starts: npt.NDArray[np.intp]
) -> Fates:
    """Returns the outcome of each group: 0, 1, or -1 where there is none or there are both."""
    is_outcome = order >= rows
    events = np.zeros(len(order), np.int8)
    events[is_outcome] = said.events[order[is_outcome] - rows]
    lowest = np.minimum.reduceat(np.where(is_outcome, events, 2), starts)
    highest = np.maximum.reduceat(np.where(is_outcome, events, -1), starts)
    return np.where(lowest == highest, lowest, -1).astype(np.int8)


def _grouped(
    times: npt.NDArray[np.int64], stations: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Returns a stable order by time and station, and where in it each group begins."""
    order = np.lexsort((stations, times))
    times, stations = times[order], stations[order]
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = (times[1:] != times[:-1]) | (stations[1:] != stations[:-1])
    return order, np.flatnonzero(is_new)
