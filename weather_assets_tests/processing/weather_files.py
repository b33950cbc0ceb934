"""Small contracts and raw files for the tests of `processing`.

Belongs here: making input. Does not belong here: assertions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from weather_assets.contract.columns import Column, Kind, Timestamp
from weather_assets.contract.schema import Contract, Label, Split, SplitMethod
from weather_assets.processing.cells.validation import fault_kinds
from weather_assets.processing.files.careful_rows import RowBatch, row_batches
from weather_assets.processing.files.dialects import as_utf8_lines
from weather_assets.processing.files.layouts import Layout, layout_of
from weather_assets.processing.files.raw_file import RawFile, opened, read_opening
from weather_assets.processing.files.records import RecordReader

START = datetime(2020, 1, 1, tzinfo=UTC)

UNTIMED = Contract(
    name="untimed",
    title="two quantities and a label",
    columns=(
        Column("Temperature", "air_temperature", "degC", minimum=-90, maximum=60),
        Column("Humidity", "relative_humidity", "percent", minimum=0, maximum=100, required=True),
    ),
    label=Label("Rain", positive=("rain",), negative=("no rain",)),
    split=Split(SplitMethod.HASH),
    missing_markers=("NA",),
)

AHEAD = Contract(
    name="ahead",
    title="rain at a station one hour later",
    columns=(
        Column(
            "station", "platform_name", kind=Kind.CATEGORY, categories=("A", "B"), required=True
        ),
        Column("temp", "air_temperature", "degC", minimum=-90, maximum=60),
        Column("direction", "wind_from_direction", "degree", Kind.CIRCULAR, 0, 360, 360),
        Column("rain", "precipitation_amount", "mm", minimum=0, maximum=400),
    ),
    label=Label("rain", threshold=0.0, lead=timedelta(hours=1)),
    timestamp=Timestamp("time", features=("hour_of_day", "day_of_year")),
    station="station",
    split=Split(train=0.6, validation=0.2),
    missing_markers=("NA",),
)

SAME_HOUR = Contract(
    name="same_hour",
    title="rain in the same hour, one place",
    columns=(Column("temp", "air_temperature", "degC", minimum=-90, maximum=60),),
    label=Label("rain", positive=("rain",), negative=("no rain",)),
    timestamp=Timestamp("time"),
)


def write_csv(folder: Path, name: str, lines: Iterable[str]) -> RawFile:
    """Writes lines as a raw file and returns it."""
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return RawFile(str(path), name)


def layouts(files: Iterable[RawFile], contract: Contract) -> tuple[Layout, ...]:
    """Returns where a contract's columns are in files."""
    return tuple(layout_of(read_opening(file), contract) for file in files)


def stamp(hour: int) -> str:
    """Returns the timestamp cell of that many hours after `START`."""
    return (START + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ahead_rows(hours: int, seed: int = 0) -> list[str]:
    """Returns valid data lines for `AHEAD`: every hour at both stations, some cells empty."""
    random = Random(seed)
    rows: list[str] = []
    for hour in range(hours):
        for station in "AB":
            temperature = "NA" if random.random() < 0.1 else f"{random.uniform(-10, 30):.2f}"
            rain = f"{random.uniform(0, 5):.1f}" if random.random() < 0.4 else "0"
            rows.append(f"{stamp(hour)},{station},{temperature},{random.randrange(361)},{rain}")
    return rows


def untimed_rows(count: int, seed: int = 0) -> list[str]:
    """Returns valid data lines for `UNTIMED`."""
    random = Random(seed)
    return [
        f"{random.uniform(-20, 40):.6f},{random.uniform(0, 100):.3f},"
        f"{'rain' if random.random() < 0.3 else 'no rain'}"
        for _ in range(count)
    ]


def header_of(contract: Contract, order: Sequence[int] | None = None) -> str:
    """Returns the header line of a contract."""
    names = contract.header
    return ",".join(names if order is None else [names[index] for index in order])


def validated_batches(file: RawFile, contract: Contract) -> Iterator[RowBatch]:
    """Yields the rows of a file, read carefully."""
    (layout,) = layouts([file], contract)
    with opened(file) as stream:
        reader = RecordReader(as_utf8_lines(stream, layout.dialect), layout.dialect.delimiter)
        next(reader.records())
        yield from row_batches(reader.records(), layout, contract, 0)


@dataclass(frozen=True, slots=True)
class ValidatedRow:
    """A row of a file.

    Attributes:
        line: where it starts.
        raw: what stands there.
        values: what it says, in the order of the contract's header.
        event: what its label cell says; None for nothing valid.
        fault: column and reason, if it has a fault by itself.
        row_hash: of the values.
    """

    line: int
    raw: str
    values: tuple[object, ...]
    event: int | None
    fault: tuple[str | None, str] | None
    row_hash: int


def validated_rows(file: RawFile, contract: Contract) -> list[ValidatedRow]:
    """Returns the rows of a file, read carefully."""
    return rows_of(validated_batches(file, contract), contract)


def rows_of(batches: Iterable[RowBatch], contract: Contract) -> list[ValidatedRow]:
    """Returns the rows of batches, one by one."""
    kinds = fault_kinds(contract)
    return [
        ValidatedRow(line, raw, values, None if event < 0 else event, kinds[fault], row_hash)
        for batch in batches
        for line, raw, values, event, fault, row_hash in zip(
            batch.lines.tolist(),
            batch.texts.column().to_pylist(),
            zip(*(column.to_pylist() for column in batch.rows.values), strict=True),
            batch.rows.events.tolist(),
            batch.rows.faults.tolist(),
            batch.rows.row_hashes.tolist(),
            strict=True,
        )
    ]
