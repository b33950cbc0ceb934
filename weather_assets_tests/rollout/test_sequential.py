"""The tests may be looked at any number of times, and see harm soon.

Bets about a mean are compared with `confseq` 0.0.11, of the authors of the method, by its recorded
answers: it has no wheels, needs a C++ compiler and Boost to be built, and fails on NumPy 2. Bets
about a rate are compared with `scipy`, and with the exact chance of an alarm.
"""

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from weather_assets.rollout.sequential import (
    against_mean_at_least,
    against_mean_at_most,
    against_rate,
    beyond_chance,
)

LEVEL = 0.05
TRIALS = 400
DRAWN = [0.62, 0.48, 0.91, 0.55, 0.37, 0.84, 0.70, 0.66, 0.12, 0.95, 0.58, 0.73]


def test_the_first_bets_by_hand() -> None:
    # Alternatives 0.1 ** (1 - j / 10), j = 1..9, for two events in two trials.
    expected = sum((0.1 ** (1 - j / 10) / 0.1) ** 2 for j in range(1, 10)) / 9
    assert against_rate(2, 2, 0.1) == pytest.approx(math.log(expected))
    # First draw of 1.0 against a mean of at most 0.25 of ten: the stake is the gap of the imagined
    # draw at 0.5, over its variance 0.25 and the gap squared.
    stake = 0.25 / (0.25 + 0.25**2)
    assert against_mean_at_most([1.0], 10, 0.25) == pytest.approx(math.log1p(stake * 0.75))
    # Second draw, of 0.5: the nine that are left may sum to 1.5 only.
    left, gap = 1.5 / 9, 0.75 - 1.5 / 9
    second = gap / ((0.25 + 0.5**2) / 2 + gap**2)
    assert against_mean_at_most([1.0, 0.5], 10, 0.25) == pytest.approx(
        math.log1p(stake * 0.75) + math.log1p(second * (0.5 - left))
    )


def test_what_is_drawn_can_rule_a_mean_out_for_certain() -> None:
    assert against_mean_at_most([1.0, 1.0, 1.0], 10, 0.25) == math.inf
    assert against_mean_at_most([1.0, 1.0], 8, 0.25) < math.inf
    assert against_mean_at_least([0.0, 0.0, 0.0], 4, 0.5) == math.inf
    assert against_mean_at_most([], 4, 0.5) == 0.0


def ever_beyond(values: list[float], mean: float) -> bool:
    # The largest capital so far is what is returned, so the end tells about every look.
    return beyond_chance(against_mean_at_most(values, len(values), mean), LEVEL)


@pytest.mark.parametrize("shape", ["rare large losses", "noise", "two values"])
def test_looking_after_every_row_raises_no_more_false_alarms_than_allowed(shape: str) -> None:
    chance = random.Random(11)
    alarms = 0
    for _ in range(TRIALS):
        values = {
            "rare large losses": [1.0] * 6 + [0.45] * 114,
            "noise": [0.5 + 0.1 * chance.uniform(-1, 1) for _ in range(120)],
            "two values": [float(chance.random() < 0.3) for _ in range(120)],
        }[shape]
        chance.shuffle(values)
        # Up to the last ten rows, whose mean is all but known.
        alarms += beyond_chance(against_mean_at_most(values[:110], 120, sum(values) / 120), LEVEL)
    # Binomial(400, 0.05) exceeds 33 with a chance of 0.1 %.
    assert alarms <= 33


def test_looking_at_failures_after_every_request_raises_no_more_false_alarms() -> None:
    chance, alarms = random.Random(5), 0
    for _ in range(TRIALS):
        errors = 0
        for trial in range(1, 151):
            errors += chance.random() < 0.05
            if beyond_chance(against_rate(errors, trial, 0.05), LEVEL):
                alarms += 1
                break
    assert alarms <= 33


def test_harm_is_seen_soon() -> None:
    chance = random.Random(2)
    values = [0.5 + 0.15 + 0.15 * chance.uniform(-1, 1) for _ in range(2000)]
    assert beyond_chance(against_mean_at_most(values[:40], 2000, 0.51), 0.01)
    assert ever_beyond([0.6] * 50, 0.5)
    assert beyond_chance(against_rate(2, 2, 0.01), 0.01)
    assert not beyond_chance(against_rate(1, 1, 0.01), 0.01)


