"""What may heal is tried again after growing pauses up to a budget; what cannot waits."""

import pytest

from weather_assets.reconciliation.decision import Step
from weather_assets.reconciliation.facts import Attempt, Ending
from weather_assets.reconciliation.patience import (
    LONGEST_PAUSE_SECONDS,
    MOST_ATTEMPTS,
    patience,
    pause_seconds,
)

ENDED = 1000.0


def attempts(*endings: Ending, by_hand: int | None = None) -> list[Attempt]:
    return [
        Attempt(number, f"run-{number}", ending, ENDED, by_hand=number == by_hand)
        for number, ending in enumerate(endings)
    ]


def test_what_was_never_tried_is_tried() -> None:
    assert patience([], ENDED).step is Step.MAKE


@pytest.mark.parametrize("ending", [Ending.NOTHING, Ending.PERMANENT, Ending.CANCELLED])
def test_some_endings_are_the_end(ending: Ending) -> None:
    found = patience(attempts(Ending.TRANSIENT, ending), ENDED + 1e9)
    assert found.step is Step.REST
    assert "run run-1" in found.sentence


def test_pauses_grow_up_to_an_hour() -> None:
    assert [pause_seconds(count) for count in (1, 2, 3, 4)] == [60, 120, 240, 480]
    assert pause_seconds(50) == LONGEST_PAUSE_SECONDS
    for failures in range(1, MOST_ATTEMPTS):
        tried = attempts(*[Ending.TRANSIENT] * failures)
        pause = pause_seconds(failures)
        assert patience(tried, ENDED + pause - 1).step is Step.PAUSE
        assert patience(tried, ENDED + pause).step is Step.MAKE


def test_the_breaker_opens_and_says_how_to_close_it() -> None:
    tried = attempts(*[Ending.TRANSIENT] * MOST_ATTEMPTS)
    found = patience(tried, ENDED + 1e9)
    assert found.step is Step.OPEN
    assert "8 runs failed" in found.sentence
    assert "materializing by hand" in found.sentence


def test_a_killed_run_is_started_again_at_once_and_after_pauses_from_then_on() -> None:
    assert patience(attempts(Ending.KILLED), ENDED).step is Step.MAKE
    twice = attempts(Ending.KILLED, Ending.KILLED)
    assert patience(twice, ENDED + 59).step is Step.PAUSE
    assert patience(twice, ENDED + 60).step is Step.MAKE
    found = patience(attempts(*[Ending.KILLED] * MOST_ATTEMPTS), ENDED + 1e9)
    assert found.step is Step.OPEN
    assert "8 runs failed, 8 of them killed" in found.sentence


def test_a_hand_gives_a_budget_anew() -> None:
    tried = attempts(*[Ending.TRANSIENT] * (MOST_ATTEMPTS + 1), by_hand=MOST_ATTEMPTS)
    assert patience(tried, ENDED + 60).step is Step.MAKE


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    assert patience(attempts(Ending.TRANSIENT), ENDED - 1e6).step is Step.MAKE
