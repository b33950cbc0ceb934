"""Whole rollouts: every kind of candidate, service and circumstance."""

from dataclasses import replace

import pytest

from weather_assets.rollout.convergence import RolloutRefused
from weather_assets.rollout.service import AccessDenied, ServiceError, ServiceUnavailable
from weather_assets.rollout.stage_verdict import StageOutcome
from weather_assets.rollout.states import Stage
from weather_assets_tests.rollout.memory_service import Scorer, probe_set, release, unavailable
from weather_assets_tests.rollout.rollouts import FAST, ROLLOUT, Place, place

OLD, NEW, NEWER = release(1), release(2), release(3)


def serving(here: Place) -> dict[str, object]:
    standing = here.service.standing()
    slots = standing["slots"]
    assert isinstance(slots, dict)
    return {"live": standing["live"], "slots": {name: each[1] for name, each in slots.items()}}


ONLY_OLD = {"live": {"blue": 100}, "slots": {"blue": OLD}}
ONLY_NEW = {"live": {"green": 100}, "slots": {"green": NEW}}


def test_a_good_candidate_replaces_the_champion_and_the_next_one_it() -> None:
    here = place()
    reports = here.roll_out(NEW)
    assert [report.stage for report in reports] == list(ROLLOUT)
    assert all(report.passed for report in reports)
    assert serving(here) == ONLY_NEW
    traffic = [str(report.traffic_after) for report in reports]
    assert traffic == [
        "blue 100 %",
        "blue 100 %; mirrored to green: 20 %",
        "blue 90 %, green 10 %",
        "green 100 %",
    ]
    shadow = reports[1]
    assert shadow.numbers["rows_compared"] == 300
    assert shadow.numbers["candidate_errors"] == 0
    assert shadow.scoring_uri.startswith("https://")
    assert shadow.slot == "green"
    assert "held-out rows" in shadow.sentence

    assert all(report.passed for report in here.roll_out(NEWER))
    assert serving(here) == {"live": {"blue": 100}, "slots": {"blue": NEWER}}


def test_the_first_rollout_creates_the_endpoint_and_is_judged_against_climatology() -> None:
    here = place(champion=False)
    reports = here.roll_out(NEW)
    assert all(report.passed for report in reports)
    assert serving(here) == {"live": {"blue": 100}, "slots": {"blue": NEW}}
    assert "climatology" in reports[1].verdict.sentence
    assert str(reports[2].traffic_after) == "none"
    assert here.service.calls.count("create_endpoint") == 1


def test_a_first_candidate_worse_than_climatology_never_gets_traffic() -> None:
    here = place({2: Scorer(probability=lambda row: 1 - row["forecast"])}, champion=False)
    report = here.roll_out(NEW)[-1]
    assert (report.stage, report.rolled_back) == (Stage.SHADOW, True)
    assert serving(here) == {"live": {}, "slots": {}}


def test_a_manual_deployment_goes_live_at_once_and_settles() -> None:
    here = place()
    here.advance(NEW, Stage.DEPLOYED)
    report = here.advance(NEW, Stage.LIVE, immediate=True)
    assert report.passed
    assert serving(here) == ONLY_NEW
    assert not any("'blue': 90" in call for call in here.service.calls)


def test_a_manual_deployment_replaces_a_champion_that_does_not_answer() -> None:
    here = place({1: Scorer(status=424)})
    assert here.advance(NEW, Stage.DEPLOYED).passed
    assert here.advance(NEW, Stage.LIVE, immediate=True).passed
    assert serving(here) == ONLY_NEW


def test_a_manual_deployment_that_answers_nonsense_goes_back_to_the_champion() -> None:
    here = place({2: Scorer(answers_before_crash=6)})
    assert here.advance(NEW, Stage.DEPLOYED).passed
    assert here.advance(NEW, Stage.LIVE, immediate=True).rolled_back
    assert serving(here) == ONLY_OLD


BAD = {
    "answers 5xx": (Scorer(status=500), Stage.DEPLOYED),
    "slow": (Scorer(seconds=2.0), Stage.SHADOW),
    "flipped": (Scorer(probability=lambda row: 1 - row["forecast"]), Stage.SHADOW),
    "NaN": (Scorer(probability=lambda _row: float("nan")), Stage.DEPLOYED),
    "out of range": (Scorer(probability=lambda row: row["forecast"] + 1), Stage.DEPLOYED),
    "crashes after start": (Scorer(answers_before_crash=20), Stage.SHADOW),
    "crashes under live requests": (Scorer(answers_before_crash=60), Stage.CANARY),
    "crashes once it serves": (Scorer(answers_before_crash=110), Stage.LIVE),
    "wrong columns": (Scorer(columns=("temperature",)), Stage.DEPLOYED),
    "constant": (Scorer(probability=lambda _row: 0.5), Stage.SHADOW),
    "does not start": (Scorer(starts=False), Stage.DEPLOYED),
}


