"""The Brier skill score. Belongs here: the score. Does not belong here: where errors come from."""

from collections.abc import Sequence
from typing import Protocol


class Scored(Protocol):
    """Some rows, forecast and observed."""

    @property
    def squared_error(self) -> float:
        """Sum over the rows, of what was forecast."""
        ...

    @property
    def reference_error(self) -> float:
        """Likewise, of the reference."""
        ...


def skill(scored: Sequence[Scored]) -> float | None:
    """Returns the score over all rows; None where the reference made no error, or none is there."""
    reference = sum(each.reference_error for each in scored)
    return 1.0 - sum(each.squared_error for each in scored) / reference if reference else None
