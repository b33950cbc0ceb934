"""What is done to the platform, at random from a seed.

Belongs here: raw files that come, change, move, go, are cut off or touched; processes that are
killed. Does not belong here: what must hold in spite of it (`agreement`).
"""

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from weather_assets_tests.chaos.platform import Platform
from weather_assets_tests.synthetic import five_column_text

_FILE_HARMS = ("add", "change", "rename", "remove", "truncate", "touch")
_MOST_FILES = 4
_ROWS = (300, 2500)


@dataclass
class Harm:
    """One source of harm.

    Attributes:
        platform: what is harmed.
        random: decides.
        done: how often each kind of harm was done.
        kills: how many processes were killed, by kind.
    """

    platform: Platform
    random: random.Random
    done: Counter[str] = field(default_factory=Counter[str])
    kills: Counter[str] = field(default_factory=Counter[str])
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def arrivals(self) -> int:
        """How often other content came to be in `raw/`."""
        return sum(self.done[kind] for kind in ("add", "change", "remove", "truncate"))

    def strike(self) -> str:
        """Does one thing; returns what it was."""
        self.platform.keep()
        living = {kind: found for kind, look in self._targets().items() if (found := list(look()))}
        kind = self.random.choice((*_FILE_HARMS, *living, "dev"))
        if kind == "dev":
            self.platform.kill()
            self.kills["dev"] += 1
            self.platform.keep()
        elif kind in living:
            self._kill(kind, self.random.choice(living[kind]))
        else:
            self._file_harm(kind)
        self.done[kind] += 1
        return kind

    def add(self, rows: int | None = None) -> Path:
        """Adds a file, complete at once."""
        number = next(self._numbers)
        path = self.platform.root.raw / f"station-{number}.csv"
        self._write(path, rows or self.random.randint(*_ROWS))
        return path

    def _targets(self) -> dict[str, Callable[[], Iterable[psutil.Process]]]:
        return {
            "service": self.platform.services,
            "worker": self.platform.workers,
            "rank": self.platform.ranks,
            "local azure": self.platform.simulator,
            "scorer": self.platform.scorers,
            "worker's family": self.platform.workers,
        }

    def _kill(self, kind: str, chosen: psutil.Process) -> None:
        with suppress(psutil.NoSuchProcess):
            family = chosen.children(recursive=True) if kind == "worker's family" else []
            for process in (chosen, *family):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
                    self.kills[kind] += 1

    def _file_harm(self, kind: str) -> None:
        files = sorted(self.platform.root.raw.glob("*.csv"))
        if kind == "add" and len(files) < _MOST_FILES:
            self.add()
            return
        chosen = self.random.choice(files)
        if kind == "rename":
            chosen.rename(chosen.with_name(f"renamed-{next(self._numbers)}.csv"))
        elif kind == "touch":
            chosen.touch()
        elif kind == "remove" and len(files) > 1:
            chosen.unlink()
        elif kind == "truncate":
            text = chosen.read_text()
            chosen.write_text(text[: max(len(text) // 2, 4000)])
        else:  # change, and what cannot be done
            self._write(chosen, self.random.randint(*_ROWS))

    def _write(self, path: Path, rows: int) -> None:
        draft = path.with_suffix(".part")
        draft.write_text(five_column_text(rows, self.random.randrange(2**31)))
        draft.rename(path)
