"""Every asset is desired for itself, and held back by nothing but what it needs."""

from dataclasses import replace

import pytest

from weather_assets.reconciliation.facts import Ending
from weather_assets.reconciliation.plan import Step, plan
from weather_assets_tests.reconciliation.graphs import NOW, Graph


@pytest.fixture
def graph() -> Graph:
    return Graph().settled()


def made(graph: Graph) -> set[str]:
    return {key for key, each in plan(graph, NOW).items() if each.step is Step.MAKE}


def step(graph: Graph, key: str) -> tuple[Step, str]:
    decision = plan(graph, NOW)[key]
    return decision.step, decision.sentence


def test_what_is_up_to_date_stays(graph: Graph) -> None:
    assert {each.step for each in plan(graph, NOW).values()} == {Step.UP_TO_DATE}


def test_nothing_is_made_of_what_is_missing() -> None:
    assert made(Graph()) == set()
    assert step(Graph(), "rows") == (Step.HELD, "it was never made, but raw was not made yet")


def test_new_content_makes_the_line_in_one_run_and_the_other_line_later(graph: Graph) -> None:
    graph.make("raw", "2")
    assert made(graph) == {"rows", "candidate", "verdict"}


def test_the_same_version_again_makes_nothing(graph: Graph) -> None:
    graph.make("raw", "1")
    assert made(graph) == set()


def test_other_code_makes_an_asset_and_what_is_below(graph: Graph) -> None:
    graph["candidate"] = replace(graph["candidate"], code_version="2")
    assert made(graph) == {"candidate", "verdict"}


def test_a_failure_below_leaves_the_rest_alone(graph: Graph) -> None:
    graph.make("raw", "2")
    graph.make("rows", "2")
    graph.fail("candidate", Ending.PERMANENT)
    assert made(graph) == set()
    assert step(graph, "verdict") == (
        Step.HELD,
        "rows changed, but candidate is not of the newest rows",
    )


def test_what_was_made_is_served_whatever_happens_above(graph: Graph) -> None:
    graph.make("verdict", "2")
    graph.make("raw", "2")
    graph["rows"] = replace(graph["rows"], unfinished=frozenset({"busy"}))
    graph["verdict"] = replace(graph["verdict"], unfinished=frozenset({"busy"}))
    assert made(graph) == {"served"}


def test_what_another_line_is_just_making_is_awaited(graph: Graph) -> None:
    graph.make("verdict", "2", run="busy")
    graph["verdict"] = replace(graph["verdict"], unfinished=frozenset({"busy"}))
    assert step(graph, "served") == (Step.HELD, "verdict changed, but run busy is making verdict")


def test_a_failed_check_holds_what_is_below_until_it_is_made_anew(graph: Graph) -> None:
    graph.make("verdict", "2", failed_checks=("good",))
    assert step(graph, "served") == (Step.HELD, "verdict changed, but verdict did not pass good")
    assert step(graph, "verdict")[0] is Step.REST
    graph.make("rows", "2")
    assert made(graph) == {"candidate", "verdict"}


def test_checks_that_were_never_evaluated_are_no_pass(graph: Graph) -> None:
    graph.make("candidate", "2", is_unproven=True)
    assert made(graph) == {"candidate", "verdict"}


def test_history_counts_for_the_same_content_and_code_alone(graph: Graph) -> None:
    graph.make("raw", "2")
    graph.fail("rows", Ending.CANCELLED)
    assert made(graph) == set()
    graph.make("raw", "3")
    assert "rows" in made(graph)
    graph.fail("rows", Ending.PERMANENT, code_version=None)
    assert made(graph) == set()
    graph.make("raw", "2")
    assert "rows" in made(graph), "what was cancelled comes back after something else"
    graph.fail("rows", Ending.PERMANENT, code_version="older")
    assert "rows" in made(graph)


def test_an_attempt_of_the_run_that_made_the_input_counts(graph: Graph) -> None:
    graph.make("raw", "2")
    graph.fail("candidate", Ending.PERMANENT, run_id="together")
    graph.make("rows", "2", run="together")
    assert step(graph, "candidate")[0] is Step.REST


def test_a_pause_and_a_breaker_are_said(graph: Graph) -> None:
    graph.make("rows", "2")
    graph.fail("candidate", Ending.TRANSIENT, seconds_ago=10)
    assert step(graph, "candidate") == (
        Step.PAUSE,
        "rows changed, but run run-7 failed and may go well another time: attempt 2 in 50 s",
    )
    for _ in range(7):
        graph.fail("candidate", Ending.TRANSIENT, seconds_ago=1e6)
    assert step(graph, "candidate")[0] is Step.OPEN
