"""What was made of each raw file, so that a file seen before is not read again.

Belongs here: reading every file that has no entry yet, in Spark tasks or, where there is little to
read, in this process; and the record of it. Does not belong here: rules about rows of several files
(`outcomes`, `splitting`), or which folder belongs to which file (an adapter knows its content).

An entry is a folder. Where a row's fate depends on that row alone, it holds parts that are hard
links in every version that has the file; else it holds the rows as Spark takes them.
"""

import json
import re
import shutil
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

from weather_assets.contract.schema import Contract
from weather_assets.processing.blocks import (
    Block,
    BlockReader,
    blocks_of,
    count_lines,
    stream_batches,
    text_bytes,
    total_bytes,
)
from weather_assets.processing.fitting import sample_share
from weather_assets.processing.parts import (
    PartPaths,
    is_row_by_row,
    validated_table,
    write_row_by_row,
)
from weather_assets.processing.raw_files import Layout, RawFileError
from weather_assets.processing.reading import RowBatch
from weather_assets.processing.summaries import Summary, total

SMALL_BYTES = 128 * 2**20
"""Up to this size, all new raw files together are read in this process: that takes a second, and
starting Spark and its Python processes takes six."""

VALIDATED = "validated"
_RECORD = "entry.json"
_LEAST_ROW_BYTES, _SPARE = 16, 4


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What was made of one file.

    Attributes:
        folder: where its parts lie.
        rows: records read; headers and blank lines are none.
        parts: names of its parts, in the order of the file.
        summary: of its rows, where their fate depends on them alone.
        share: of its training rows, how many are in its samples for quantiles.
    """

    folder: Path
    rows: int
    parts: tuple[str, ...]
    summary: Summary
    share: float

    def paths(self) -> Iterator[PartPaths]:
        """Yields where its parts are."""
        return (PartPaths.of(self.folder, part) for part in self.parts)

    def validated(self) -> list[Path]:
        """Returns where its rows lie as Spark takes them."""
        return [self.folder / f"{VALIDATED}-{part}.parquet" for part in self.parts]

    def save(self) -> None:
        """Writes the record of the entry, which makes it complete."""
        record = {"rows": self.rows, "parts": self.parts, "share": self.share}
        text = json.dumps({**record, "summary": self.summary.to_json()})
        (self.folder / _RECORD).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "FileEntry | None":
        """Returns the entry in a folder; None if there is no complete one."""
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        summary = Summary.from_json(record["summary"])
        return cls(folder, record["rows"], tuple(record["parts"]), summary, record["share"])


@dataclass(frozen=True, slots=True)
class _BlockResult:
    """What became of one block."""

    file: int
    number: int
    began_at: int
    ended_at: int
    rows: int
    parts: tuple[str, ...]
    summary: Summary

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "summary": self.summary.to_json()})

    @classmethod
    def from_json(cls, text: str) -> "_BlockResult":
        fields: dict[str, Any] = json.loads(text)
        fields["summary"] = Summary.from_json(fields["summary"])
        fields["parts"] = tuple(fields["parts"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class _Work:
    """Everything that a task has to know to process a block; travels to Spark's workers."""

    layouts: tuple[Layout, ...]
    folders: tuple[str, ...]
    shares: tuple[float, ...]
    contract: Contract

    def process(self, block: Block) -> _BlockResult:
        """Reads a block and writes what is made of it."""
        layout = self.layouts[block.file]
        if block.end is None:
            return self._stream(block, layout)
        reader = BlockReader(block, layout, self.contract)
        name = f"{block.number:05}"
        rows, summary = self._write(reader.batches(), block.file, name)
        parts = (name,) if rows else ()
        return _BlockResult(
            block.file, block.number, reader.began_at, reader.ended_at, rows, parts, summary
        )

    def _stream(self, block: Block, layout: Layout) -> _BlockResult:
        rows, parts, summaries = 0, [], []
        for index, batches in enumerate(stream_batches(layout, self.contract)):
            name = f"{index:05}"
            some, summary = self._write(batches, block.file, name)
            rows += some
            parts.append(name)
            summaries.append(summary)
        return _BlockResult(block.file, 0, 0, 0, rows, tuple(parts), total(summaries))

    def _write(self, batches: Iterable[RowBatch], file: int, name: str) -> tuple[int, Summary]:
        """Writes one part, complete or not at all, also if two tasks try at the same time."""
        name_of_file = self.layouts[file].file.name
        folder = Path(self.folders[file])
        attempt = folder / f".attempt-{uuid.uuid4().hex}"
        attempt.mkdir()
        rows = 0

        def counted() -> Iterator[RowBatch]:
            nonlocal rows
            for batch in batches:
                rows += len(batch.lines)
                yield batch

        if is_row_by_row(self.contract):
            paths = PartPaths.of(attempt, name)
            share = self.shares[file]
            summary = write_row_by_row(counted(), name_of_file, paths, self.contract, share)
        else:
            table = validated_table(counted(), name_of_file, self.contract)
            pq.write_table(table, attempt / f"{VALIDATED}-{name}.parquet", store_schema=False)
            summary = Summary()
        for path in attempt.iterdir():
            path.replace(folder / path.name)
        attempt.rmdir()
        return rows, summary


