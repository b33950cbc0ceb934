"""Pictures of what serves and what it is asked about.

Belongs here: PNG bytes drawn from days and readings. Does not belong here: any decision.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from math import nan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from weather_assets.foundation.figures import new_figure, png_of
from weather_assets.monitoring.drift import Reading
from weather_assets.monitoring.live_skill import Day, Promise, Watch
from weather_assets.monitoring.scores import skill

_SMOOTHED_DAYS, _FEW_DAYS = 28, 6
_LIVE, _SHOWN, _ALARM = "#0072B2", "#7F7F7F", "#D55E00"


def draw_live_skill(days: Sequence[Day], promises: Mapping[str, Promise], seen: Watch) -> bytes:
    """Draws skill over time beside what was promised, and the evidence that it is lost.

    Args:
        days: ascending.
        promises: by version.
        seen: what the days come to.

    Returns:
        A PNG picture, 700 pixels wide.
    """
    figure = new_figure(5.0)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    _draw_skill(above, days, promises)
    dates: Any = [date.fromisoformat(week.date) for week in seen.weeks]
    below.plot(dates, [max(week.evidence, 1e-3) for week in seen.weeks], color=_LIVE)
    below.axhline(1.0, color=_ALARM, linestyle="--", label="alarm")
    below.set(yscale="log", ylim=(1e-3, None), ylabel="evidence of a loss")
    below.legend(frameon=False)
    locator = AutoDateLocator()
    below.xaxis.set_major_locator(locator)
    below.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    return png_of(figure)


def draw_readings(readings: Sequence[Reading]) -> bytes:
    """Draws how far each reading is from its season, beside how far that season is from itself.

    Args:
        readings: at least one.

    Returns:
        A PNG picture, 700 pixels wide.
    """
    figure = new_figure(1.2 + 0.3 * len(readings))
    axes = figure.subplots()
    for place, reading in enumerate(reversed(readings)):
        axes.plot(reading.usual, [place] * len(reading.usual), "|", color=_SHOWN)
        colour = _ALARM if reading.has_moved else _LIVE
        axes.plot([reading.distance], [place], "o", color=colour)
    axes.set_yticks(range(len(readings)), [reading.name for reading in reversed(readings)])
    axes.set(
        xlabel="distance from the season (1)",
        title="Readings of the newest four weeks (dots), and of that season in earlier years",
    )
    return png_of(figure)


def _draw_skill(axes: Axes, days: Sequence[Day], promises: Mapping[str, Promise]) -> None:
    dates: Any = [date.fromisoformat(day.date) for day in days]
    around = [days[max(0, place - _SMOOTHED_DAYS + 1) : place + 1] for place in range(len(days))]
    scores = [
        found if len(each) > _FEW_DAYS and (found := skill(each)) is not None else nan
        for each in around
    ]
    axes.plot(dates, scores, color=_LIVE, label="served, over 28 days")
    labels = ["shown by the verdict", "what it may fall to"]
    for version, group in groupby(zip(dates, days, strict=True), lambda pair: pair[1].version):
        served = [when for when, _ in group]
        ends = [served[0], served[-1]]
        axes.axvline(ends[0], color=_SHOWN, linewidth=0.5)
        if version in promises:
            shown, floor = promises[version].skill, promises[version].floor
            axes.plot(ends, [shown, shown], color=_SHOWN, label=labels[0])
            axes.plot(ends, [floor, floor], color=_ALARM, linestyle="--", label=labels[1])
            labels = ["", ""]
    axes.set(ylabel="Brier skill against climatology", title="What served, on rows new to it")
    axes.legend(frameon=False)
