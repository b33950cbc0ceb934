"""What was made of each raw file, so that a file seen before is not read again.

Belongs here: reading every file that has no entry yet, in Spark tasks or, where there is little to
read, in this process; and the record of it. Does not belong here: rules about rows of several files
(`outcomes`, `splitting`), or which folder belongs to which file (an adapter knows its content).

An entry is a folder. Where a row's fate depends on that row alone, it holds parts that are hard
links in every version that has the file; else it holds rows of which it is not yet known what
becomes of them.
"""

import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from weather_assets.contract.schema import Contract
from weather_assets.processing.files.blocks import (
    Block,
    BlockReader,
    blocks_of,
    count_lines,
    stream_batches,
    text_bytes,
    total_bytes,
)
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.files.raw_file import Layout
from weather_assets.processing.parts.fitting import sample_share
from weather_assets.processing.parts.parts import PartPaths, is_row_by_row, write_row_by_row
from weather_assets.processing.parts.summaries import Summary, total
from weather_assets.processing.parts.tasks import SMALL_BYTES, Here, InSpark, Workers
from weather_assets.processing.parts.timed_parts import TimedPart, write_rows

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
        timed: its parts, where the fate of their rows depends on others.
    """

    folder: Path
    rows: int
    parts: tuple[str, ...]
    summary: Summary
    share: float
    timed: tuple[TimedPart, ...]

    def paths(self) -> Iterator[PartPaths]:
        """Yields where its parts are."""
        return (PartPaths.of(self.folder, part) for part in self.parts)

    def save(self) -> None:
        """Writes the record of the entry, which makes it complete."""
        record = {"rows": self.rows, "parts": self.parts, "share": self.share}
        timed = [asdict(part) for part in self.timed]
        text = json.dumps({**record, "timed": timed, "summary": self.summary.to_json()})
        (self.folder / _RECORD).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "FileEntry | None":
        """Returns the entry in a folder; None if there is no complete one."""
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(
            folder=folder,
            rows=record["rows"],
            parts=tuple(record["parts"]),
            summary=Summary.from_json(record["summary"]),
            share=record["share"],
            timed=tuple(TimedPart(**part) for part in record["timed"]),
        )


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
    timed: tuple[TimedPart, ...]

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "summary": self.summary.to_json()})

    @classmethod
    def from_json(cls, text: str) -> "_BlockResult":
        fields: dict[str, Any] = json.loads(text)
        fields["summary"] = Summary.from_json(fields["summary"])
        fields["parts"] = tuple(fields["parts"])
        fields["timed"] = tuple(TimedPart(**part) for part in fields["timed"])
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
        written = [self._write(reader.batches(), block.file, f"{block.number:05}")]
        return _result(
            block, reader.began_at, reader.ended_at, [part for part in written if part.rows]
        )

    def _stream(self, block: Block, layout: Layout) -> _BlockResult:
        written = [
            self._write(batches, block.file, f"{index:05}")
            for index, batches in enumerate(stream_batches(layout, self.contract))
        ]
        return _result(block, 0, 0, written)

    def _write(self, batches: Iterable[RowBatch], file: int, name: str) -> "_WrittenPart":
        """Writes one part, complete or not at all, also if two tasks try at the same time."""
        folder = Path(self.folders[file])
        attempt = folder / f".attempt-{uuid.uuid4().hex}"
        attempt.mkdir()
        rows = 0

        def counted() -> Iterator[RowBatch]:
            nonlocal rows
            for batch in batches:
                rows += len(batch.lines)
                yield batch

        summary, timed = Summary(), None
        if is_row_by_row(self.contract):
            paths = PartPaths.of(attempt, name)
            name_of_file = self.layouts[file].file.name
            share = self.shares[file]
            summary = write_row_by_row(counted(), name_of_file, paths, self.contract, share)
        else:
            timed = write_rows(counted(), attempt, name, self.contract)
        for path in attempt.iterdir():
            path.replace(folder / path.name)
        attempt.rmdir()
        return _WrittenPart(name, rows, summary, timed)


@dataclass(frozen=True, slots=True)
class _WrittenPart:
    """What was written of some rows of a file."""

    name: str
    rows: int
    summary: Summary
    timed: TimedPart | None


def _result(
    block: Block, began_at: int, ended_at: int, written: Sequence[_WrittenPart]
) -> _BlockResult:
    return _BlockResult(
        file=block.file,
        number=block.number,
        began_at=began_at,
        ended_at=ended_at,
        rows=sum(part.rows for part in written),
        parts=tuple(part.name for part in written),
        summary=total(part.summary for part in written),
        timed=tuple(part.timed for part in written if part.timed is not None),
    )


def entries_of(
    spark: Callable[[], SparkSession],
    layouts: Sequence[Layout],
    contract: Contract,
    folders: Mapping[str, Path],
    small_bytes: int = SMALL_BYTES,
) -> list[FileEntry]:
    """Returns the entries of all files; those that are not there yet are made.

    Args:
        spark: gives the session; called only if much is to be read.
        layouts: the files.
        contract: what their cells must be.
        folders: where the entry of each file is, by the file's name; next to one another.
        small_bytes: up to so much new text is read here.

    Raises:
        RawFileError: if a file is damaged or has changed.
    """
    found = {name: FileEntry.load(folder) for name, folder in folders.items()}
    new = [layout for layout in layouts if found[layout.file.name] is None]
    if new:
        workers = Here() if total_bytes(new) <= small_bytes else InSpark(spark())
        made = _make(workers, new, contract, [folders[layout.file.name] for layout in new])
        found |= {layout.file.name: entry for layout, entry in zip(new, made, strict=True)}
    return [entry for layout in layouts if (entry := found[layout.file.name]) is not None]


def _make(
    workers: Workers,
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
    results = _chained(workers, work, _with_lines(workers, work, blocks))
    entries: list[FileEntry] = []
    for index, (folder, staged) in enumerate(zip(folders, building, strict=True)):
        own = [result for result in results if result.file == index]
        entry = FileEntry(
            folder=staged,
            rows=sum(result.rows for result in own),
            parts=tuple(part for result in own for part in result.parts),
            summary=total(result.summary for result in own),
            share=work.shares[index],
            timed=tuple(part for result in own for part in result.timed),
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


def _with_lines(workers: Workers, work: _Work, blocks: Sequence[Block]) -> list[Block]:
    """Returns blocks with the line ends before them."""
    if len(blocks) == len(work.layouts):
        return list(blocks)  # nothing is divided
    counts = workers.each(
        len(blocks), lambda index: str(count_lines(blocks[index], work.layouts[blocks[index].file]))
    )
    numbered: list[Block] = []
    before = 0
    for block, count in zip(blocks, counts, strict=True):
        if block.number == 0:
            before = block.lines_before
        numbered.append(replace(block, lines_before=before))
        before += int(count)
    return numbered


def _chained(workers: Workers, work: _Work, blocks: list[Block]) -> list[_BlockResult]:
    """Processes blocks until each begins where the one before it in its file ended."""
    results = _processed(workers, work, blocks)
    while wrong := [
        index
        for index in range(1, len(blocks))
        if blocks[index].number and results[index].began_at != results[index - 1].ended_at
    ]:
        for index in wrong:
            blocks[index] = replace(blocks[index], begins_at=results[index - 1].ended_at)
        mended = _processed(workers, work, [blocks[index] for index in wrong])
        for index, result in zip(wrong, mended, strict=True):
            results[index] = result
    return results


def _processed(workers: Workers, work: _Work, blocks: Sequence[Block]) -> list[_BlockResult]:
    answers = workers.each(len(blocks), lambda index: work.process(blocks[index]).to_json())
    return [_BlockResult.from_json(answer) for answer in answers]
