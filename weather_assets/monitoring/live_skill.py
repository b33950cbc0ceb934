"""Whether what serves still does what its verdict has shown, day by day, however long one looks.

Belongs here: the skill of days, the evidence that it is lost, and when that is an alarm. Does not
belong here: rows, models or verdicts (`workflows.live_skill`), or what follows (`reconciliation`).

The hypothesis that is bet against says of a day's mean squared errors: the model's are, on average,
at most 1 - floor times those of climatology. `Promise` says where the floor comes from. Days make
weeks, so that neighbouring days (which share their fronts) and odd days matter little; the week's
excess over the hypothesis is standardised by the deviation of days that the verdict found.

A week's odds are the likelihood ratio of a normal with a mean of `stake` against one with zero. The
capital is Shiryaev's and Roberts' sum over all weeks in which the loss may have begun: each week a
new bet of 1 is added, and all are multiplied by the odds. Its excess over the number of weeks is a
supermartingale, so the mean number of weeks to a false alarm is at least the limit that the capital
must reach (Pollak). That is a theorem for normal weeks; `make bench` (`--only live_skill`) counts
the false alarms of simulated ones, in fronts and without, beside the weeks until a loss is found.

Sources: Pollak (1985), Optimal detection of a change in distribution, Annals of Statistics 13;
Shin, Ramdas & Rinaldo (2023), E-detectors, New England Journal of Statistics in Data Science 2.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

_DAYS = 7
_STAKES = (0.25, 0.5, 1.0)
"""Mean weekly excess, in standard deviations, that is bet on; a third of the capital on each."""
_WORST_WEEK = 3.0
"""Standard deviations beyond which a week counts as so many: no single week makes an alarm."""
_FRONTS = 1.2
"""By how much a week varies more than seven days that know nothing of one another; where days are
correlated by 0.2, the most that was found on the samples, by 1.18."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What a verdict found.

    Attributes:
        model: Brier score.
        climatology: likewise, above 0.
        base_rate: likewise, of the training rows' event frequency.
        doubt: from the skill of the model against the base rate down to the lower end of its
            interval.
        standard_error: of that skill.
        days: of the rows that were judged.
    """

    model: float
    climatology: float
    base_rate: float
    doubt: float
    standard_error: float
    days: int


@dataclass(frozen=True, slots=True)
class Promise:
    """What a verdict has shown of a model, against climatology (by station and month).

    Attributes:
        skill: Brier skill score on the rows that it was judged on.
        floor: what it may fall to: the lower end of the interval of that score, less the margin; 0
            at least, which is climatology itself.
        deviation: of a day's excess, in Brier score.
    """

    skill: float
    floor: float
    deviation: float

    @classmethod
    def of(cls, scores: "Scores", margin: float) -> Self:
        """Returns what some scores promise.

        Args:
            scores: on the rows that the model was judged on.
            margin: Brier skill score that may be lost.
        """
        # The interval is of the skill against the base rate. Errors and days are the same ones, so
        # its width is carried over by the ratio of the two references.
        shown, scale = (
            1.0 - scores.model / scores.climatology,
            scores.base_rate / scores.climatology,
        )
        return cls(
            skill=shown,
            floor=max(0.0, shown - scores.doubt * scale - margin),
            deviation=scores.standard_error * math.sqrt(scores.days) * scores.base_rate,
        )


@dataclass(frozen=True, slots=True)
class Day:
    """What a model forecast of the rows of one UTC day, once their outcomes were known.

    Attributes:
        date: in ISO 8601.
        version: of the model that served.
        rows: how many.
        squared_error: sum over the rows, of the model.
        reference_error: likewise of climatology, from the rows that the model had learned.
    """

    date: str
    version: str
    rows: int
    squared_error: float
    reference_error: float


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days with rows.

    Attributes:
        date: of the last one.
        version: that served on it.
        evidence: capital of the bets against the hypothesis, as a share of what makes an alarm.
    """

    date: str
    version: str
    evidence: float


@dataclass(frozen=True, slots=True)
class Watch:
    """What the days come to.

    Attributes:
        weeks: in order of time.
        alarm: date of the week in which the present alarm was raised; empty where there is none.
    """

    weeks: tuple[Week, ...]
    alarm: str

    @property
    def evidence(self) -> float:
        """That there is now, as a share of what makes an alarm."""
        return self.weeks[-1].evidence if self.weeks else 0.0


def watch(days: Sequence[Day], promises: Mapping[str, Promise], false_alarm_weeks: int) -> Watch:
    """Looks at all days in their order.

    An alarm stays until another model serves; then the bets begin anew. A model that replaces
    another without an alarm inherits its evidence: what new weights do not mend is found all the
    same.

    Args:
        days: ascending; those of versions of which nothing was promised say nothing.
        promises: by version.
        false_alarm_weeks: weeks between two false alarms.
    """
    weeks: list[Week] = []
    capital, open_days, alarm = [0.0] * len(_STAKES), list[Day](), ""
    for day in days:
        if day.version not in promises:
            continue
        if alarm and day.version != weeks[-1].version:
            capital, open_days, alarm = [0.0] * len(_STAKES), [], ""
        open_days.append(day)
        if len(open_days) < _DAYS:
            continue
        capital = list(_played(capital, _excess(open_days, promises)))
        evidence = sum(capital) / len(capital) / false_alarm_weeks
        weeks.append(Week(day.date, day.version, evidence))
        open_days = []
        if evidence >= 1.0 and not alarm:
            alarm = day.date
    return Watch(tuple(weeks), alarm)


def _excess(days: Sequence[Day], promises: Mapping[str, Promise]) -> float:
    """Returns the excess over what the hypothesis allows, in standard deviations."""
    excess = variance = 0.0
    for day in days:
        promise = promises[day.version]
        excess += day.squared_error - (1.0 - promise.floor) * day.reference_error
        variance += (day.rows * promise.deviation * _FRONTS) ** 2
    return min(excess / math.sqrt(variance), _WORST_WEEK) if variance else 0.0


def _played(capital: Sequence[float], excess: float) -> Iterator[float]:
    for stake, held in zip(_STAKES, capital, strict=True):
        yield (1.0 + held) * math.exp(stake * excess - stake * stake / 2.0)
