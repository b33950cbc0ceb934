"""Skill that is lost is found, what is kept raises no alarm, and looking often changes nothing."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.monitoring.live_skill import Day, Promise, Scores, watch
from weather_assets.monitoring.pictures import draw_live_skill
from weather_assets.monitoring.scores import skill
from weather_assets_tests.monitoring.simulated_service import SETTINGS, serve
from weather_assets_tests.verification.simulated_retrainings import World

PROMISES = {each: Promise(skill=0.5, floor=0.4, deviation=0.02) for each in "123"}
LIMIT = 520


def days(*skills: float, version: str = "1", start: int = 0) -> Iterator[Day]:
    """Yields days of 24 rows, each with a skill of its own."""
    for place, each in enumerate(skills, start):
        when = (date(2020, 1, 1) + timedelta(days=place)).isoformat()
        yield Day(when, version, 24, (1.0 - each) * 2.4, 2.4)


def lost(count: int = 350, **where: int | str) -> list[Day]:
    return list(days(*[0.1] * count, **where))  # type: ignore[arg-type]


def test_skill_is_over_all_rows() -> None:
    assert skill(list(days(0.2, 0.4))) == pytest.approx(0.3)
    assert skill([]) is None
    assert skill([Day("2020-01-01", "1", 3, 0.1, 0.0)]) is None


def test_what_keeps_its_promise_raises_no_alarm_for_ever() -> None:
    seen = watch(list(days(*[0.41, 0.39, 0.45] * 2000)), PROMISES, LIMIT)
    assert seen.alarm == ""
    assert len(seen.weeks) == 6000 // 7
    assert seen.evidence < 1


def test_a_loss_is_found_and_stays_found_until_another_model_serves() -> None:
    seen = watch(lost(), PROMISES, LIMIT)
    first = next(week.date for week in seen.weeks if week.evidence >= 1)
    assert seen.alarm == first
    good = [0.5] * 70
    assert watch([*lost(), *days(*good, start=350)], PROMISES, LIMIT).alarm == first
    after = watch([*lost(), *days(*good, version="2", start=350)], PROMISES, LIMIT)
    assert after.alarm == ""
    assert after.evidence < 0.01


def test_a_replacement_that_mends_nothing_inherits_the_evidence() -> None:
    alarmed_after = next(
        len(seen.weeks) for n in range(7, 350, 7) if (seen := watch(lost(n), PROMISES, LIMIT)).alarm
    )
    weeks = [
        *lost(7 * (alarmed_after - 1)),
        *lost(7, version="2", start=7 * (alarmed_after - 1)),
    ]
    assert watch(weeks, PROMISES, LIMIT).alarm == weeks[-1].date


def test_no_single_week_is_an_alarm() -> None:
    terrible = Day("2020-01-01", "1", 10_000, 9_000.0, 100.0)
    assert watch([terrible] * 7, PROMISES, LIMIT).alarm == ""


def test_days_of_which_nothing_was_promised_say_nothing() -> None:
    assert watch(lost(), {}, LIMIT).weeks == ()


@given(st.lists(st.floats(-2.0, 1.0), max_size=60), st.integers(0, 60))
def test_what_was_seen_of_the_past_stays_as_it_was(skills: Sequence[float], cut: int) -> None:
    every = list(days(*skills))
    whole, part = (watch(some, PROMISES, LIMIT).weeks for some in (every, every[:cut]))
    assert whole[: len(part)] == part


def test_a_promise_is_what_was_shown_less_the_doubt_and_the_margin() -> None:
    found = Promise.of(
        Scores(
            model=0.05, climatology=0.1, base_rate=0.12, doubt=0.1, standard_error=0.05, days=100
        ),
        margin=0.05,
    )
    assert found.skill == pytest.approx(0.5)
    assert found.floor == pytest.approx(0.5 - 0.1 * 1.2 - 0.05)
    assert found.deviation == pytest.approx(0.05 * 10 * 0.12)
    poor = Scores(0.1, 0.1, 0.1, 0.2, 0.1, 30)
    assert Promise.of(poor, margin=0.05).floor == 0.0


@pytest.mark.parametrize("front", [0.0, 0.6])
def test_simulated_services_that_lose_nothing_keep_quiet_and_others_do_not(front: float) -> None:
    world = World(180, front)
    kept = serve(world, 0.0, histories=20, weeks=52, at_floor=False)
    gone = serve(world, 0.3, histories=20, weeks=52, at_floor=False)
    assert kept.alarms <= 0.05
    assert gone.alarms >= 0.9
    at_floor = serve(world, 0.0, histories=20, weeks=SETTINGS.false_alarm_weeks // 4, at_floor=True)
    assert at_floor.alarms <= 0.35


def test_the_picture_shows_days_of_several_models() -> None:
    every = [*days(*[0.5] * 40), *days(*[0.3] * 40, version="2", start=40), *days(0.1, version="x")]
    png = draw_live_skill(every, PROMISES, watch(every, PROMISES, LIMIT))
    assert png.startswith(b"\x89PNG")
    assert png == draw_live_skill(every, PROMISES, watch(every, PROMISES, LIMIT))
