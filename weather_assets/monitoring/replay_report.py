"""What replayed policies were worth, as pictures and as one page of HTML.

Belongs here: what is drawn and what REPLAY.html.j2 is filled with. Does not belong here: any number
in it (`replayed`), or where it is written.
"""

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from math import nan
from typing import Any

import jinja2
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from weather_assets.foundation.figures import new_figure, png_of
from weather_assets.monitoring.replayed import Lives, Step, Summary
from weather_assets.monitoring.scores import skill

_WINDOWS = 8
"""A curve shows the skill over the ticks of an eighth of the time."""


def draw_replay(lived: Mapping[str, Lives]) -> bytes:
    """Draws skill over time, and skill against the number of retrainings.

    Args:
        lived: the lives of each policy, at least one.

    Returns:
        A PNG picture, 700 pixels wide.
    """
    figure = new_figure(6.5)
    over_time, against_count = figure.subplots(2, 1, height_ratios=(3, 2))
    for index, (policy, lives) in enumerate(lived.items()):
        colour = f"C{index}"
        for place, steps in enumerate(lives.values()):
            _draw_curve(over_time, steps, colour, "" if place else policy)
            count = sum(bool(step.outcome) for step in steps)
            label = "" if place else policy
            score = nan if (found := skill(steps)) is None else found
            against_count.plot([count], [score], "o", color=colour, label=label)
    locator = AutoDateLocator()
    over_time.xaxis.set_major_locator(locator)
    over_time.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    over_time.set(ylabel="Brier skill served", title="Skill of what served, on rows to come")
    over_time.legend(frameon=False)
    against_count.set(xlabel="retrainings", ylabel="Brier skill, all in all")
    return png_of(figure)


def _draw_curve(axes: Axes, steps: Sequence[Step], colour: str, label: str) -> None:
    width = max(1, len(steps) // _WINDOWS)
    times: Any = [step.time for step in steps[width - 1 :]]
    found = (skill(steps[place : place + width]) for place in range(len(steps) - width + 1))
    scores = [nan if score is None else score for score in found]
    axes.step(times, scores, where="mid", color=colour, label=label, linewidth=1)


def write_page(lived: Mapping[str, Lives], facts: Mapping[str, str]) -> str:
    """Returns a page that needs nothing beside it.

    Args:
        lived: the lives of each policy, at least one.
        facts: what was replayed and how, in words, by name.
    """
    picture = base64.b64encode(draw_replay(lived)).decode()
    summaries = [Summary.of(policy, lives) for policy, lives in lived.items()]
    return _template().render(picture=picture, summaries=summaries, facts=facts, lived=lived)


@cache
def _template() -> jinja2.Template:
    text = (
        resources.files("weather_assets.monitoring")
        .joinpath("REPLAY.html.j2")
        .read_text(encoding="utf-8")
    )
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text)
