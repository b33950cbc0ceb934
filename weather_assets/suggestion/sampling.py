"""Which rows of a file are looked at: blocks of neighbouring rows, spread over the whole of it.

Belongs here: choosing rows from records that are given one after the other, and holding them by
column. Does not belong here: opening files or dividing text into cells (the caller's), or meaning.

Blocks, because steps in time show only between neighbours; spread, because a file's beginning need
not be like its end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

ROWS_PER_BLOCK = 1_000
MAXIMUM_BLOCKS = 20
"""20,000 rows take about a second to look at, and show a level that one row in 5,000 has."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rows of a file.

    Attributes:
        columns: by header cell, trimmed, the cells of all rows, trimmed, decimal commas as points.
        blocks: for each row, the number of the block that it is from, [rows].
        rows: how many rows.
        is_whole: whether these are all rows of the file.
        unnamed: how many header cells are empty; their columns are left out.
        broken: how many records could not be divided as the header is.
    """

    columns: Mapping[str, Sequence[str]]
    blocks: npt.NDArray[np.int64]
    rows: int
    is_whole: bool
    unnamed: int = 0
    broken: int = 0


Block = list[Sequence[str]]


def spread_blocks(records: Iterable[Sequence[str]], limit: int) -> tuple[list[Block], bool]:
    """Returns up to `MAXIMUM_BLOCKS` blocks, evenly spread over the records; memory stays bounded.

    Args:
        records: the cells of each record, in order.
        limit: how many records are read at most.

    Returns:
        The blocks, and whether they hold every record there is.
    """
    reading = iter(records)
    limited = islice(reading, limit)
    kept: list[Block] = []
    stride = 1
    number = 0
    is_whole = True
    while block := list(islice(limited, ROWS_PER_BLOCK)):
        if number % stride == 0:
            kept.append(block)
        else:
            is_whole = False
        number += 1
        if len(kept) > MAXIMUM_BLOCKS:
            # Every second block stands for the same stretch of the file, at half the density.
            kept, stride, is_whole = kept[::2], stride * 2, False
    return kept, is_whole and next(reading, None) is None


def sample_of(header: Sequence[str], blocks: Sequence[Block], *, is_whole: bool) -> Sample:
    """Returns the rows by column; records of another width than the header are counted, not kept.

    Args:
        header: the header cells.
        blocks: the records that were chosen.
        is_whole: whether they are the whole file.
    """
    names = [cell.removeprefix("\ufeff").strip() for cell in header]
    whole = [
        (number, record)
        for number, block in enumerate(blocks)
        for record in block
        if len(record) == len(names)
    ]
    columns = {
        name: [record[index].strip() for _, record in whole]
        for index, name in enumerate(names)
        if name
    }
    # The blocks of a whole file follow one another without a gap.
    numbers = [0 if is_whole else number for number, _ in whole]
    return Sample(
        columns=columns,
        blocks=np.array(numbers, dtype=np.int64),
        rows=len(whole),
        is_whole=is_whole,
        unnamed=sum(1 for name in names if not name),
        broken=sum(len(block) for block in blocks) - len(whole),
    )
