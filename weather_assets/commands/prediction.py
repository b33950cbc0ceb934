"""`weather-assets predict`: the champion of a data root on raw rows, offline.

Belongs here: finding the champion's package, files in and out. Does not belong here: how a row is
read (`processing.records`) or scored (`scoring.offline`).
"""

import csv
import json
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import click

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.contract.schema import fold_header
from weather_assets.processing.files.dialects import (
    HEAD_BYTES,
    as_utf8_lines,
    decimal_mark,
    with_decimal_point,
)
from weather_assets.processing.files.raw_file import (
    RawFile,
    RawFileError,
    dialect_from,
    opened,
    records_in,
)
from weather_assets.processing.files.records import Record, read_records
from weather_assets.scoring.offline import InputError, predict_rows
from weather_assets.scoring.score import CATEGORY, Signature


def predict_file(root: DataRoot, input_path: Path, output_path: Path) -> None:
    """Writes one line per input row, in order: `probability`, and `problem` where it has none.

    Args:
        root: the data root whose champion forecasts.
        input_path: raw rows as CSV, or CSV compressed with gzip, in any dialect that a raw file may
            have.
        output_path: replaced when it is complete.

    Raises:
        click.ClickException: if there is no champion, or the file cannot be scored as a whole.
    """
    package = champion_package(root)
    staged = output_path.with_name(f".{output_path.name}.{os.getpid()}")
    rows = problems = 0
    try:
        file = RawFile(path=str(input_path), name=input_path.name)
        with (
            opened(file) as stream,
            staged.open("w", encoding="utf-8", newline="") as target,
        ):
            writer = csv.writer(target, lineterminator="\n")
            writer.writerow(("probability", "problem"))
            for prediction in predict_rows(package, _records(stream, file, package)):
                probability = prediction.probability
                writer.writerow(
                    ("" if probability is None else repr(probability), prediction.problem)
                )
                rows += 1
                problems += probability is None
        staged.replace(output_path)
    except (InputError, RawFileError) as error:
        raise click.ClickException(f"{input_path}: {error}") from None
    finally:
        staged.unlink(missing_ok=True)
    click.echo(f"{rows} rows, {rows - problems} scored, {problems} with a problem: {output_path}")


def _records(stream: BinaryIO, file: RawFile, package: Path) -> Iterator[Record]:
    """Yields the records of a file, the header first; numbers have decimal points.

    Raises:
        RawFileError: if it is no CSV text.
    """
    head = stream.read(HEAD_BYTES)
    dialect = dialect_from(head, file)
    first = records_in(head, dialect)
    numbers = _number_positions(first[0].cells if first else [], package)
    cells = (
        record.cells[position].strip()
        for record in first[1:]
        if len(record.cells) == len(first[0].cells)
        for position in numbers
    )
    has_comma = decimal_mark(cells) == ","
    stream.seek(0)
    records = read_records(as_utf8_lines(stream, dialect), dialect.delimiter)
    yield from islice(records, 1)
    for record in records:
        yield _with_decimal_points(record, numbers) if has_comma else record


def _number_positions(header: list[str], package: Path) -> frozenset[int]:
    """Returns where numbers that the model takes stand in a row."""
    signature = Signature.from_dict(
        json.loads((package / "signature.json").read_text(encoding="utf-8"))
    )
    names = {fold_header(each.name) for each in signature.columns if each.kind != CATEGORY}
    return frozenset(index for index, name in enumerate(header) if fold_header(name) in names)


def _with_decimal_points(record: Record, numbers: frozenset[int]) -> Record:
    cells = [
        with_decimal_point(cell) if index in numbers else cell
        for index, cell in enumerate(record.cells)
    ]
    return record._replace(cells=cells)


def champion_package(root: DataRoot) -> Path:
    """Returns the folder of the champion's scoring package.

    Raises:
        click.ClickException: if nothing was packaged yet.
    """
    try:
        pointer = json.loads((root.registry / "champion.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise click.ClickException(
            f"{root.path} has no champion yet: run `weather-assets run --data {root.path}` first"
        ) from None
    return root.registry / pointer["version"] / "package"