# numpy.log of the running maximum of confseq.betting.betting_mart(DRAWN, mean, N=population,
# theta=1, trunc_scale=0.75), with the stakes of `published_capital` as lambdas_fn_positive.
@pytest.mark.parametrize(
    ("population", "mean", "log_capital"),
    [
        (40, 0.5, 0.9748588929881291),
        (40, 0.3, 5.249011724253391),
        (1000, 0.55, 0.14043847835620338),
    ],
)
def test_bets_about_a_mean_win_what_confseq_wins(
    population: int, mean: float, log_capital: float
) -> None:
    assert against_mean_at_most(DRAWN, population, mean) == pytest.approx(log_capital, abs=1e-12)
    assert published_capital(DRAWN, population, mean) == pytest.approx(log_capital, abs=1e-12)
    # Out of one value more, the same draws are other bets.
    assert against_mean_at_most(DRAWN, population + 1, mean) != pytest.approx(log_capital, abs=1e-7)


def published_capital(values: list[float], population: int, mean: float) -> float:
    """Returns the largest log capital by Waudby-Smith & Ramdas (2024), in arrays.

    Their section 5.2 has the mean of what is left, and B.3 the stakes (aGRAPA), which know the
    values before each one alone.
    """
    drawn = np.array(values)
    count = np.arange(len(drawn))
    before = np.concatenate([[0.0], np.cumsum(drawn)])
    left = (population * mean - before[:-1]) / (population - count)
    estimate = (0.5 + before[:-1]) / (count + 1)
    squares = np.concatenate([[0.0], np.cumsum((drawn - estimate) ** 2)[:-1]])
    variance = (0.25 + squares) / (count + 1)
    if (left < -1e-9).any() or before[-1] - population * mean > 1e-9:
        return math.inf
    gap = np.where(left < 1.0, np.maximum(estimate - left, 0.0), 0.0)
    stakes = np.minimum(gap / (variance + gap**2), 0.75 / np.maximum(left, 1e-9))
    capital = np.cumprod(1.0 + stakes * (drawn - left))
    return float(np.log(capital).max(initial=0.0))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60), st.integers(0, 200), st.floats(0.05, 1)
)
def test_bets_about_a_mean_are_the_published_ones(
    values: list[float], undrawn: int, mean: float
) -> None:
    population = len(values) + undrawn
    expected = published_capital(values, population, mean)
    assert against_mean_at_most(values, population, mean) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("events", "trials", "rate"), [(0, 5, 0.1), (3, 40, 0.01), (60, 90, 0.5)])
def test_bets_about_a_rate_are_ratios_of_likelihoods(events: int, trials: int, rate: float) -> None:
    alternatives = rate ** (1.0 - np.arange(1, 10) / 10)
    ratios = binom.logpmf(events, trials, alternatives) - binom.logpmf(events, trials, rate)
    expected = float(np.logaddexp.reduce(ratios)) - math.log(9)
    assert against_rate(events, trials, rate) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_the_exact_chance_of_a_false_alarm_is_within_the_level(rate: float) -> None:
    def bets(events: int, trials: int) -> bool:
        return beyond_chance(against_rate(events, trials, rate), LEVEL)

    def test_of_one_look(events: int, trials: int) -> bool:
        return float(binom.sf(events - 1, trials, rate)) <= LEVEL

    assert LEVEL / 10 < chance_of_alarm(bets, rate, 200) <= LEVEL
    # A test for one look, looked at after every trial, breaks its promise.
    assert chance_of_alarm(test_of_one_look, rate, 200) > 2 * LEVEL


def chance_of_alarm(alarm: Callable[[int, int], bool], rate: float, trials: int) -> float:
    """Returns the chance that there is an alarm after any of some trials with this rate."""
    quiet = {0: 1.0}
    for trial in range(1, trials + 1):
        following: dict[int, float] = {}
        for events, chance in quiet.items():
            for more, share in ((0, 1.0 - rate), (1, rate)):
                following[events + more] = following.get(events + more, 0.0) + chance * share
        quiet = {events: chance for events, chance in following.items() if not alarm(events, trial)}
    return 1.0 - sum(quiet.values())
