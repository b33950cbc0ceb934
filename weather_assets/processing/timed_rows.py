"""Rows whose fate depends on others: duplicates, labels that lie ahead, splits in time.

Belongs here: taking the rows of all files through those stages in Spark, and writing what comes
out. Does not belong here: the rules (`outcomes`, `splitting`), or reading files (`file_entries`).

Spark jobs: one labels, and finds where the splits begin; the others start from its cached result
and run side by side, because on small data the fixed cost of a job is what takes the time.
"""

import json
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from weather_assets.contract.schema import Contract
from weather_assets.processing import sql
from weather_assets.processing.features import with_features
from weather_assets.processing.file_entries import FileEntry
from weather_assets.processing.fitting import sample_share
from weather_assets.processing.outcomes import with_labels
from weather_assets.processing.parts import (
    OWN_COLUMNS,
    REJECTED_SCHEMA,
    PartPaths,
    write_rejected,
    write_weather,
)
from weather_assets.processing.splitting import find_boundaries, with_split
from weather_assets.processing.summaries import Summary
from weather_assets.processing.validation import value_column

SMALL_ROWS = 100_000
"""Up to so many rows are written here: starting a Python process of Spark's takes 2 s."""

INTERPRETED_ROWS = 10_000
"""Up to so many rows, Spark interprets its queries: generating and compiling code for them costs 1
to 2 s in a new session, and earns it back only above."""

ROWS_PER_PART = 500_000
_ROWS_PER_PARTITION = 1_000_000
_SPARE = 2
_PARTITIONS = "spark.sql.shuffle.partitions"
_GENERATE_NOTHING = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
_WEATHER, _REJECTED = "weather", "rejected"


@dataclass(frozen=True, slots=True)
class TimedPart:
    """A part that was written: of kept rows, or of rejected ones.

    Attributes:
        paths: where it is; the file of the other kind does not exist.
        share: of its training rows, how many are in its sample.
        summary: of its rows.
    """

    paths: PartPaths
    share: float
    summary: Summary


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes rows as parts; travels to Spark's workers."""

    folder: str
    contract: Contract
    share: float

    def write(self, kind: str, table: pa.Table) -> str:
        """Writes one part and returns its name and summary, as JSON."""
        # Of a task that Spark runs twice, the parts of the one that it believes are taken.
        name = uuid.uuid4().hex
        paths = PartPaths.of(Path(self.folder), name)
        if kind == _WEATHER:
            summary = write_weather([table], paths.weather, paths.sample, self.contract, self.share)
        else:
            summary = write_rejected([table.cast(REJECTED_SCHEMA)], paths.rejected)
        return json.dumps({"name": name, "summary": summary.to_json()})

    def write_in_spark(self, kind: str, rows: DataFrame) -> list[str]:
        """Writes rows from where Spark has them."""

        def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for table in _slices(batches):
                yield pa.RecordBatch.from_pydict({"part": [self.write(kind, table)]})

        return [row.part for row in rows.mapInArrow(write, "part string").collect()]

    def part(self, written: str) -> TimedPart:
        """Returns the part that `write` described."""
        fields = json.loads(written)
        paths = PartPaths.of(Path(self.folder), fields["name"])
        return TimedPart(paths, self.share, Summary.from_json(fields["summary"]))


def finish_timed(
    spark: Callable[[], SparkSession],
    entries: Sequence[FileEntry],
    contract: Contract,
    folder: Path,
) -> list[TimedPart]:
    """Compares, labels and divides the rows of all files, and writes them.

    Args:
        spark: gives the session.
        entries: of the files, with rows as `parts.validated_table` makes them.
        contract: says how.
        folder: where the parts go; is made.
    """
    folder.mkdir(parents=True)
    session = spark()
    rows = sum(entry.rows for entry in entries)
    is_small = rows <= SMALL_ROWS
    with _settings(session, rows):
        labelled = with_labels(_validated(session, entries, is_small=is_small), contract).persist()
        try:
            boundaries = find_boundaries(labelled, contract)
            divided = with_split(labelled, contract, boundaries)
            share = min(1.0, _SPARE * sample_share(boundaries.expected_training_rows))
            writer = _Writer(str(folder.absolute()), contract, share)
            frames = {
                _WEATHER: prepared_columns(divided, contract),
                _REJECTED: divided.where("fault IS NOT NULL").selectExpr(
                    "file", "line", "fault.column AS column", "fault.reason AS reason", "raw"
                ),
            }
            with ThreadPoolExecutor(max_workers=len(frames)) as pool:
                if is_small:
                    tables = pool.map(lambda frame: frame.toArrow(), frames.values())
                    written = [
                        writer.write(kind, _in_order(table))
                        for kind, table in zip(frames, tables, strict=True)
                    ]
                else:
                    lists = pool.map(writer.write_in_spark, frames, frames.values())
                    written = [part for each in lists for part in each]
        finally:
            labelled.unpersist()
    return [writer.part(each) for each in written]


def prepared_columns(divided: DataFrame, contract: Contract) -> DataFrame:
    """Returns valid rows with the columns of `weather.parquet`, unsorted.

    Args:
        divided: what `splitting.with_split` returns.
        contract: names and types of the columns.
    """
    values = [
        f"{_as_written(name, index, contract)} AS {sql.identifier(name)}"
        for index, name in enumerate(contract.header)
    ]
    persistence = [] if contract.label.lead is None else ["CAST(event AS DOUBLE) AS persistence"]
    own = ["label AS label_encoded", "split", *persistence, "row_hash"]
    rows = with_features(divided.where("fault IS NULL").selectExpr(*values, *own), contract)
    features = () if contract.timestamp is None else contract.timestamp.features
    last = [name for name in OWN_COLUMNS if name in rows.columns]
    return rows.select(*(sql.identifier(name) for name in (*contract.header, *features, *last)))


def _as_written(name: str, index: int, contract: Contract) -> str:
    value = value_column(index)
    is_time = contract.timestamp is not None and contract.timestamp.column == name
    return f"timestamp_micros({value})" if is_time else value


def _validated(session: SparkSession, entries: Sequence[FileEntry], *, is_small: bool) -> DataFrame:
    paths = [path for entry in entries for path in entry.validated()]
    if is_small:
        table = pa.concat_tables(pq.read_table(path) for path in paths)
        # In one chunk: Spark 4.1 takes an empty chunk for the end of the table.
        return session.createDataFrame(table.combine_chunks())
    return session.read.parquet(*(str(path.absolute()) for path in paths))


def _in_order(table: pa.Table) -> pa.Table:
    """Returns few rows sorted by what they are, for people who look at the file."""
    order = ["file", "line"] if "line" in table.column_names else ["row_hash"]
    return table.sort_by([(name, "ascending") for name in order])


def _slices(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yields batches together, about `ROWS_PER_PART` rows at a time."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= ROWS_PER_PART:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


@contextmanager
def _settings(session: SparkSession, rows: int) -> Generator[None]:
    """Sets what depends on the number of rows, and puts it back afterwards."""
    chosen: Mapping[str, str] = {}
    if rows <= INTERPRETED_ROWS:
        chosen = _GENERATE_NOTHING
    elif rows > SMALL_ROWS:
        partitions = max(int(session.conf.get(_PARTITIONS) or 1), rows // _ROWS_PER_PARTITION)
        chosen = {_PARTITIONS: str(partitions)}
    before = {key: session.conf.get(key, None) for key in chosen}
    for key, value in chosen.items():
        session.conf.set(key, value)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                session.conf.unset(key)
            else:
                session.conf.set(key, value)
