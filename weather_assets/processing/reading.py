"""Raw files to a DataFrame of records whose cells are strings: the first Spark stage.

Belongs here: reading inside Spark tasks. Does not belong here: dividing bytes into records
(`records`) or deciding whether a value is valid (`validation`). A faster reader can take the place
of `read_cells` as long as it gives the same columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from weather_assets.contract.schema import fold_header
from weather_assets.processing.dialects import as_utf8_lines, with_decimal_point
from weather_assets.processing.raw_files import Layout, RawFile, RawFileError, opened
from weather_assets.processing.reasons import Reason
from weather_assets.processing.records import Record, read_records

RECORDS_PER_BATCH = 8192
"""Records per Arrow batch: large enough that Arrow's fixed cost per batch does not count."""


def cell_column(index: int) -> str:
    """Returns the name of the column with the cells of `contract.header[index]`.

    Numbered, because a contract's column may be called `file` or `line`.
    """
    return f"cell_{index}"


_COMPRESSION = 10
SMALL_BYTES = 8 * 2**20
"""Up to this size, all raw files together are parsed in this process: starting a Python process of
Spark's takes 2 s, parsing 8 MB takes one."""


def read_cells(spark: SparkSession, layouts: Sequence[Layout]) -> DataFrame:
    """Reads raw files: small ones here, others in one Spark task per file.

    Args:
        spark: the session.
        layouts: the files and where their columns are.

    Returns:
        One row per record, header and blank lines left out: `file`, `line` (1-based physical line
        of the record's start), `raw` (its exact text), `problem` (reason code or null), and
        `cell_0`, `cell_1`, ... (strings without surrounding white space, in the order of
        `contract.header`, decimal commas as points; null where there is a problem).

    Raises:
        RawFileError: now or when the rows are computed, if a file is damaged or has changed.
    """
    width = len(layouts[0].positions)
    if total_bytes(layouts) <= SMALL_BYTES:
        nothing = _batch([], layouts[0])
        batches = [batch for layout in layouts for batch in parse_file(layout)]
        return spark.createDataFrame(pa.Table.from_batches([nothing, *batches]))
    files = tuple(layouts)

    def parse(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for index in batch.column(0).to_pylist():
                yield from parse_file(files[index])

    cells = ", ".join(f"{cell_column(index)} string" for index in range(width))
    schema = f"file string, line bigint, raw string, problem string, {cells}"
    return spark.range(0, len(files), 1, len(files)).mapInArrow(parse, schema)


def total_bytes(layouts: Sequence[Layout]) -> int:
    """Returns about how much text all files hold; compressed ones count ten times their size."""
    return sum(_size(layout.file) for layout in layouts)


def _size(file: RawFile) -> int:
    try:
        size = Path(file.path).stat().st_size
    except OSError as error:
        raise RawFileError(f"{file.name}: cannot be read: {error.strerror}") from None
    return size * _COMPRESSION if file.path.lower().endswith(".gz") else size


def parse_file(layout: Layout) -> Iterator[pa.RecordBatch]:
    """Yields the records of one file as Arrow batches with the columns of `read_cells`.

    Raises:
        RawFileError: if the file is damaged, or has another header than `layout`.
    """
    with opened(layout.file) as stream:
        text = as_utf8_lines(stream, layout.dialect)
        records = read_records(text, layout.dialect.delimiter)
        header = next(records, None)
        if header is None or tuple(header.cells) != layout.header:
            raise RawFileError(f"{layout.file.name}: the file changed while it was read; run again")
        while batch := list(islice(records, RECORDS_PER_BATCH)):
            yield _batch(batch, layout)


def _batch(records: list[Record], layout: Layout) -> pa.RecordBatch:
    folded = [fold_header(cell) for cell in layout.header]
    nothing = [None] * len(layout.header)
    problems: list[str | None] = []
    rows: list[Sequence[str | None]] = []
    for record in records:
        problem = record.problem or _shape_problem(record.cells, folded)
        problems.append(problem)
        rows.append(nothing if problem else record.cells)
    by_position = list(zip(*rows, strict=True)) or [()] * len(layout.header)
    has_comma = layout.dialect.decimal_mark == ","
    columns = {
        "file": pa.array([layout.file.name] * len(records), pa.string()),
        "line": pa.array([record.line for record in records], pa.int64()),
        "raw": pa.array([record.raw for record in records], pa.string()),
        "problem": pa.array(problems, pa.string()),
    } | {
        cell_column(index): pa.array(
            _trimmed(by_position[position], swap_marks=has_comma and index in layout.numbers),
            pa.string(),
        )
        for index, position in enumerate(layout.positions)
    }
    return pa.RecordBatch.from_pydict(columns)


def _trimmed(cells: Sequence[str | None], *, swap_marks: bool) -> list[str | None]:
    if swap_marks:
        return [None if cell is None else with_decimal_point(cell.strip()) for cell in cells]
    return [None if cell is None else cell.strip() for cell in cells]


def _shape_problem(cells: list[str], folded_header: list[str]) -> Reason | None:
    if len(cells) != len(folded_header):
        return Reason.WRONG_NUMBER_OF_CELLS
    # The first cell decides in nearly every row; folding all cells of all rows would be slow.
    if fold_header(cells[0]) == folded_header[0] and (
        [fold_header(cell) for cell in cells] == folded_header
    ):
        return Reason.REPEATED_HEADER
    return None
