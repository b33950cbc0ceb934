"""`weather-assets contract suggest`: a contract.toml proposed from a sample of a file.

Belongs here: reading the sample as the pipeline reads files, and writing text and doubts. Does not
belong here: what the sample shows (`weather_assets.suggestion`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import click

from weather_assets.contract.cells import decimal_mark, has_thousands, is_number, with_decimal_point
from weather_assets.contract.columns import ContractError
from weather_assets.contract.loading import listed, load_contract, recognise_header, repeated_names
from weather_assets.processing.files.dialects import HEAD_BYTES, Dialect, as_utf8_lines, dialect_of
from weather_assets.processing.files.raw_file import (
    RawFile,
    RawFileError,
    is_parquet,
    opened,
    read_header,
)
from weather_assets.processing.files.records import Record, read_records
from weather_assets.suggestion.document import to_toml
from weather_assets.suggestion.proposal import Proposal
from weather_assets.suggestion.proposing import propose
from weather_assets.suggestion.sampling import (
    MAXIMUM_BLOCKS,
    ROWS_PER_BLOCK,
    Block,
    Sample,
    sample_of,
    spread_blocks,
)

_READ_WHOLE_BYTES = 16 * 2**20
"""Up to this size a file is read from end to end (some 2 s); a larger one at twenty places."""
_MAXIMUM_RECORDS = 300_000
"""What is compressed, or not in UTF-8, can be read from its beginning only: as far as here."""
_LONGEST_ROW = 1 << 14
"""Characters; twenty thousand longer ones would not fit into memory, and a row has some hundred."""
_GOLDEN_RATIO = 0.618034


def suggest_contract(
    path: Path, output: Path | None, say: Callable[[str], None], show: Callable[[str], None]
) -> None:
    """Proposes a contract for a file.

    Args:
        path: a `.csv` or `.csv.gz` file.
        output: where to write the TOML; nothing may be there. None shows it.
        say: takes one line for the person at the console.
        show: takes the TOML where there is no output.

    Raises:
        click.ClickException: if the file cannot be read as CSV, or nothing can be written.
    """
    if output is not None and output.exists():
        raise click.ClickException(
            f"{output} exists and is not overwritten: give another --output, or move it away"
        )
    file = RawFile(path=str(path), name=path.name)
    if is_parquet(file):
        raise click.ClickException(
            f"{file.name} is Parquet; write some thousand of its rows as CSV, and give that"
        )
    try:
        header = read_header(file)
        sample = read_sample(file, header)
    except RawFileError as error:
        raise click.ClickException(str(error)) from None
    if twice := repeated_names(header):
        raise click.ClickException(
            f"{file.name}: the header names {listed(twice)} more than once; rename one"
        )
    if not sample.columns or not sample.rows:
        raise click.ClickException(
            f"{file.name}: no row has as many cells as the header ({listed(header)}); correct the "
            "delimiter or the header"
        )
    proposal = propose(sample, file.name)
    if output is None:
        show(to_toml(proposal))
    else:
        _write(to_toml(proposal), output)
    _report(proposal, header, output, say)


def _write(text: str, output: Path) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise click.ClickException(
            f"{output} cannot be written ({error.strerror}); give another --output"
        ) from None


def _report(
    proposal: Proposal, header: Sequence[str], output: Path | None, say: Callable[[str], None]
) -> None:
    seen = "all" if proposal.is_whole else "a sample of"
    say(f"looked at {seen} {proposal.rows:,} rows of {proposal.file}")
    for note in proposal.notes:
        say(_printable(note.line()))
    try:
        known = recognise_header(header).name
        say(f"note   the built-in contract {known!r} knows this header; it takes no contract.toml")
    except ContractError:
        pass
    where = "the proposal" if output is None else str(output)
    if proposal.is_open:
        say(f"{where} does not load before what is open is filled in")
        return
    if output is not None:
        load_contract(output)
    say(f"{where} loads; check what is unsure, then put it into the data root as contract.toml")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def read_sample(file: RawFile, header: Sequence[str]) -> Sample:
    """Reads rows spread over a file, decimal commas as points.

    Args:
        file: the file, whose header could be read.
        header: its header cells.

    Raises:
        RawFileError: if the file is damaged.
    """
    with opened(file) as stream:
        dialect = dialect_of(stream.read(HEAD_BYTES))
    size = Path(file.path).stat().st_size
    can_seek = not file.path.lower().endswith(".gz") and (
        dialect.encoding == "utf-8" and dialect.line_end != "\r"
    )
    if can_seek and size > _READ_WHOLE_BYTES:
        with opened(file) as stream:
            blocks = [
                _block_at(stream, dialect, int(size * place), len(header))
                for place in _places(MAXIMUM_BLOCKS)
            ]
        sample = sample_of(header, blocks, is_whole=False)
    else:
        with opened(file) as stream:
            blocks, is_whole = spread_blocks(_rows(stream, dialect, len(header)), _MAXIMUM_RECORDS)
        sample = sample_of(header, blocks, is_whole=is_whole)
    return _with_points(sample)


def _places(count: int) -> list[float]:
    """Returns places spread over a file, as shares of its length; the first one is its beginning.

    They lie in equal parts, but not at equal distances: a file may repeat itself (one station after
    the other), and must not be looked at in the same place of each repetition.
    """
    return [(number + number * _GOLDEN_RATIO % 1) / count for number in range(count)]


def _rows(stream: BinaryIO, dialect: Dialect, width: int) -> Iterator[Sequence[str]]:
    """Yields the cells of every record below the header; none for one that is no row."""
    records = read_records(as_utf8_lines(stream, dialect), dialect.delimiter)
    next(records, None)
    return (_cells(record, width) for record in records)


def _cells(record: Record, width: int) -> Sequence[str]:
    """Returns what is kept of a record: nothing where it is no row, or no row of readings."""
    is_row = len(record.cells) == width and len(record.raw) <= _LONGEST_ROW
    return record.cells if is_row else ()


def _block_at(stream: BinaryIO, dialect: Dialect, offset: int, width: int) -> Block:
    """Returns the records from the first whole line behind an offset on.

    What is skipped is the header or a part of a line. A quoted cell that spans lines may break the
    first records of a block, which are then counted as broken; their rows are not.
    """
    stream.seek(offset)
    stream.readline()
    records = read_records(stream, dialect.delimiter)
    return [
        _cells(record, width) for record, _ in zip(records, range(ROWS_PER_BLOCK), strict=False)
    ]


def _with_points(sample: Sample) -> Sample:
    """Returns the sample with decimal points, where the file has decimal commas beyond doubt."""
    numbers = (
        cell
        for cells in sample.columns.values()
        for cell in cells
        if is_number(cell) or is_number(with_decimal_point(cell)) or has_thousands(cell)
    )
    if decimal_mark(numbers) != ",":
        return sample
    columns = {name: [*map(_with_point, cells)] for name, cells in sample.columns.items()}
    return replace(sample, columns=columns)


def _with_point(cell: str) -> str:
    number = with_decimal_point(cell)
    return number if is_number(number) else cell
