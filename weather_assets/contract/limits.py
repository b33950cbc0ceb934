"""What the rows of a weather.csv must reach to be used: the table [limits] of a contract.

Belongs here: the limits, their defaults and their reasons. Does not belong here: holding rows
against them (`processing.doubts.gates`).

Limits decide whether rows are used, not what they are: a model was not trained for other ones, and
changing them retrains nothing.
"""

from dataclasses import dataclass

from weather_assets.foundation.settings import CheckedSettings, number, setting, whole


@dataclass(frozen=True, slots=True)
class Limits(CheckedSettings):
    """Limits of the blocking checks on rows."""

    reject_ratio: float = setting(0.2, number(least=0, most=1))
    """Highest share of faulty rows that is let through. A file of which a fifth is unreadable is
    more likely the wrong file than a dirty one: of the four real files in use, the dirtiest has
    0.2 % such rows."""
    minimum_rows: int = setting(100, whole(10))
    """Rows that must be kept: a quarter of them is the test set, on which fewer than 25 rows show
    nothing whatever the forecast is."""
    minimum_class_rows: int = setting(1, whole(1))
    """Rows with the event, and rows without it, that each split must have."""
