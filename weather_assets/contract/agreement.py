"""How well columns of numbers agree: a feature with the label, temperatures with humidity.

Belongs here: measures that both the proposal of a contract and the checks of processed rows take.
Does not belong here: what either makes of them, or the formulas of physics (`quantities`).
"""

from typing import Any

from weather_assets.contract.quantities import Unit, implied_humidity_percent

ROWS_PER_CLASS = 10
"""Fewer rows of a class say nothing of a feature; chance separates 10 from 10 in one of 92,378
cases."""

SEPARATING_AUC = 0.995
"""From this ROC AUC on, a feature by itself gives the label away: it is known only afterwards, or
the label in other words. The strongest honest feature of the files in use (humidity, in the
five-column file) has 0.90."""


def separation(with_event: Any, without: Any) -> float:
    """Returns the ROC AUC of a feature in the direction that suits it, 0.5 to 1.

    Args:
        with_event: its values where the event happened, at least one, as an array of numpy, which
            this layer need not import, [N].
        without: its values where it did not, at least one, likewise, [M].
    """
    ordered = without.copy()
    ordered.sort()
    below = ordered.searchsorted(with_event, side="left")
    up_to = ordered.searchsorted(with_event, side="right")
    area = float((below + up_to).sum() / (2.0 * len(with_event) * len(without)))
    return max(area, 1.0 - area)


def humidity_differences(rows: Any, air_unit: Unit, dew_unit: Unit) -> Any:
    """Returns the difference of given and implied relative humidity, in percent, at least 0, [N].

    Args:
        rows: air temperature, dew point, and relative humidity in percent, as an array of numpy,
            [N, 3].
        air_unit: of the first.
        dew_unit: of the second.
    """
    return abs(implied_humidity_percent(rows[:, 0], rows[:, 1], (air_unit, dew_unit)) - rows[:, 2])
