"""Features that give the label away: known only once the label is, or the label in other words.

Belongs here: telling such a feature from its values and the labels. Does not belong here: columns
that no contract declares; they never become features.

A feature that orders the classes perfectly may still be honest (a made file in which it rains where
the humidity is above 80 %), so that is a warning. A feature of two values, one for each class, says
nothing that the label does not: that is certain.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from weather_assets.contract.agreement import ROWS_PER_CLASS, SEPARATING_AUC, separation
from weather_assets.contract.columns import Column, Kind

_ADVICE = (
    "if it is known only once the label is, leave it out (`feature = false` or `ignored` in a "
    "contract.toml)"
)


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature that gives the label away.

    Attributes:
        column: its name.
        is_copy: whether it is nothing but the label in other words.
        sentence: what was found and what to do.
    """

    column: str
    is_copy: bool
    sentence: str


def find_leak(
    column: Column, values: npt.NDArray[np.float64], events: npt.NDArray[np.bool_]
) -> Leak | None:
    """Tells whether a feature gives the label away.

    Args:
        column: the feature.
        values: of every row, NaN where missing; a category's codes.
        events: of every row, whether the label's event happened.
    """
    missing = np.isnan(values)
    if min(events.sum(), (~events).sum()) < ROWS_PER_CLASS:
        return None
    what = f"feature {column.name!r}"
    if missing.any() and (np.array_equal(missing, events) or np.array_equal(missing, ~events)):
        sentence = f"{what} is missing exactly where the label is of one kind; {_ADVICE}"
        return Leak(column.name, is_copy=False, sentence=sentence)
    with_event, without = values[events & ~missing], values[~events & ~missing]
    if min(len(with_event), len(without)) < ROWS_PER_CLASS:
        return None
    if column.kind is Kind.CATEGORY:
        area = 0.5 if np.intersect1d(with_event, without).size else 1.0
    else:
        area = separation(with_event, without)
    if area < SEPARATING_AUC:
        return None
    if area == 1.0 and len(np.unique(values[~missing])) == 2:
        sentence = (
            f"{what} has two values, one where the event happened and one where it did not: it is "
            f"the label in other words; {_ADVICE}"
        )
        return Leak(column.name, is_copy=True, sentence=sentence)
    sentence = (
        f"{what} by itself separates rows with the event from those without (ROC AUC "
        f"{area:.4f}); {_ADVICE}"
    )
    return Leak(column.name, is_copy=False, sentence=sentence)