@pytest.mark.parametrize(("scorer", "stage"), BAD.values(), ids=BAD.keys())
def test_a_bad_candidate_is_caught_and_the_champion_serves_on(scorer: Scorer, stage: Stage) -> None:
    here = place({2: replace(scorer)})
    report = here.roll_out(NEW)[-1]
    assert (report.stage, report.rolled_back, report.passed) == (stage, True, False)
    assert report.verdict.outcome is StageOutcome.ROLL_BACK
    assert serving(here) == ONLY_OLD
    assert {"blue", "green"} <= report.logs.keys()
    assert str(report.traffic_after) == "blue 100 %"


def test_traffic_goes_back_before_logs_are_read_and_logs_before_the_candidate_goes() -> None:
    here = place({2: Scorer(answers_before_crash=60)})
    here.roll_out(NEW)
    calls = here.service.calls
    back = len(calls) - 1 - calls[::-1].index("set_traffic {'blue': 100} {}")
    assert back < calls.index("logs") < calls.index("delete green")


def test_an_endpoint_that_is_down_is_a_hold_and_then_goes_on() -> None:
    here = place()
    here.advance(NEW, Stage.DEPLOYED)
    here.service.faults["ask"] = unavailable(60)
    report = here.advance(NEW, Stage.SHADOW)
    assert report.passed
    assert report.numbers["excused_errors"] > 0
    assert any(said.startswith("shadow: Hold") for said in here.said)


def test_a_hold_that_lasts_too_long_rolls_back_and_says_what_was_missing() -> None:
    here = place()
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW))
    here.service.faults["ask"] = unavailable(10_000)
    report = here.advance(NEW, Stage.CANARY)
    assert report.rolled_back
    assert "Not shown to be fit to serve within 90 seconds" in report.verdict.sentence
    assert "answered no request yet" in report.verdict.sentence
    assert serving(here) == ONLY_OLD


def test_rows_that_were_not_answered_are_asked_again_before_any_other_twice() -> None:
    # Thirteen probes of 25 rows, one of them lost, are just enough for 300 rows.
    here = place(settings=replace(FAST, shadow_seconds=12.5, look_seconds=12.5))
    here.advance(NEW, Stage.DEPLOYED)
    asked: list[str] = []

    def lose(name: str) -> None:
        asked.append(name)
        if asked.count("ask") == 10 and name == "ask":
            here.service.faults["ask"] = unavailable(2)

    here.service.before_call = lose
    report = here.advance(NEW, Stage.SHADOW)
    assert report.numbers["probes"] == 13
    assert report.numbers["rows_compared"] == 300


def test_an_endpoint_that_cannot_be_observed_does_not_end_the_watch() -> None:
    here = place()
    here.advance(NEW, Stage.DEPLOYED)
    seen: list[int] = []

    def down(name: str) -> None:
        seen.append(1) if name == "ask" else None
        if len(seen) == 5:
            here.service.faults["observe"] = unavailable(2)
            here.service.faults["live_counts"] = [AccessDenied("403")]

    here.service.before_call = down
    assert here.advance(NEW, Stage.SHADOW).passed


def test_a_service_that_fails_is_tried_again_and_then_given_up() -> None:
    here = place()
    here.service.faults["deploy"] = unavailable(FAST.apply_attempts - 1)
    assert here.advance(NEW, Stage.DEPLOYED).passed
    here.service.faults["set_traffic"] = unavailable(FAST.apply_attempts)
    with pytest.raises(ServiceUnavailable):
        here.advance(NEW, Stage.SHADOW)
    assert here.advance(NEW, Stage.SHADOW).passed


def test_a_rollback_is_more_stubborn_and_says_why_where_it_fails() -> None:
    here = place({2: Scorer(answers_before_crash=60)})
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW))

    def down(name: str) -> None:
        if name == "set_traffic {'blue': 100} {}":
            here.service.faults.setdefault("set_traffic", unavailable(FAST.apply_attempts + 2))

    here.service.before_call = down
    assert here.advance(NEW, Stage.CANARY).rolled_back

    here = place({2: Scorer(answers_before_crash=60)})
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW))

    def gone(name: str) -> None:
        if name == "set_traffic {'blue': 100} {}":
            here.service.faults["set_traffic"] = unavailable(1)

    here.service.before_call = gone
    with pytest.raises(ServiceUnavailable) as caught:
        here.advance(NEW, Stage.CANARY)
    assert "502" in caught.value.__notes__[0]
    here.service.before_call = lambda _name: None
    here.service.faults.clear()
    assert here.advance(NEW, Stage.CANARY).rolled_back
    assert serving(here) == ONLY_OLD


