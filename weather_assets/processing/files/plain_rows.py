"""Text without irregularities to validated rows, by Arrow's CSV reader: the fast way.

Belongs here: telling whether a text is plain, and reading it 20 times as fast as `careful_rows`.
Does not belong here: mending or guessing: whatever Arrow could read in another way than `records`
and `validation` makes a text not plain, and `careful_rows` gets it. Both give the same rows, which
`test_plain_rows` holds against generated and damaged texts.
"""

import codecs
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from weather_assets.contract.cells import number_of
from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.cells.validation import ValidatedRows, validate
from weather_assets.processing.files.careful_rows import RowBatch, folded_header, shape_problem
from weather_assets.processing.files.dialects import with_decimal_points
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.files.records import MAXIMUM_RECORD_BYTES, cells_of

_PARSED_AT_ONCE = 1 << 20
"""Bytes: what fits into a core's cache is parsed fastest."""


class _LineTexts:
    """The lines of a text, cut out when they are asked for."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._ends: npt.NDArray[np.int64] | None = None

    def at(self, rows: npt.NDArray[np.int64]) -> list[str]:
        if self._ends is None:
            self._ends = np.flatnonzero(np.frombuffer(self._text, np.uint8) == ord("\n"))
        ends = np.append(self._ends, len(self._text))
        starts = np.append(0, self._ends + 1)
        return [
            self._text[start:end].removesuffix(b"\r").decode()
            for start, end in zip(starts[rows].tolist(), ends[rows].tolist(), strict=True)
        ]

    def column(self) -> pa.Array:
        text = self._text.replace(b"\r\n", b"\n").removesuffix(b"\n")
        whole = pa.array([text], pa.string())
        lines = pc.call_function("split_pattern", [whole], pc.SplitPatternOptions("\n"))
        return lines.flatten()


def plain_rows(
    text: bytes, layout: Layout, contract: Contract, lines_before: int
) -> RowBatch | None:
    """Reads whole lines, if they are plain.

    Args:
        text: lines of a file in UTF-8 below its header; the last one may lack its end.
        layout: where the columns are.
        contract: what the cells must be.
        lines_before: physical lines of the file before these.

    Returns:
        A row per line; None if the text is not plain.
    """
    if not _is_plain(text, layout.dialect.delimiter) or not _is_plain_layout(layout, contract):
        return None
    count = text.count(b"\n") + (not text.endswith(b"\n"))
    rows = _from_numbers(text, count, layout, contract)
    if rows is None:
        rows = _from_texts(text, count, layout, contract)
    if rows is None or (_can_be_blank(layout) and _may_be_blank(rows)):
        return None
    texts = _LineTexts(text)
    headers = _headers(rows, texts, layout)
    if headers:
        rows = _from_texts(text, count, layout, contract, headers)
        if rows is None:
            raise AssertionError(f"rows read as numbers cannot be read without headers {headers}")
    return RowBatch(lines_before + 1 + np.arange(count, dtype=np.int64), texts, rows)


def _is_plain(text: bytes, delimiter: str) -> bool:
    """Tells whether every line is a record, and nothing hides in it."""
    if b"\0" in text or not _has_simple_quotes(text, delimiter):
        return False
    if text.startswith(codecs.BOM_UTF8):
        return False  # Arrow drops one, also where it is not the file's beginning
    carriage_returns = text.count(b"\r")
    if carriage_returns and carriage_returns != text.count(b"\r\n"):
        return False  # Arrow ends a line at each of them
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            return False
    half = MAXIMUM_RECORD_BYTES // 2
    return all(
        text.find(b"\n", start, start + half) >= 0 for start in range(0, len(text) - half, half)
    )


def _has_simple_quotes(text: bytes, delimiter: str) -> bool:
    """Tells whether quotes are in pairs around whole cells within a line, and nowhere else."""
    if b'"' not in text:
        return True
    letters = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(letters == ord('"'))
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    before = letters[np.maximum(opening - 1, 0)]
    behind = letters[np.minimum(closing + 1, len(letters) - 1)]
    mark, line_feed, carriage_return = ord(delimiter), ord("\n"), ord("\r")
    is_opening = (before == mark) | (before == line_feed) | (opening == 0)
    is_closing = np.isin(behind, (mark, line_feed, carriage_return)) | (closing == len(text) - 1)
    if not (is_opening.all() and is_closing.all()):
        return False
    ends = np.flatnonzero(letters == line_feed)
    return bool((np.searchsorted(ends, opening) == np.searchsorted(ends, closing)).all())


def _is_plain_layout(layout: Layout, contract: Contract) -> bool:
    """Tells whether the header could be no valid row, and markers are what they are."""
    if _has_decimal_comma(layout) and any(
        mark in marker for marker in contract.missing_markers for mark in ",."
    ):
        return False  # Arrow holds them against cells before it reads their decimal comma
    cells = [pa.array([layout.header[position].strip()]) for position in layout.positions]
    rows = validate(_with_points(cells, layout), contract, labelled=layout.labelled)
    return rows.faults[0] != 0


def _has_decimal_comma(layout: Layout) -> bool:
    return layout.dialect.decimal_mark == ","


def _with_points(cells: Sequence[pa.Array], layout: Layout) -> list[pa.Array]:
    """Returns trimmed texts in the order of the layout's columns, numbers with points."""
    if not _has_decimal_comma(layout):
        return list(cells)
    return [
        with_decimal_points(column) if index in layout.numbers else column
        for index, column in enumerate(cells)
    ]


