"""Raw files before any row is read: opening, headers, and where each column is.

Belongs here: whether a file can be read under a contract at all. A file that cannot is refused as
a whole, with a message for the person who put it there. Does not belong here: which contract fits
(`weather_assets.contract.loading.recognise_header`), or rows (`reading`).
"""

import gzip
import zlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from weather_assets.contract.loading import missing_columns
from weather_assets.contract.schema import Contract, fold_header
from weather_assets.processing.reasons import Reason
from weather_assets.processing.records import Record, read_records


class RawFileError(ValueError):
    """A raw file cannot be read as a whole. The message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class RawFile:
    """One raw file.

    Attributes:
        path: where it is, on a file system that every Spark worker sees.
        name: how it is called in `rejected.parquet` and in messages; unique within a data set.
    """

    path: str
    name: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the contract's columns are in one file.

    Attributes:
        file: the file.
        header: its header cells as they stand in the file.
        positions: for each of `contract.header`, the index of its cell.
        unknown: header cells that the contract neither declares nor ignores.
    """

    file: RawFile
    header: tuple[str, ...]
    positions: tuple[int, ...]
    unknown: tuple[str, ...]


@contextmanager
def opened(file: RawFile) -> Generator[BinaryIO]:
    """Opens a `.csv` or `.csv.gz` file for reading bytes.

    Raises:
        RawFileError: if it is missing or unreadable, or, while it is read, if the compressed data
            are damaged or end early.
    """
    try:
        if file.path.endswith(".gz"):
            with gzip.open(file.path, "rb") as stream:
                yield cast("BinaryIO", stream)
        else:
            with Path(file.path).open("rb") as stream:
                yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise RawFileError(
            f"{file.name}: the compressed file is damaged or was copied in part ({error}); "
            "put it there again"
        ) from error
    except OSError as error:
        raise RawFileError(
            f"{file.name}: cannot be read ({error}); check path and access"
        ) from error


def read_header(file: RawFile) -> tuple[str, ...]:
    """Returns the header cells of a file: its first line that is not blank.

    Raises:
        RawFileError: if the file is empty, has no row below its header, or starts with something
            that is no UTF-8 text.
    """
    with opened(file) as stream:
        records = read_records(stream)
        header = next(records, None)
        if header is None:
            raise RawFileError(
                f"{file.name}: the file is empty; expected a header line and rows below"
            )
        if header.problem is not None:
            raise RawFileError(_bad_header(file, header))
        if next(records, None) is None:
            raise RawFileError(
                f"{file.name}: a header and no rows; add rows or take the file out of raw/"
            )
    return tuple(header.cells)


def layout_of(file: RawFile, contract: Contract) -> Layout:
    """Finds the contract's columns in a file, by name.

    Case, surrounding spaces, a byte order mark and the order of columns do not matter.

    Raises:
        RawFileError: if the header lacks a column or names one twice, and as `read_header`.
    """
    header = read_header(file)
    folded = [fold_header(cell) for cell in header]
    shown = ", ".join(repr(cell) for cell in header)
    twice = sorted({name for name in folded if folded.count(name) > 1})
    if twice:
        raise RawFileError(
            f"{file.name}: the header names {twice} more than once: {shown}; rename one"
        )
    missing = missing_columns(contract, header)
    if missing:
        raise RawFileError(
            f"{file.name}: the header lacks {', '.join(map(repr, missing))} of contract "
            f"{contract.name!r}. Found: {shown}. Needed: "
            f"{', '.join(map(repr, contract.header))}. Files of another kind need a data root of "
            "their own"
        )
    known = {fold_header(name) for name in (*contract.header, *contract.ignored)}
    return Layout(
        file=file,
        header=header,
        positions=tuple(folded.index(fold_header(name)) for name in contract.header),
        unknown=tuple(
            cell.strip() for cell, name in zip(header, folded, strict=True) if name not in known
        ),
    )


def layouts_of(files: Sequence[RawFile], contract: Contract) -> tuple[Layout, ...]:
    """Returns the layouts of all files, in the order of their names.

    Raises:
        RawFileError: if there is no file, two have the same name, or one cannot be read.
    """
    if not files:
        raise RawFileError("no raw file; put a weather.csv into raw/")
    names = [file.name for file in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RawFileError(f"raw files need different names; found more than once: {twice}")
    return tuple(layout_of(file, contract) for file in sorted(files, key=lambda file: file.name))


def _bad_header(file: RawFile, header: Record) -> str:
    if header.problem in (Reason.INVALID_ENCODING, Reason.NUL_BYTE):
        return (
            f"{file.name}: line {header.line} is no UTF-8 text, so this is no CSV file in UTF-8 "
            f"({header.problem}); found {header.raw[:40]!r}. Save it as CSV, UTF-8"
        )
    return (
        f"{file.name}: line {header.line}, the header: {header.problem}; found {header.raw[:80]!r}"
    )
