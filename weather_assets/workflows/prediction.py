"""A champion's forecasts of a file of raw rows: the pipeline without its label.

Belongs here: rows in, probabilities and problems out, in order and in bounded memory. Does not
belong here: which model answers (`champions`), how rows are read and checked (`processing`), or the
command's words (`commands.prediction`).
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pv

from weather_assets.contract.schema import Contract
from weather_assets.forecasting.data import feature_matrix
from weather_assets.foundation.atomic_files import replacing
from weather_assets.processing.cells.features import time_feature
from weather_assets.processing.cells.validation import fault_kinds
from weather_assets.processing.doubts.problems import problem_in
from weather_assets.processing.files.blocks import stream_batches
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.files.layouts import Layout, layout_of, warnings_of
from weather_assets.processing.files.raw_file import RawFile, read_opening
from weather_assets.workflows.champions import Champion

HEADER = b"probability,problem\n"
MODEL_FAILURE = "model_failure: the model answered something that is no probability"

_PIECE_ROWS = 32_768
"""Rows that one thread scores at a time: few enough that all threads have some of a block."""
_THREADS = min(4, os.cpu_count() or 1)
_AS_NEEDED = pv.WriteOptions(include_header=False, quoting_style="needed")

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What was written.

    Attributes:
        rows: of the input, and lines below the output's header.
        scored: rows that have a probability; the others have a problem.
        warnings: what of the input was read in another way than it stands there.
    """

    rows: int
    scored: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows of a batch, from one to before another."""

    batch: RowBatch
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """Lines of the output."""

    lines: bytes
    rows: int
    scored: int


def predict_file(champion: Champion, source: RawFile, target: Path) -> Predictions:
    """Writes one line per input row, in order: `probability`, and `problem` where it has none.

    A row has the problem for which processing would set it aside, but for problems of its label,
    and those that it has with other rows. Columns that no forecast is made from are not read.

    Args:
        champion: who answers.
        source: raw rows, in any way that a raw file may be written.
        target: a CSV file, replaced when it is complete.

    Raises:
        RawFileError: if the source cannot be read as a whole.
        OSError: if the target cannot be written.
    """
    opening = read_opening(source, needs_rows=False)
    layout = layout_of(opening, champion.contract, labelled=False)
    rows = scored = 0
    with (
        replacing(target) as draft,
        draft.open("wb") as stream,
        ThreadPoolExecutor(_THREADS) as pool,
    ):
        stream.write(HEADER)
        for answer in _in_order(
            pool, lambda piece: _answer(piece, champion, layout), _pieces(layout, champion.contract)
        ):
            stream.write(answer.lines)
            rows += answer.rows
            scored += answer.scored
    return Predictions(rows, scored, warnings_of([layout]))


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[_Piece], _Answer], pieces: Iterable[_Piece]
) -> Iterator[_Answer]:
    """Yields what comes of pieces, in their order; reads no further ahead than threads need."""
    pending: deque[Future[_Answer]] = deque()
    for piece in pieces:
        pending.append(pool.submit(work, piece))
        if len(pending) > 2 * _THREADS:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _pieces(layout: Layout, contract: Contract) -> Iterator[_Piece]:
    for batches in stream_batches(layout, contract):
        for batch in batches:
            rows = len(batch.lines)
            for start in range(0, rows, _PIECE_ROWS):
                yield _Piece(batch, start, min(start + _PIECE_ROWS, rows))


def _answer(piece: _Piece, champion: Champion, layout: Layout) -> _Answer:
    """Scores what can be scored, and says of the other rows why not."""
    faults = piece.batch.rows.faults[piece.start : piece.stop]
    is_valid = faults == 0
    answers = np.full(len(faults), np.nan)
    answers[is_valid] = champion.probabilities(_features(piece, is_valid, champion.contract))
    is_scored = (answers >= 0) & (answers <= 1)  # NaN is not
    problems: list[str | None] = [None if scored else MODEL_FAILURE for scored in is_scored]
    for row, problem in _problems(piece, faults, champion.contract, layout):
        problems[row] = problem
    lines = pa.BufferOutputStream()
    columns = [pa.array(answers, mask=~is_scored), pa.array(problems, pa.string())]
    pv.write_csv(pa.table(columns, ["probability", "problem"]), lines, _AS_NEEDED)
    return _Answer(lines.getvalue().to_pybytes(), len(faults), int(is_scored.sum()))


def _features(piece: _Piece, is_valid: npt.NDArray[np.bool_], contract: Contract) -> _Floats:
    """Returns what a network takes of valid rows."""
    mask = pa.array(is_valid)
    columns = {
        name: values.slice(piece.start, len(mask)).filter(mask)
        for name, values in zip(contract.inputs, piece.batch.rows.values, strict=True)
    }
    if contract.timestamp is not None and contract.timestamp.features:
        times = columns.pop(contract.timestamp.column).to_numpy()
        columns |= {
            name: pa.array(time_feature(name, times)) for name in contract.timestamp.features
        }
    return feature_matrix(pa.table(columns), contract)


def _problems(
    piece: _Piece, faults: npt.NDArray[np.int16], contract: Contract, layout: Layout
) -> Iterator[tuple[int, str]]:
    """Yields which rows of a piece cannot be scored, and why not."""
    faulty = np.flatnonzero(faults)
    if not len(faulty):
        return
    kinds = fault_kinds(contract)
    texts = piece.batch.texts.at(faulty + piece.start)
    for row, text in zip(faulty.tolist(), texts, strict=True):
        fault = kinds[faults[row]]
        if fault is not None:
            yield row, problem_in(text, fault, layout, contract)
