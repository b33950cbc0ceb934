"""What the cells of one column show by themselves: numbers, texts, levels, order.

Belongs here: facts that need no knowledge of weather. Does not belong here: which texts mean a
missing value (`markers`), what is measured (`names`) or in which unit (`unit_choice`).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weather_assets.contract.cells import has_thousands, has_unit, number_of

Floats = npt.NDArray[np.float64]

_SHARE_OF_NUMBERS = 0.8
"""A column with at least so many numbers among its values is one of numbers with dirt in it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What one column of a sample holds.

    Attributes:
        name: its header cell.
        cells: its cells, trimmed; empty where the cell is empty or a marker.
        values: its numbers, NaN where the cell holds none, [rows].
        levels: how often each text that is no missing value occurs.
        not_numbers: those levels that are no plain numbers.
    """

    name: str
    cells: Sequence[str]
    values: Floats
    levels: Counter[str]
    not_numbers: Counter[str]

    @property
    def observed(self) -> Floats:
        """The numbers that there are."""
        return self.values[~np.isnan(self.values)]

    @property
    def filled(self) -> int:
        """How many cells are not missing."""
        return self.levels.total()

    @property
    def is_numeric(self) -> bool:
        """Whether most of its values are plain numbers."""
        return self.filled > 0 and len(self.observed) >= _SHARE_OF_NUMBERS * self.filled

    @property
    def is_whole(self) -> bool:
        """Whether all of its numbers are whole."""
        return bool(np.all(self.observed == np.round(self.observed)))

    @property
    def is_constant(self) -> bool:
        """Whether it has one value at most, besides missing ones."""
        return len(self.levels) <= 1

    @property
    def has_units_in_cells(self) -> bool:
        """Whether most of its values are numbers with something behind them."""
        return self._share(has_unit) >= _SHARE_OF_NUMBERS

    @property
    def has_grouped_digits(self) -> bool:
        """Whether numbers have thousands separators."""
        return self._share(has_thousands) > 0

    @property
    def counts_rows(self) -> bool:
        """Whether it goes up by one from row to row."""
        steps = np.diff(self.observed)
        return (
            len(steps) > 1
            and bool(np.mean(steps == 1) > 0.99)
            and len(self.observed) == len(self.cells)
        )

    def quantiles(self, *shares: float) -> list[float]:
        """Returns quantiles of its numbers, of which there must be some."""
        return [float(value) for value in np.quantile(self.observed, shares)]

    def _share(self, is_such: Callable[[str], bool]) -> float:
        fitting = sum(count for text, count in self.not_numbers.items() if is_such(text))
        return fitting / max(1, self.filled)


def profile(name: str, cells: Sequence[str], missing: frozenset[str] = frozenset()) -> Profile:
    """Looks at the cells of one column.

    Args:
        name: its header cell.
        cells: all of its cells, trimmed.
        missing: texts that mean a missing value, besides the empty one.
    """
    present = ["" if cell in missing else cell for cell in cells]
    levels = Counter(cell for cell in present if cell)
    number_of = {text: _finite(text) for text in levels}
    return Profile(
        name=name,
        cells=present,
        values=np.array([number_of.get(cell, np.nan) for cell in present], dtype=np.float64),
        levels=levels,
        not_numbers=Counter(
            {text: count for text, count in levels.items() if np.isnan(number_of[text])}
        ),
    )


def _finite(text: str) -> float:
    """Returns the number that a cell holds; NaN where it is none, or none that is of use."""
    number = number_of(text)
    return number if number is not None and np.isfinite(number) else np.nan