def entries_of(
    spark: Callable[[], SparkSession],
    layouts: Sequence[Layout],
    contract: Contract,
    folders: Mapping[str, Path],
) -> list[FileEntry]:
    """Returns the entries of all files; those that are not there yet are made.

    Args:
        spark: gives the session; called only if much is to be read.
        layouts: the files.
        contract: what their cells must be.
        folders: where the entry of each file is, by the file's name; next to one another.

    Raises:
        RawFileError: if a file is damaged or has changed.
    """
    found = {name: FileEntry.load(folder) for name, folder in folders.items()}
    new = [layout for layout in layouts if found[layout.file.name] is None]
    if new:
        made = _make(spark, new, contract, [folders[layout.file.name] for layout in new])
        found |= {layout.file.name: entry for layout, entry in zip(new, made, strict=True)}
    return [entry for layout in layouts if (entry := found[layout.file.name]) is not None]


def is_small(layouts: Sequence[Layout]) -> bool:
    """Tells whether so little is to be read that it takes no Spark."""
    return total_bytes(layouts) <= SMALL_BYTES


def _make(
    spark: Callable[[], SparkSession],
    layouts: Sequence[Layout],
    contract: Contract,
    folders: Sequence[Path],
) -> list[FileEntry]:
    building = [folder.with_name(f".building-{folder.name}") for folder in folders]
    for folder in building:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    work = _Work(
        layouts=tuple(layouts),
        folders=tuple(str(folder.absolute()) for folder in building),
        shares=tuple(_spare_share(layout, contract) for layout in layouts),
        contract=contract,
    )
    blocks = [block for index, layout in enumerate(layouts) for block in blocks_of(index, layout)]
    runner = _Here(work) if is_small(layouts) else _InSpark(spark(), work)
    results = _chained(runner, runner.with_lines(blocks))
    entries: list[FileEntry] = []
    for index, (folder, staged) in enumerate(zip(folders, building, strict=True)):
        own = [result for result in results if result.file == index]
        entry = FileEntry(
            folder=staged,
            rows=sum(result.rows for result in own),
            parts=tuple(part for result in own for part in result.parts),
            summary=total(result.summary for result in own),
            share=work.shares[index],
        )
        entry.save()
        shutil.rmtree(folder, ignore_errors=True)
        staged.rename(folder)
        entries.append(replace(entry, folder=folder))
    return entries


def _spare_share(layout: Layout, contract: Contract) -> float:
    """Returns a share of the training rows that is almost surely as large as will be needed.

    The number of rows is not known yet; `pipeline` looks at all rows if the guess was too high.
    """
    rows = text_bytes(layout) / max(_LEAST_ROW_BYTES, layout.row_bytes)
    return min(1.0, _SPARE * sample_share(round(rows * contract.split.train)))


class _Here:
    """Processes blocks one after the other in this process."""

    def __init__(self, work: _Work) -> None:
        self._work = work

    def process(self, blocks: Sequence[Block]) -> list[_BlockResult]:
        return [self._work.process(block) for block in blocks]

    def with_lines(self, blocks: Sequence[Block]) -> list[Block]:
        counts = [count_lines(block, self._work.layouts[block.file]) for block in blocks]
        return _numbered(blocks, counts)


class _InSpark:
    """Processes blocks in Spark tasks, which Spark retries and spreads over its workers."""

    def __init__(self, spark: SparkSession, work: _Work) -> None:
        self._spark = spark
        self._work = work

    def process(self, blocks: Sequence[Block]) -> list[_BlockResult]:
        work = self._work
        answers = self._each(blocks, lambda block: work.process(block).to_json())
        return [_BlockResult.from_json(answer) for answer in answers]

    def with_lines(self, blocks: Sequence[Block]) -> list[Block]:
        work = self._work
        if len(blocks) == len(work.layouts):
            return list(blocks)  # nothing is divided
        counts = self._each(
            blocks,
            lambda block: str(count_lines(block, work.layouts[block.file])),
        )
        return _numbered(blocks, [int(count) for count in counts])

    def _each(self, blocks: Sequence[Block], task: Callable[[Block], str]) -> list[str]:
        """Returns what a function says of each block, one Spark task per block."""

        def tasks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for index in batch.column(0).to_pylist():
                    answer = task(blocks[index])
                    yield pa.RecordBatch.from_pydict({"index": [index], "answer": [answer]})

        numbers = self._spark.range(0, len(blocks), 1, len(blocks))
        with _readable_errors():
            rows = numbers.mapInArrow(tasks, "index bigint, answer string").collect()
        return [row["answer"] for row in sorted(rows, key=lambda row: row["index"])]


@contextmanager
def _readable_errors() -> Generator[None]:
    """Turns a Spark task's report of a bad raw file back into the error that the task raised."""
    try:
        yield
    except PythonException as error:
        raised = re.search(rf"{RawFileError.__name__}: (.*)", str(error))
        if raised is None:
            raise
        raise RawFileError(raised[1]) from None


def _numbered(blocks: Sequence[Block], counts: Sequence[int]) -> list[Block]:
    """Returns blocks with the line ends before them, from those in each of them."""
    numbered: list[Block] = []
    before = 0
    for block, count in zip(blocks, counts, strict=True):
        if block.number == 0:
            before = block.lines_before
        numbered.append(replace(block, lines_before=before))
        before += count
    return numbered


def _chained(runner: "_Here | _InSpark", blocks: list[Block]) -> list[_BlockResult]:
    """Processes blocks until each begins where the one before it in its file ended."""
    results = runner.process(blocks)
    while wrong := [
        index
        for index in range(1, len(blocks))
        if blocks[index].number and results[index].began_at != results[index - 1].ended_at
    ]:
        for index in wrong:
            blocks[index] = replace(blocks[index], begins_at=results[index - 1].ended_at)
        mended = runner.process([blocks[index] for index in wrong])
        for index, result in zip(wrong, mended, strict=True):
            results[index] = result
    return results
