"""Rows to compare, and what must become of them, found in the simplest way.

Belongs here: the reference and making input. Does not belong here: assertions.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from weather_assets.processing.comparing.row_keys import RowKeys

LEAD = timedelta(microseconds=3)


class Row(NamedTuple):
    """A row as far as others are concerned; fields as those of `RowKeys`."""

    time: int
    station: int
    row_hash: int
    event: int
    is_valid: bool


def _rows(lowest_event: int) -> st.SearchStrategy[list[Row]]:
    row = st.builds(
        Row,
        time=st.integers(-6, 6),
        station=st.integers(0, 1),
        row_hash=st.integers(-1, 1),
        event=st.integers(lowest_event, 1),
        is_valid=st.booleans(),
    )
    return st.lists(row, max_size=30)


ROWS, ROWS_AHEAD = _rows(0), _rows(-1)
"""Rows that have labels of their own; rows whose own label cell may say nothing."""


def keys_of(rows: Sequence[Row]) -> RowKeys:
    """Returns rows as the product compares them."""
    return RowKeys(
        times=np.array([row.time for row in rows], np.int64),
        stations=np.array([row.station for row in rows], np.int32),
        row_hashes=np.array([row.row_hash for row in rows], np.int64),
        events=np.array([row.event for row in rows], np.int8),
        is_valid=np.array([row.is_valid for row in rows], np.uint8),
    )


def expected_fates(rows: Sequence[Row], lead: timedelta | None) -> list[str]:
    """Returns what becomes of each row: its label, or why it is set aside."""
    fates: list[str] = []
    for index, row in enumerate(rows):
        same = [other for other in rows if other[:2] == row[:2] and other.is_valid]
        earlier = [other for other in rows[:index] if other[:2] == row[:2] and other.is_valid]
        outcomes = {row.event}
        if lead is not None:
            at = row.time + lead // timedelta(microseconds=1)
            outcomes = {
                other.event
                for other in rows
                if (other.time, other.station) == (at, row.station) and other.event >= 0
            }
        if not row.is_valid:
            fates.append("own fault")
        elif len({other.row_hash for other in same}) > 1:
            fates.append("contradicting_rows")
        elif earlier:
            fates.append("duplicate_row")
        elif len(outcomes) != 1:
            fates.append("outcome_missing")
        else:
            fates.append(str(outcomes.pop()))
    return fates