def _from_numbers(
    text: bytes, count: int, layout: Layout, contract: Contract
) -> ValidatedRows | None:
    """Reads lines whose numbers are all numbers; None if not so."""
    kinds: dict[int, pa.DataType] = {
        index: pa.dictionary(pa.int32(), pa.string()) for index in range(len(layout.columns))
    }
    kinds |= dict.fromkeys(layout.numbers, pa.float64())
    if contract.timestamp is not None and contract.timestamp.column in layout.columns:
        kinds[layout.columns.index(contract.timestamp.column)] = pa.string()
    try:
        cells = _read(text, layout, kinds, ["", *contract.missing_markers])
    except pa.ArrowInvalid:
        return None
    if len(cells[0]) != count:
        return None  # blank lines
    found = map(number_of, contract.missing_markers)
    markers = [number for number in found if number is not None]
    for index in layout.numbers:
        numbers = pc.fill_null(cells[index], 0.0).to_numpy(zero_copy_only=False)
        # Arrow knows infinities, and a marker only where it is spelled exactly so.
        if not np.isfinite(numbers).all() or np.isin(numbers, markers).any():
            return None
    trimmed = [
        pc.call_function("utf8_trim_whitespace", [column])
        if pa.types.is_string(column.type)
        else column
        for column in cells
    ]
    return validate(trimmed, contract, labelled=layout.labelled)


def _from_texts(
    text: bytes, count: int, layout: Layout, contract: Contract, headers: Sequence[int] = ()
) -> ValidatedRows | None:
    """Reads lines among which some hold too many or too few cells, or cells that are no numbers.

    Args:
        text: the lines.
        count: how many.
        layout: where the columns are.
        contract: what the cells must be.
        headers: lines that are known to be the header again.
    """
    ragged: list[pv.InvalidRow] = []

    def set_aside(row: pv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    kinds = dict.fromkeys(range(len(layout.columns)), pa.string())
    try:
        cells = _read(text, layout, kinds, [], set_aside)
    except pa.ArrowInvalid:
        return None  # a line that is nearly too long
    if len(cells[0]) + len(ragged) != count or any(row.text.isspace() for row in ragged):
        return None  # blank lines
    problems: list[Reason | None] | None = None
    if ragged or headers:
        is_ragged = np.zeros(count, np.bool_)
        is_ragged[[row.number - 1 for row in ragged]] = True
        problems = [Reason.WRONG_NUMBER_OF_CELLS if ragged else None for ragged in is_ragged]
        is_no_row = is_ragged.copy()
        for line in headers:
            problems[line] = Reason.REPEATED_HEADER
            is_no_row[line] = True
        places = pa.array(np.cumsum(~is_ragged) - 1, mask=is_no_row)
        cells = [column.take(places) for column in cells]
    trimmed = [pc.call_function("utf8_trim_whitespace", [column]) for column in cells]
    points = _with_points(trimmed, layout)
    return validate(points, contract, problems, labelled=layout.labelled)


def _read(
    text: bytes,
    layout: Layout,
    kinds: dict[int, pa.DataType],
    null_values: Sequence[str],
    set_aside: object = None,
) -> list[pa.Array]:
    """Returns the cells in the order of the layout's columns; raises `pa.ArrowInvalid`."""
    has_quotes = b'"' in text
    names = [str(position) for position in range(len(layout.header))]
    chosen = [names[position] for position in layout.positions]
    table = pv.read_csv(
        pa.BufferReader(text),
        read_options=pv.ReadOptions(
            use_threads=False, block_size=_PARSED_AT_ONCE, column_names=names
        ),
        parse_options=pv.ParseOptions(
            delimiter=layout.dialect.delimiter,
            quote_char='"' if has_quotes else False,
            double_quote=False,
            invalid_row_handler=set_aside,
        ),
        convert_options=pv.ConvertOptions(
            check_utf8=False,  # the whole text was
            include_columns=chosen,
            column_types={chosen[index]: kind for index, kind in kinds.items()},
            null_values=list(null_values),
            strings_can_be_null=bool(null_values),
            quoted_strings_can_be_null=has_quotes,
            decimal_point=layout.dialect.decimal_mark,
        ),
    )
    return [_whole(table.column(name)) for name in chosen]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def _can_be_blank(layout: Layout) -> bool:
    """Tells whether a line of blanks has as many cells as the header: it is no row all the same."""
    return layout.dialect.delimiter == "\t" or len(layout.header) == 1


def _may_be_blank(rows: ValidatedRows) -> bool:
    """Tells whether a line may hold nothing but blanks and tabs."""
    is_blank = np.ones(len(rows.faults), np.bool_)
    for value in rows.values:
        is_blank &= value.is_null().to_numpy(zero_copy_only=False)
    return bool(is_blank.any())


def _headers(rows: ValidatedRows, texts: _LineTexts, layout: Layout) -> list[int]:
    """Returns the lines that are the header again; all of them have some fault as rows."""
    faulty = np.flatnonzero(rows.faults)
    if not len(faulty):
        return []
    header, delimiter = folded_header(layout), layout.dialect.delimiter
    return [
        line
        for line, text in zip(faulty.tolist(), texts.at(faulty), strict=True)
        if shape_problem(cells_of(text, delimiter) or [], header) is Reason.REPEATED_HEADER
    ]
