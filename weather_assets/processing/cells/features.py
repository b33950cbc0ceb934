"""Features that are derived from other columns.

Belongs here: what the network takes beyond the columns of the file. Does not belong here: anything
fitted on data: imputation, scaling and encoding are part of the network.
"""

import numpy as np
import numpy.typing as npt

from weather_assets.processing.cells.alike_timestamps import MICROSECONDS_PER_DAY


def time_feature(name: str, times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Returns a feature of time, by the very operations of `scoring.score` in their order.

    Args:
        name: `hour_of_day`, in [0, 24), in hours; or `day_of_year`, in [1, 367), in days; both UTC.
        times: microseconds UTC, [N].

    Returns:
        The feature, [N].
    """
    seconds_of_day, microseconds = np.divmod(times % MICROSECONDS_PER_DAY, 1_000_000)
    minutes_of_day, seconds = np.divmod(seconds_of_day, 60)
    hours, minutes = np.divmod(minutes_of_day, 60)
    hour = hours + minutes / 60 + (seconds + microseconds / 1e6) / 3600
    if name == "hour_of_day":
        return hour
    if name == "day_of_year":
        dates = (times // MICROSECONDS_PER_DAY).astype("datetime64[D]")
        days = (dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1
        return days + hour / 24
    raise AssertionError(f"no feature of a time is called {name!r}, which `Timestamp` refuses")