def test_an_error_in_the_watch_itself_leaves_no_candidate_unwatched() -> None:
    here = place()
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW))

    def broken(name: str) -> None:
        if name == "live_counts":
            raise ZeroDivisionError

    here.service.before_call = broken
    with pytest.raises(ZeroDivisionError):
        here.advance(NEW, Stage.CANARY)
    assert serving(here) == ONLY_OLD


def test_a_step_that_never_shows_is_not_repeated_for_ever() -> None:
    here = place()
    here.advance(NEW, Stage.DEPLOYED)

    def undo(name: str) -> None:
        if name == "observe":
            here.service.give({"blue": 100})

    here.service.before_call = undo
    with pytest.raises(ServiceError, match="did not last"):
        here.advance(NEW, Stage.SHADOW)


def test_a_stage_cannot_be_skipped_also_where_the_traffic_looks_right() -> None:
    here = place()
    here.advance(NEW, Stage.DEPLOYED)
    for stage, asset in ((Stage.CANARY, "shadow_traffic"), (Stage.LIVE, "canary_traffic")):
        with pytest.raises(RolloutRefused, match=asset):
            here.advance(NEW, stage)
    here.service.give({"blue": 90, "green": 10})
    with pytest.raises(RolloutRefused, match="canary_traffic"):
        here.advance(NEW, Stage.LIVE)
    with pytest.raises(RolloutRefused, match="candidate_deployment"):
        here.advance(NEWER, Stage.SHADOW)
    assert here.service.live == {"blue": 90, "green": 10}


def test_a_stage_passed_against_another_champion_does_not_count() -> None:
    here = place()
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW))
    here.service.place("blue", NEWER)
    with pytest.raises(RolloutRefused, match="shadow_traffic"):
        here.advance(NEW, Stage.CANARY)


def test_an_earlier_stage_can_be_run_again_and_everything_after_it_must_be() -> None:
    here = place()
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW, Stage.CANARY))
    assert here.advance(NEW, Stage.SHADOW).passed
    assert here.service.live == {"blue": 100}
    assert here.service.mirror == {"green": 20}
    with pytest.raises(RolloutRefused, match="canary_traffic"):
        here.advance(NEW, Stage.LIVE)
    assert all(report.passed for report in here.roll_out(NEW))
    assert serving(here) == ONLY_NEW


def test_every_stage_of_a_release_that_is_live_is_content_and_touches_nothing() -> None:
    here = place()
    here.roll_out(NEW)
    changes = here.service.changes
    assert all(report.passed for report in here.roll_out(NEW))
    assert here.service.changes == changes


def test_a_deployment_that_fails_in_a_stage_is_rolled_back() -> None:
    here = place()
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW))
    asked: list[str] = []

    def fail(name: str) -> None:
        asked.append(name)
        if asked.count("ask") == 9:
            here.service.fail("green")

    here.service.before_call = fail
    report = here.advance(NEW, Stage.CANARY)
    assert report.rolled_back
    assert "Deployment green is Failed" in report.verdict.sentence
    assert serving(here) == ONLY_OLD


def test_without_a_previous_slot_a_bad_release_keeps_serving_and_fails_its_check() -> None:
    here = place({2: Scorer(answers_before_crash=110)}, champion=False)
    report = here.roll_out(NEW)[-1]
    assert (report.stage, report.passed, report.rolled_back) == (Stage.LIVE, False, False)
    assert "azure_manual_deploy" in report.sentence
    assert here.service.live == {"blue": 100}
    assert report.logs == {"blue": "log of blue"}


def test_a_withdrawal_can_be_asked_for() -> None:
    here = place()
    here.roll_out(NEW, (Stage.DEPLOYED, Stage.SHADOW, Stage.CANARY))
    assert here.advance(NEW, Stage.WITHDRAWN).rolled_back
    assert serving(here) == ONLY_OLD


def test_preflight_stops_before_the_first_call() -> None:
    here = place()
    here.service.cores = 8
    with pytest.raises(RolloutRefused, match="8 more cores are needed and the quota has 0 left"):
        here.advance(NEW, Stage.DEPLOYED)
    here.probes = probe_set(20)
    with pytest.raises(RolloutRefused, match="The probe set has 20 rows"):
        here.advance(NEW, Stage.DEPLOYED)
    assert here.service.changes == 0


def test_a_deployment_that_is_only_slow_to_be_routed_to_is_not_removed() -> None:
    here = place()
    here.service.faults["ask"] = unavailable(3)
    assert here.advance(NEW, Stage.DEPLOYED).passed
