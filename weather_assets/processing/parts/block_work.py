"""Blocks of raw files to parts, wherever the work is done.

Belongs here: what is made of one block, and having blocks done again that began in the middle of a
record. Does not belong here: where blocks begin and end (`blocks`), who does the work (`tasks`), or
what is kept of a file (`file_entries`).
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from weather_assets.contract.schema import Contract
from weather_assets.processing.files.blocks import Block, BlockReader, count_lines, stream_batches
from weather_assets.processing.files.careful_rows import RowBatch
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.parts.parts import PartPaths, is_row_by_row, write_row_by_row
from weather_assets.processing.parts.summaries import Summary, total
from weather_assets.processing.parts.tasks import Workers
from weather_assets.processing.parts.timed_parts import TimedPart, write_rows


@dataclass(frozen=True, slots=True)
class BlockResult:
    """What became of one block.

    Attributes:
        file: index of its layout.
        number: its place among the blocks of the file.
        began_at: byte at which its first record begins.
        ended_at: byte at which the record behind its last one begins.
        rows: records read.
        parts: names of the parts that were written.
        summary: of its rows, where their fate depends on them alone.
        timed: its parts, where the fate of their rows depends on others.
    """

    file: int
    number: int
    began_at: int
    ended_at: int
    rows: int
    parts: tuple[str, ...]
    summary: Summary
    timed: tuple[TimedPart, ...]

    def to_json(self) -> str:
        """Returns it as a task hands it back."""
        return json.dumps({**asdict(self), "summary": self.summary.to_json()})

    @classmethod
    def from_json(cls, text: str) -> "BlockResult":
        """Returns what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        fields["summary"] = Summary.from_json(fields["summary"])
        fields["parts"] = tuple(fields["parts"])
        fields["timed"] = tuple(TimedPart(**part) for part in fields["timed"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class BlockWork:
    """Everything that a task has to know to process a block; travels to Spark's workers.

    Attributes:
        layouts: of the files.
        folders: where the parts of each go.
        shares: of the training rows of each, how many are in its samples for quantiles.
        contract: what the cells must be.
    """

    layouts: tuple[Layout, ...]
    folders: tuple[str, ...]
    shares: tuple[float, ...]
    contract: Contract

    def process(self, block: Block) -> BlockResult:
        """Reads a block and writes what is made of it."""
        layout = self.layouts[block.file]
        if block.end is None:
            return self._stream(block, layout)
        reader = BlockReader(block, layout, self.contract)
        written = [self._write(reader.batches(), block.file, f"{block.number:05}")]
        return _result(
            block, reader.began_at, reader.ended_at, [part for part in written if part.rows]
        )

    def _stream(self, block: Block, layout: Layout) -> BlockResult:
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
) -> BlockResult:
    return BlockResult(
        file=block.file,
        number=block.number,
        began_at=began_at,
        ended_at=ended_at,
        rows=sum(part.rows for part in written),
        parts=tuple(part.name for part in written),
        summary=total(part.summary for part in written),
        timed=tuple(part.timed for part in written if part.timed is not None),
    )


def results_of(workers: Workers, work: BlockWork, blocks: Sequence[Block]) -> list[BlockResult]:
    """Has blocks processed until each begins where the one before it in its file ended.

    Args:
        workers: who does it.
        work: what is done.
        blocks: of every file of `work`, in order, as `blocks_of` gives them.

    Raises:
        RawFileError: if a file is damaged or has changed.
    """
    numbered = _with_lines(workers, work, blocks)
    results = _processed(workers, work, numbered)
    while wrong := [
        index
        for index in range(1, len(numbered))
        if numbered[index].number and results[index].began_at != results[index - 1].ended_at
    ]:
        for index in wrong:
            numbered[index] = replace(numbered[index], begins_at=results[index - 1].ended_at)
        mended = _processed(workers, work, [numbered[index] for index in wrong])
        for index, result in zip(wrong, mended, strict=True):
            results[index] = result
    return results


def _processed(workers: Workers, work: BlockWork, blocks: Sequence[Block]) -> list[BlockResult]:
    answers = workers.each(len(blocks), lambda index: work.process(blocks[index]).to_json())
    return [BlockResult.from_json(answer) for answer in answers]


def _with_lines(workers: Workers, work: BlockWork, blocks: Sequence[Block]) -> list[Block]:
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
