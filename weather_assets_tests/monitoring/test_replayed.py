"""What a policy was worth is summed up over ticks and seeds, and shown."""

from datetime import UTC, datetime, timedelta

import pytest

from weather_assets.monitoring.replay_report import draw_replay, write_page
from weather_assets.monitoring.replayed import Step, Summary
from weather_assets.monitoring.scores import skill

START = datetime(2020, 1, 1, tzinfo=UTC)


def step(
    place: int, error: float, outcome: str = "", former: float | None = None, rows: int = 10
) -> Step:
    when = START + timedelta(weeks=place)
    return Step(when, outcome, "1", rows, error, 2.0, former, 3.0 if outcome else 0.0)


LIVES = {
    1: [step(0, 1.0, "promoted"), step(1, 1.0, "promoted", former=0.5), step(2, 1.0, "refused")],
    2: [step(0, 0.5, "promoted"), step(1, 0.5, "promoted", former=0.9), step(2, 0.5)],
}


def test_skill_is_over_all_rows_of_all_ticks() -> None:
    assert skill(LIVES[1]) == pytest.approx(0.5)
    assert skill([]) is None


def test_a_summary_is_the_mean_over_seeds() -> None:
    found = Summary.of("every", LIVES)
    assert (found.skill, found.lowest, found.highest) == pytest.approx((0.625, 0.5, 0.75))
    assert found.retrainings == 2.5
    assert found.outcomes == {"promoted": 2.0, "refused": 0.5, "failed": 0.0}
    assert (found.replaced, found.worse) == (1.0, 0.5)
    assert found.seconds == pytest.approx(7.5)


def test_nothing_was_worse_where_nothing_was_replaced() -> None:
    assert Summary.of("once", {1: LIVES[1][:1]}).worse == 0.0


def test_where_every_retraining_failed_there_is_no_skill() -> None:
    lived = {"once": {1: [step(0, 2.0, "failed"), step(1, 2.0)]}, "every": LIVES}
    assert [Summary.of(*each).is_void for each in lived.items()] == [True, False]
    assert write_page(lived, {}).count("<td>none</td>") == 1


def test_the_page_needs_nothing_beside_it_and_believes_no_name() -> None:
    lived = {"every": LIVES, "<script>": {1: LIVES[1][:1]}}
    page = write_page(lived, {"contract": "<b>"})
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;" in page
    assert "+0.625" in page
    assert "0.5 of 1" in page
    assert "http" not in page
    assert page.count("<img") == 1
    assert draw_replay(lived) == draw_replay(lived)
