"""New rows train when all terms are met, and what is waited for is said."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.reconciliation.plan import Step, plan
from weather_assets.reconciliation.retraining import LOST_SKILL, RetrainingSettings, Terms
from weather_assets_tests.reconciliation.graphs import NOW, Graph

DAY = 86_400.0
WEEKLY = RetrainingSettings(least_days=7)
TWICE = RetrainingSettings(most_a_week=2)
MANY = RetrainingSettings(least_new_rows=1000)
LOST = RetrainingSettings(when=LOST_SKILL)


@pytest.mark.parametrize(
    ("terms", "wait"),
    [
        (Terms(RetrainingSettings(), trained_at=(NOW,), new_rows=0, is_wanted=False), ""),
        (Terms(WEEKLY), ""),
        (
            Terms(WEEKLY, trained_at=(NOW - 9 * DAY, NOW - 5 * DAY)),
            "training may start again in 2.0 days, by least_days 7",
        ),
        (Terms(WEEKLY, trained_at=(NOW - 7 * DAY,)), ""),
        (Terms(WEEKLY, trained_at=(NOW + DAY,)), ""),
        (Terms(TWICE, trained_at=(NOW - DAY,)), ""),
        (
            Terms(TWICE, trained_at=(NOW - DAY, NOW - 3 * DAY, NOW - 8 * DAY)),
            "training may start again in 4.0 days, by most_a_week 2",
        ),
        (Terms(MANY, new_rows=999), "999 new rows are fewer than 1,000"),
        (Terms(MANY, new_rows=1000), ""),
        (Terms(MANY), ""),
        (Terms(LOST, is_wanted=True), ""),
        (Terms(LOST, is_wanted=False), "what serves does what its verdict has shown (live_skill)"),
        (Terms(LOST), "live_skill has not looked at these rows yet"),
        (Terms(RetrainingSettings(), problem="least_days is -1"), "least_days is -1"),
    ],
)
def test_the_first_term_that_is_not_met_is_said(terms: Terms, wait: str) -> None:
    assert terms.wait(NOW) == wait


@pytest.mark.parametrize(("settings", "waits"), [(LOST, True), (MANY, True), (TWICE, False)])
def test_what_depends_on_the_rows_is_decided_once_they_are_there(
    settings: RetrainingSettings, waits: bool
) -> None:
    terms = Terms(settings, new_rows=5000, is_wanted=True)
    assert bool(terms.wait(NOW, inputs_follow=True)) is waits


def with_terms(terms: Terms) -> Graph:
    graph = Graph().settled()
    graph["candidate"] = replace(graph["candidate"], terms=terms)
    return graph


def test_rows_are_made_and_the_candidate_waits_with_all_below_it() -> None:
    graph = with_terms(Terms(LOST, is_wanted=False))
    graph.make("raw", "2")
    steps = {key: each.step for key, each in plan(graph, NOW).items()}
    assert steps["rows"] is Step.MAKE
    assert steps["candidate"] is Step.WAITS
    assert Step.MAKE not in (steps["verdict"], steps["served"])
    graph.make("rows", "2")
    decision = plan(graph, NOW)["candidate"]
    assert decision.step is Step.WAITS
    assert decision.sentence.startswith("rows changed, but what serves does what")
    graph["candidate"] = replace(graph["candidate"], terms=Terms(LOST, is_wanted=True))
    made = {key for key, each in plan(graph, NOW).items() if each.step is Step.MAKE}
    assert made == {"candidate", "verdict"}


def test_new_code_and_what_was_never_made_wait_for_no_terms() -> None:
    graph = with_terms(Terms(LOST, is_wanted=False))
    graph["candidate"] = replace(graph["candidate"], code_version="2")
    assert plan(graph, NOW)["candidate"].step is Step.MAKE
    fresh = with_terms(Terms(LOST, is_wanted=False))
    fresh["candidate"] = replace(fresh["candidate"], made=None)
    assert plan(fresh, NOW)["candidate"].step is Step.MAKE


@given(
    past=st.lists(st.floats(0, 60 * DAY), max_size=20),
    days=st.floats(0, 30),
    most=st.integers(0, 5),
)
def test_nobody_waits_longer_than_the_terms_say(past: list[float], days: float, most: int) -> None:
    settings = RetrainingSettings(least_days=days, most_a_week=most)
    terms = Terms(settings, trained_at=tuple(NOW - each for each in past))
    longest = max(days, 7 if most else 0) * DAY
    assert terms.wait(NOW + longest + 1) == ""
