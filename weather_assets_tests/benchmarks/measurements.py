"""What a benchmark is and what it hands back.

Belongs here: the types that benchmarks and the runner share. Does not belong here: measuring
anything, or how it is shown (`report`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


class BenchmarkError(RuntimeError):
    """A benchmark could not be carried out; the message is the one reason to show."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured number.

    Attributes:
        subject: what was measured; one line of the table.
        quantity: which property of it; one column of the table.
        value: the number.
        unit: its unit, empty where it has none.
    """

    subject: str
    quantity: str
    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a measured number must reach.

    Attributes:
        claim: what is claimed, in words.
        value: the number.
        bound: where it must be.
        side: on which side of `bound`.
    """

    claim: str
    value: float
    bound: float
    side: Literal["at least", "at most"] = "at least"

    @property
    def met(self) -> bool:
        """Whether the number is where it must be; NaN never is."""
        return self.value >= self.bound if self.side == "at least" else self.value <= self.bound


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """Everything that one benchmark found.

    Attributes:
        measurements: numbers, in the order in which they are shown.
        requirements: what had to be reached.
        notes: what a reader must know to judge the numbers.
    """

    measurements: tuple[Measurement, ...]
    requirements: tuple[Requirement, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a benchmark may use.

    Attributes:
        folder: empty and its own; deleted afterwards.
        data: folder with `kaggle-weather-forecast.csv`; None for a generated equivalent.
        say: shows one line of progress.
        rows: how large the largest file is, where files of several sizes are compared.
    """

    folder: Path
    data: Path | None
    say: Callable[[str], None]
    rows: int = 10_000_000


@dataclass(frozen=True, slots=True)
class Benchmark:
    """An entry of the runner.

    Attributes:
        name: for `--only`.
        title: what is compared, in one line.
        measure: carries it out. Imports what it needs by itself, so that listing costs nothing.
    """

    name: str
    title: str
    measure: Callable[[Workplace], BenchmarkResult]
