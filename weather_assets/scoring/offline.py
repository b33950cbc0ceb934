"""Scoring a file of raw rows without a server, by the very code that the endpoint runs.

Belongs here: from the text of a cell to the value that a request would carry, and one prediction
per record. Does not belong here: bytes to records (the caller hands in records, so that a file is
divided into rows as the pipeline divides it), checking values or asking the graph (`score`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from weather_assets.contract.schema import fold_header, normalise_label
from weather_assets.scoring.score import CATEGORY, Column, Reading, Scorer, Signature

ROWS_AT_A_TIME = 8192
"""Rows per call of the graph: enough that its fixed cost does not count, a few MB of memory."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BLANK = " \t\r\n\v\f\u00a0\ufeff"
"""Number format and trimming of the Spark pipeline; a test holds the two against each other."""
_WORDS = {"wrong_type": "not_a_number", "not_finite": "out_of_bounds"}
"""The pipeline's reason codes for what a text can be: only `1e999` and the like are not finite."""


class InputError(ValueError):
    """A file of rows cannot be scored as a whole. The message says what to do."""


class Record(Protocol):
    """One record of a CSV file: its cells, or why it has none."""

    @property
    def cells(self) -> Sequence[str]:
        """Its cells, unquoted."""
        ...

    @property
    def problem(self) -> str | None:
        """Why it cannot be divided into cells, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Prediction:
    """What came of one row.

    Attributes:
        probability: of the event, in [0, 1]; None where the row cannot be scored.
        problem: why not, in words; empty where it can.
    """

    probability: float | None
    problem: str = ""


def predict_rows(package: Path, records: Iterable[Record]) -> Iterator[Prediction]:
    """Scores raw rows.

    Columns are found by name (case, surrounding spaces and a byte order mark do not matter);
    columns that the forecast is not made from, such as the label, may be there or not.

    Args:
        package: the directory that `package.build_package` made.
        records: the records of a CSV file, the header first, as
            `weather_assets.processing.files.records.read_records` yields them.

    Returns:
        One prediction per record below the header, in order; read and scored as it is consumed.

    Raises:
        InputError: at once, if the header is missing, damaged, or lacks a needed column.
    """
    scorer = Scorer.load(package)
    remaining = iter(records)
    header = next(remaining, None)
    if header is None:
        raise InputError("the file is empty; expected a header line and rows below")
    if header.problem is not None:
        raise InputError(
            f"the first line is no header ({header.problem}); save the file as CSV, UTF-8"
        )
    return _predict(scorer, remaining, header.cells, _positions(scorer.signature, header.cells))


def _positions(signature: Signature, header: Sequence[str]) -> dict[str, int]:
    """Returns the index of the cell of each needed column."""
    folded = [fold_header(cell) for cell in header]
    lacking = [name for name in signature.needed if fold_header(name) not in folded]
    twice = [name for name in signature.needed if folded.count(fold_header(name)) > 1]
    if lacking or twice:
        what = f"lacks {lacking}" if lacking else f"names {twice} more than once"
        raise InputError(
            f"the header {what}. Found: {list(header)}. The model needs {list(signature.needed)}, "
            "each once (cells may be empty); correct the header"
        )
    return {name: folded.index(fold_header(name)) for name in signature.needed}


def _predict(
    scorer: Scorer, records: Iterator[Record], header: Sequence[str], positions: dict[str, int]
) -> Iterator[Prediction]:
    while batch := list(islice(records, ROWS_AT_A_TIME)):
        checked = [_check(scorer.signature, record, header, positions) for record in batch]
        probabilities = iter(
            _score(scorer, [item for item in checked if not isinstance(item, str)])
        )
        for item in checked:
            yield Prediction(None, item) if isinstance(item, str) else next(probabilities)


def _score(scorer: Scorer, readings: list[Reading]) -> list[Prediction]:
    if not readings:
        return []
    try:
        return [Prediction(value) for value in scorer.probabilities(readings).tolist()]
    except ArithmeticError as error:
        if len(readings) == 1:
            return [Prediction(None, f"model_failure: {error}")]
        return [prediction for reading in readings for prediction in _score(scorer, [reading])]


def _check(
    signature: Signature, record: Record, header: Sequence[str], positions: dict[str, int]
) -> Reading | str:
    """Returns the reading of a record, or its problems in words."""
    if record.problem is not None:
        return str(record.problem)
    if len(record.cells) != len(header):
        return (
            f"wrong_number_of_cells {len(record.cells)} (allowed: {len(header)}, as in the header)"
        )
    if list(record.cells) == list(header):
        return "repeated_header (allowed: rows)"
    texts = {name: record.cells[index].strip(_BLANK) for name, index in positions.items()}
    observed = {
        name: text or None for name, text in texts.items() if text not in signature.missing_markers
    }
    values: dict[str, object] = dict(observed)
    for column in signature.columns:
        text = observed.get(column.name)
        if text is not None:
            values[column.name] = _value(column, text)
    reading, problems = signature.check_row(values)
    worded = [replace(each, reason=_WORDS.get(each.reason, each.reason)) for each in problems]
    return "; ".join(str(problem) for problem in worded) if worded else reading


def _value(column: Column, text: str) -> object:
    """Returns the value that a request would carry for a cell; the text where there is none."""
    if column.kind != CATEGORY:
        return float(text) if _NUMBER.fullmatch(text) else text
    if not column.folded:
        return text
    wanted = normalise_label(text)
    return next((name for name in column.categories if normalise_label(name) == wanted), text)
