"""Tests that may be looked at after every answer, without raising their false alarms.

Belongs here: evidence against a hypothesis about a rate or a mean, as the capital of a player who
bets against it. Does not belong here: what is tested (`criteria`).

A stage is judged again and again while evidence comes in. A fixed-sample test that is looked at 100
times at the 1 % level raises far more than 1 % false alarms. The capital of a player who starts
with 1 and bets at fair odds against a true hypothesis does not: the chance that it *ever* reaches
1 / significance is at most the significance (Ville's inequality), for any number of rows and any
distribution in the bounds, so small samples need no normal approximation.

Sources: Waudby-Smith & Ramdas (2024), Estimating means of bounded random variables by betting,
J. R. Stat. Soc. B 86, sections 4 and 5.2 (sampling without replacement); Ramdas, Grünwald, Vovk &
Shafer (2023), Game-theoretic statistics and safe anytime-valid inference, Statistical Science 38.
"""

import math
from collections.abc import Sequence

_RATES = 9
"""Alternatives that `against_rate` spreads its stake over, from just above the limit to almost 1.
Order does not matter to them, so that counts suffice."""

_MOST_STAKED = 0.75
"""Share of the capital that one bet may lose: betting everything would end at 0."""


def against_rate(events: int, trials: int, rate: float) -> float:
    """Returns the log capital of bets against "an event has at most this probability".

    Args:
        events: how often it happened.
        trials: out of how many.
        rate: the largest probability that the hypothesis allows, in (0, 1).
    """
    logs: list[float] = []
    for index in range(1, _RATES + 1):
        alternative = rate ** (1.0 - index / (_RATES + 1))
        won = events * math.log(alternative / rate)
        lost = (trials - events) * math.log((1.0 - alternative) / (1.0 - rate))
        logs.append(won + lost)
    largest = max(logs)
    return largest + math.log(sum(math.exp(each - largest) for each in logs) / _RATES)


def against_mean_at_most(values: Sequence[float], population: int, mean: float) -> float:
    """Returns the largest log capital, so far, of bets against "the mean is at most this".

    Args:
        values: drawn one after the other, at random and without replacement, each in [0, 1].
        population: how many there are in all; at least as many as `values`.
        mean: the largest mean of the whole population that the hypothesis allows.

    Returns:
        Infinity where what was drawn rules the hypothesis out for certain; never below 0, the
        capital at the start.
    """
    capital = highest = 0.0
    drawn = 0.0
    squares = 0.25  # one imagined draw of the largest variance, so that the first stakes are small
    for count, value in enumerate(values):
        # The mean of what is left, if the hypothesis just holds: this is what makes it exact for
        # a finite population.
        left = (population * mean - drawn) / (population - count)
        if left < -1e-9:
            return math.inf
        estimate = (0.5 + drawn) / (count + 1)
        gap = estimate - left
        if gap > 0.0 and left < 1.0:
            spread = squares / (count + 1)
            stake = min(gap / (spread + gap * gap), _MOST_STAKED / max(left, 1e-9))
            capital += math.log1p(stake * (value - left))
            highest = max(highest, capital)
        squares += (value - estimate) ** 2
        drawn += value
    return math.inf if drawn - population * mean > 1e-9 else highest


def against_mean_at_least(values: Sequence[float], population: int, mean: float) -> float:
    """Returns the same as `against_mean_at_most` for "the mean is at least this"."""
    return against_mean_at_most([1.0 - value for value in values], population, 1.0 - mean)


def beyond_chance(log_capital: float, significance: float) -> bool:
    """Tells whether the evidence suffices to reject the hypothesis that was bet against."""
    return log_capital >= -math.log(significance)
