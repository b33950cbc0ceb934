"""Files of any size whose rows have a time, of which it is known what must become of every row.

Belongs here: making them fast, in bounded memory. Does not belong here: files without a time
(`large_file`).

A row a minute, at one place, and the label is whether it rains an hour later. In every thousand
rows one has an impossible humidity, and one repeats the row before it, so that an hour earlier
there is no outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weather_assets.processing.cells.reasons import Reason
from weather_assets_tests.synthetic import RANGES, rains

CONTRACT = """\
name = "minutes"
title = "rain an hour ahead, a row a minute"
[timestamp]
column = "time"
features = ["hour_of_day", "day_of_year"]
[label]
column = "rain"
threshold = 0.0
lead = "1h"
[columns.temperature]
quantity = "air_temperature"
unit = "degC"
minimum = -90
maximum = 60
[columns.humidity]
quantity = "relative_humidity"
unit = "percent"
minimum = 0
maximum = 100
[columns.wind]
quantity = "wind_speed"
unit = "km h-1"
minimum = 0
maximum = 408
[columns.cloud]
quantity = "cloud_area_fraction"
unit = "percent"
minimum = 0
maximum = 100
[columns.pressure]
quantity = "air_pressure"
unit = "hPa"
minimum = 500
maximum = 1090
[columns.rain]
quantity = "precipitation_amount"
unit = "mm"
minimum = 0
maximum = 400
"""
HEADER = "time,temperature,humidity,wind,cloud,pressure,rain"
_OLDER = 75
"""Percent of the rows that train or validate."""

_START = np.datetime64("1850-01-01T00:00:00", "s")
_LEAD = 60
_CYCLE, _FAULTY, _REPEATING = 1000, 1, 500
_CHUNK_ROWS = 200_000


@dataclass(frozen=True, slots=True)
class TimedTruth:
    """What must be found in a file, or in several that follow one another.

    Attributes:
        kept: valid rows that are in a split.
        rejected: other rows by reason.
    """

    kept: int
    rejected: Mapping[str, int]


def write_large_timed_file(path: Path, rows: int, *, first: int = 0, seed: int = 0) -> None:
    """Writes a file, about 120 bytes and a microsecond per row.

    Args:
        path: where; its folder exists.
        rows: how many, the header left out.
        first: minutes between the first row of all files and that of this one; a multiple of 1000.
        seed: of the values; equal arguments give equal bytes.
    """
    generator = np.random.default_rng([seed, first])
    lowest_5, highest_5 = np.array(RANGES).T
    with path.open("wb") as file:
        file.write(f"{HEADER}\n".encode())
        for begin in range(first, first + rows, _CHUNK_ROWS):
            minutes = np.arange(begin, min(begin + _CHUNK_ROWS, first + rows))
            quantities_N5 = generator.uniform(lowest_5, highest_5, size=(len(minutes), len(RANGES)))
            amounts = np.where(rains(quantities_N5), 0.5, 0.0)
            quantities_N5[minutes % _CYCLE == _FAULTY, 1] = 170.25
            repeating = np.flatnonzero(minutes % _CYCLE == _REPEATING)
            source = np.arange(len(minutes))
            source[repeating] -= 1
            times = pa.array(_START + 60 * minutes[source])
            cells = [
                times.cast(pa.string()),
                *(pa.array(column[source]).cast(pa.string()) for column in quantities_N5.T),
                pc.call_function("if_else", [pa.array(amounts[source] > 0), "0.5\n", "0.0\n"]),
            ]
            lines = pc.call_function("binary_join_element_wise", [*cells, ","])
            file.write(bytes(lines.buffers()[2]))


def timed_truth(rows: int) -> TimedTruth:
    """Returns what must be found in so many rows, from the first one on."""
    minutes = np.arange(rows)
    place = minutes % _CYCLE
    is_faulty, is_repeating = place == _FAULTY, place == _REPEATING
    has_outcome = (minutes + _LEAD < rows) & ((minutes + _LEAD) % _CYCLE != _REPEATING)
    is_valid = ~is_faulty & ~is_repeating & has_outcome
    at = np.flatnonzero(is_valid)
    last = at[-(-len(at) * _OLDER // 100) - 1]
    in_gap = int(is_valid[max(0, last - _LEAD + 1) : last + 1].sum())
    rejected = {
        Reason.DUPLICATE_ROW: int(is_repeating.sum()),
        Reason.OUT_OF_BOUNDS: int(is_faulty.sum()),
        Reason.OUTCOME_MISSING: int((~is_faulty & ~is_repeating & ~has_outcome).sum()),
        Reason.SPLIT_GAP: in_gap,
    }
    return TimedTruth(len(at) - in_gap, {reason.value: n for reason, n in rejected.items() if n})
