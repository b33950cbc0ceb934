"""How well columns of numbers agree: a feature with the label, temperatures with humidity.

Belongs here: measures that both the proposal of a contract and the checks of processed rows take.
Does not belong here: what either makes of them, or the formulas of physics (`quantities`).
"""

import numpy as np
import numpy.typing as npt

from weather_assets.contract.quantities import Unit, implied_humidity_percent

ROWS_PER_CLASS = 10
"""Fewer rows of a class say nothing of a feature; chance separates 10 from 10 in one of 92,378
cases."""

SEPARATING_AUC = 0.995
"""From this ROC AUC on, a feature by itself gives the label away: it is known only afterwards, or
the label in other words. The strongest honest feature of the files in use (humidity, in the
five-column file) has 0.90."""

_Floats = npt.NDArray[np.float64]


def separation(with_event: _Floats, without: _Floats) -> float:
    """Returns the ROC AUC of a feature in the direction that suits it, 0.5 to 1.

    Args:
        with_event: its values where the event happened, at least one, [N].
        without: its values where it did not, at least one, [M].
    """
    ordered = np.sort(without)
    below = np.searchsorted(ordered, with_event, side="left")
    up_to = np.searchsorted(ordered, with_event, side="right")
    area = float((below + up_to).sum() / (2.0 * len(with_event) * len(without)))
    return max(area, 1.0 - area)


def humidity_difference(rows: _Floats, air_unit: Unit, dew_unit: Unit) -> float:
    """Returns the median difference of given and implied relative humidity, in percent.

    Args:
        rows: air temperature, dew point, and relative humidity in percent, [N, 3].
        air_unit: of the first.
        dew_unit: of the second.
    """
    implied = implied_humidity_percent(rows[:, 0], rows[:, 1], (air_unit, dew_unit))
    return float(np.median(np.abs(implied - rows[:, 2])))
