"""Years of service by models whose skill is known: how often, and when, is it called lost?

Belongs here: what is simulated, and what the watch says of it. Does not belong here: which rates
are allowed (`weather_assets_tests.benchmarks.live_skill`), or the watch.

Shape suffixes: S histories, D days, H rows of a day.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median

import numpy as np

from weather_assets.monitoring.live_skill import Day, Promise, Scores, watch
from weather_assets.monitoring.scores import skill
from weather_assets.monitoring.settings import LiveSkillSettings
from weather_assets.verification.samples import FloatArray
from weather_assets.verification.significance import Interval, resample_sums
from weather_assets_tests.verification.simulated_retrainings import (
    RATE,
    ROWS_OF_DAY,
    History,
    World,
    deviation_of,
)

SETTINGS = LiveSkillSettings()
_START = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Service:
    """What the watch said of some years of service.

    Attributes:
        alarms: share of the histories in which there was one.
        weeks: that the median one of those took; None where there was none.
    """

    alarms: float
    weeks: float | None


def serve(world: World, loss: float, *, histories: int, weeks: int, at_floor: bool) -> Service:
    """Judges models, has them serve, and watches.

    Args:
        world: its days are those of the test window that the verdict was reached on.
        loss: Brier skill against climatology that is lost as service begins.
        histories: how many.
        weeks: of service.
        at_floor: whether the promise is just what the service keeps, so that every alarm is false.
    """
    generator = np.random.default_rng(3)
    history = History.simulated(generator, world, histories, world.days + 7 * weeks)
    own_SDH = world.errors(generator, history.shape)
    before, after = slice(0, world.days), slice(world.days, None)
    judged = _errors(history, deviation_of(0.0) * own_SDH, before)
    served = _errors(history, deviation_of(loss) * own_SDH, after)
    found: list[int] = []
    for index in range(histories):
        promise = _promise(judged[0][index], judged[1][index])
        days = _days(served[0][index], served[1][index])
        if at_floor:
            promise = replace(promise, floor=skill(days) or 0.0)
        seen = watch(days, {"1": promise}, SETTINGS.false_alarm_weeks)
        if seen.alarm:
            dates = [week.date for week in seen.weeks]
            found.append(dates.index(seen.alarm) + 1)
    return Service(len(found) / histories, median(found) if found else None)


def _errors(history: History, own_SDH: FloatArray, days: slice) -> tuple[FloatArray, FloatArray]:
    """Returns sums of squared errors of a model and of climatology, each [S, D]."""
    observed_SDH = history.observed_SDH[:, days]
    said_SDH = history.forecast(own_SDH[:, days], days)
    return ((said_SDH - observed_SDH) ** 2).sum(2), ((RATE - observed_SDH) ** 2).sum(2)


def _promise(own_D: FloatArray, reference_D: FloatArray) -> Promise:
    blocks = np.arange(len(own_D))
    sums = resample_sums([("own", own_D), ("reference", reference_D)], blocks)
    interval: Interval = sums.ratio("own", "reference", 0.95).as_skill()
    reference = float(reference_D.mean()) / ROWS_OF_DAY
    scores = Scores(
        model=float(own_D.mean()) / ROWS_OF_DAY,
        climatology=reference,
        base_rate=reference,
        doubt=interval.estimate - interval.lower,
        standard_error=interval.standard_error,
        days=interval.blocks,
    )
    return Promise.of(scores, SETTINGS.margin)


def _days(own_D: FloatArray, reference_D: FloatArray) -> list[Day]:
    return [
        Day((_START + timedelta(days=place)).isoformat(), "1", ROWS_OF_DAY, own, reference)
        for place, (own, reference) in enumerate(
            zip(own_D.tolist(), reference_D.tolist(), strict=True)
        )
    ]
