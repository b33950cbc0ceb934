"""Waiting ends with what was seen, or in time with a sentence."""

import pytest

from weather_assets.foundation.waiting import WaitedTooLongError, wait_until


def test_the_first_thing_seen_is_returned() -> None:
    looks = iter([None, 0, "here", "later"])
    assert wait_until(lambda: next(looks), 60, "something", pause_seconds=0) == "here"


def test_time_is_bounded_and_the_sentence_says_what_was_waited_for() -> None:
    with pytest.raises(WaitedTooLongError, match=r"waited 0\.01 s for the server to answer"):
        wait_until(lambda: False, 0.01, "the server to answer", pause_seconds=0)


def test_one_look_is_taken_where_no_time_is_left() -> None:
    assert wait_until(lambda: True, 0, "nothing")


def test_what_looking_raises_ends_the_waiting() -> None:
    def look() -> bool:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        wait_until(look, 60, "something")
