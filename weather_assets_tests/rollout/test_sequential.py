"""The tests may be looked at any number of times, and see harm soon."""

import math
import random

import pytest

from weather_assets.rollout.sequential import (
    against_mean_at_least,
    against_mean_at_most,
    against_rate,
    beyond_chance,
)

LEVEL = 0.05
TRIALS = 400


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
