"""Timestamp cells to instants: whole microseconds since 1970-01-01T00:00Z.

Belongs here: columns of cells. Does not belong here: formats and time zones
(`weather_assets.contract.cells`), features of time (`features`), or the shortcut for cells that are
written alike (`alike_timestamps`), which gives the same instants.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import pyarrow as pa

from weather_assets.contract.cells import instant_of
from weather_assets.contract.columns import Timestamp
from weather_assets.processing.cells.alike_timestamps import (
    UNKNOWN,
    Instants,
    instants_of,
    read_alike,
)

NO_INSTANT = -(2**63) + 1
"""Stands for a cell that names no instant."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(cells: pa.Array, timestamp: Timestamp) -> Instants:
    """Returns the instants that cells name.

    Args:
        cells: trimmed cells (strings), null where missing, [N].
        timestamp: format and time zone.

    Returns:
        Microseconds UTC, [N]; `NO_INSTANT` where a cell is missing or names no instant.

    Raises:
        ContractError: if nobody knows the time zone.
    """
    zone, pattern = timestamp.zone, timestamp.pattern
    instants = np.full(len(cells), UNKNOWN)
    alike = read_alike(cells, pattern)
    if alike is not None:
        found = instants_of(alike, zone) if alike.offsets is None else alike.local - alike.offsets
        instants[alike.rows] = np.where(alike.is_valid, found, NO_INSTANT)
    others = np.flatnonzero(instants == UNKNOWN)
    if len(others):
        instants[others] = _one_by_one(cells.take(pa.array(others)), pattern, zone)
    return instants


def _one_by_one(cells: pa.Array, pattern: re.Pattern[str], zone: tzinfo) -> Instants:
    """Returns the instants of cells, of which each different one is looked at by itself."""
    encoded = cells.dictionary_encode()
    found: list[int] = []
    for cell in encoded.dictionary.to_pylist():
        match = pattern.fullmatch(cell)
        instant = None if match is None else instant_of(match, zone)
        found.append(NO_INSTANT if instant is None else (instant - _EPOCH) // _MICROSECOND)
    instants = np.array([*found, NO_INSTANT], np.int64)
    return instants[encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)]
