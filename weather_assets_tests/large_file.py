"""Five-column files of any size, of which it is known what must become of every row.

Belongs here: making them fast, in bounded memory. Does not belong here: the values themselves
(`synthetic`), or reading them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weather_assets.processing.cells.reasons import Reason
from weather_assets_tests.synthetic import COLUMNS, RANGES, rains

HARMLESS_FAULTS = (Reason.OUT_OF_BOUNDS, Reason.UNKNOWN_LABEL, Reason.MISSING_LABEL)
"""Faults in whose company every reader still takes the numeric columns for numbers."""

_CHUNK_ROWS = 200_000
_FAULTY_ROWS: Mapping[Reason, str] = {
    Reason.OUT_OF_BOUNDS: "20.5,170.25,3.5,40.0,1010.0,rain",
    Reason.UNKNOWN_LABEL: "20.5,70.25,3.5,40.0,1010.0,drizzle",
    Reason.MISSING_LABEL: "20.5,70.25,3.5,40.0,1010.0,",
    Reason.NOT_A_NUMBER: "20.5 C,70.25,3.5,40.0,1010.0,rain",
    Reason.WRONG_NUMBER_OF_CELLS: "20.5,70.25,3.5,40.0,rain",
    Reason.NO_MEASUREMENT: ",,,,,rain",
    Reason.REPEATED_HEADER: ",".join(COLUMNS),
    Reason.MALFORMED_QUOTE: '20.5,70"25,3.5",40.0,1010.0,rain',
    Reason.NUL_BYTE: "20.5,70.25,3.5,40.0,1010.0,ra\0in",
}
FAULTS = tuple(_FAULTY_ROWS)
"""Every fault that can be made."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What a reader must find in a file.

    Attributes:
        kept: valid rows.
        events: those of them where it rains.
        rejected: other rows by reason.
        means: of each quantity over valid rows, in the order of the columns.
        lowest: smallest value of each.
        highest: largest value of each.
    """

    kept: int
    events: int
    rejected: Mapping[str, int]
    means: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]

    @property
    def rows(self) -> int:
        """All rows of the file, the header left out."""
        return self.kept + sum(self.rejected.values())


def write_large_file(
    path: Path,
    rows: int,
    *,
    seed: int = 0,
    faults: Sequence[Reason] = HARMLESS_FAULTS,
    fault_every: int = 1000,
) -> Truth:
    """Writes a file, about 100 bytes and a microsecond per row.

    Args:
        path: where; its folder exists.
        rows: how many, the header left out.
        seed: of the values; equal arguments give equal bytes.
        faults: what is wrong with the rows that are faulty, in turn.
        fault_every: one row of so many is faulty.
    """
    generator = np.random.default_rng(seed)
    lowest_5, highest_5 = np.array(RANGES).T
    sums_5 = np.zeros(len(RANGES))
    least_5, most_5 = np.full(len(RANGES), np.inf), np.full(len(RANGES), -np.inf)
    events = 0
    rejected = Counter[str]()
    with path.open("wb") as file:
        file.write((",".join(COLUMNS) + "\n").encode())
        for first in range(0, rows, _CHUNK_ROWS):
            number = min(_CHUNK_ROWS, rows - first)
            quantities_N5 = generator.uniform(lowest_5, highest_5, size=(number, len(RANGES)))
            is_rain = rains(quantities_N5)
            faulty = (
                np.arange(-first % fault_every, number, fault_every) if faults else np.arange(0)
            )
            reasons = [
                faults[(first + row) // fault_every % len(faults)] for row in faulty.tolist()
            ]
            file.write(_text(quantities_N5, is_rain, faulty, reasons))
            rejected.update(reasons)
            is_valid = np.ones(number, np.bool_)
            is_valid[faulty] = False
            valid_N5 = quantities_N5[is_valid]
            sums_5 += valid_N5.sum(axis=0)
            least_5 = np.minimum(least_5, valid_N5.min(axis=0, initial=np.inf))
            most_5 = np.maximum(most_5, valid_N5.max(axis=0, initial=-np.inf))
            events += int(is_rain[is_valid].sum())
    kept = rows - rejected.total()
    return Truth(
        kept=kept,
        events=events,
        rejected=dict(sorted(rejected.items())),
        means=tuple((sums_5 / max(1, kept)).tolist()),
        lowest=tuple(least_5.tolist()),
        highest=tuple(most_5.tolist()),
    )


def _text(
    quantities_N5: npt.NDArray[np.float64],
    is_rain: npt.NDArray[np.bool_],
    faulty: npt.NDArray[np.int64],
    reasons: Sequence[Reason],
) -> bytes:
    cells = [pa.array(column).cast(pa.string()) for column in quantities_N5.T]
    labels = pc.call_function("if_else", [pa.array(is_rain), "rain\n", "no rain\n"])
    lines = pc.call_function("binary_join_element_wise", [*cells, labels, ","])
    is_faulty = np.zeros(len(is_rain), np.bool_)
    is_faulty[faulty] = True
    texts = pa.array([f"{_FAULTY_ROWS[reason]}\n" for reason in reasons], pa.string())
    lines = pc.call_function("replace_with_mask", [lines, pa.array(is_faulty), texts])
    return bytes(lines.buffers()[2])
