"""What was made of each raw file, so that a file seen before is not read again.

Belongs here: the record of it, and which files have none yet. Does not belong here: how a file is
read, block by block (`block_work`), rules about rows of several files (`outcomes`, `splitting`), or
which folder belongs to which file (an adapter knows its content).

An entry is a folder. Where a row's fate depends on that row alone, it holds parts that are hard
links in every version that has the file; else it holds rows of which it is not yet known what
becomes of them.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pyspark.sql import SparkSession

from weather_assets.contract.schema import Contract
from weather_assets.foundation.documents import read_json
from weather_assets.processing.files.blocks import blocks_of, text_bytes, total_bytes
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.parts.block_work import BlockWork, results_of
from weather_assets.processing.parts.fitting import sample_share
from weather_assets.processing.parts.parts import PartPaths
from weather_assets.processing.parts.summaries import Summary, total
from weather_assets.processing.parts.tasks import SMALL_BYTES, Here, InSpark, Workers
from weather_assets.processing.parts.timed_parts import TimedPart

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
            record = read_json(folder / _RECORD)
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


def entries_of(
    spark: Callable[[], SparkSession],
    layouts: Sequence[Layout],
    contract: Contract,
    folder_of: Callable[[str], Path],
    small_bytes: int = SMALL_BYTES,
) -> dict[str, FileEntry]:
    """Returns the entries of all files by their names; those that are not there yet are made.

    Args:
        spark: gives the session; called only if much is to be read.
        layouts: the files.
        contract: what their cells must be.
        folder_of: tells where the entry of a file is, or is to be; next to one another.
        small_bytes: up to so much new text is read here.

    Raises:
        RawFileError: if a file is damaged or has changed.
    """
    folders = {layout.file.name: folder_of(layout.file.name) for layout in layouts}
    found = {
        name: entry
        for name, folder in folders.items()
        if (entry := FileEntry.load(folder)) is not None
    }
    new = [layout for layout in layouts if layout.file.name not in found]
    if new:
        workers = Here() if total_bytes(new) <= small_bytes else InSpark(spark())
        made = _make(workers, new, contract, [folders[layout.file.name] for layout in new])
        found |= {layout.file.name: entry for layout, entry in zip(new, made, strict=True)}
    return {name: found[name] for name in folders}


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
    work = BlockWork(
        layouts=tuple(layouts),
        folders=tuple(str(folder.absolute()) for folder in building),
        shares=tuple(_spare_share(layout, contract) for layout in layouts),
        contract=contract,
    )
    blocks = [block for index, layout in enumerate(layouts) for block in blocks_of(index, layout)]
    results = results_of(workers, work, blocks)
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
