"""Each criterion, and how they become one verdict."""

import json
import math
from dataclasses import replace

import pytest

from weather_assets.rollout.evidence import LiveCounts, Probe, Reply, StageEvidence
from weather_assets.rollout.settings import RolloutSettings
from weather_assets.rollout.stage_verdict import StageOutcome, StageVerdict, judge_stage
from weather_assets_tests.rollout.memory_service import probe_set

PROBES = probe_set(400)
FORECASTS = [float(str(row["forecast"])) for row in PROBES.rows]
SETTINGS = RolloutSettings()


def probes(
    shift: float = 0.0,
    *,
    count: int = 20,
    rows: int = 20,
    seconds: float = 0.02,
    errors: int = 0,
    both: int = 0,
    first: bool = False,
) -> tuple[Probe, ...]:
    """Returns probes of a candidate that moves every forecast away from its outcome."""
    made: list[Probe] = []
    for number in range(count):
        indices = tuple(range(number * rows, (number + 1) * rows))
        outcomes = tuple(PROBES.outcomes[index] for index in indices)
        champion = tuple(FORECASTS[index] for index in indices)
        candidate = tuple(
            min(max(p - shift if y else p + shift, 0.0), 1.0)
            for p, y in zip(champion, outcomes, strict=True)
        )
        mine = Reply(200, seconds, candidate, "green")
        theirs = Reply(200, 0.02, champion, "blue")
        if number < both:
            mine = theirs = Reply(0, 5.0, None, "", "connection refused")
        elif number < both + errors:
            mine = Reply(424, 0.02, None, "green", "model error")
        made.append(Probe(indices, outcomes, None if first else theirs, mine))
    return tuple(made)


def evidence(made: tuple[Probe, ...], **changes: object) -> StageEvidence:
    found = StageEvidence(
        made, 400, PROBES.base_rate, PROBES.climatology_score, 600.0, 600.0, candidate_slot="green"
    )
    return replace(found, **changes)


def judge(made: tuple[Probe, ...], **changes: object) -> StageVerdict:
    verdict = judge_stage(evidence(made, **changes), SETTINGS)
    assert all(math.isfinite(number) for number in verdict.numbers.values())
    assert json.loads(json.dumps(verdict.to_dict(), allow_nan=False))["outcome"] == verdict.outcome
    return verdict


def test_an_equal_candidate_continues_after_all_rows_and_the_full_time() -> None:
    verdict = judge(probes())
    assert verdict.outcome is StageOutcome.CONTINUE
    assert verdict.numbers["brier_difference"] == 0.0
    assert verdict.numbers["rows_compared"] == 400


def test_no_data_is_a_hold_and_never_a_pass() -> None:
    verdict = judge((), elapsed_seconds=6000.0, bake_seconds=5000.0)
    assert verdict.outcome is StageOutcome.HOLD
    assert "0 rows were answered" in verdict.sentence
    assert judge((), elapsed_seconds=2400.0).outcome is StageOutcome.ROLL_BACK


@pytest.mark.parametrize(
    ("made", "changes", "missing"),
    [
        (probes(), {"elapsed_seconds": 500.0}, "500 of at least 600 seconds"),
        (probes(count=1), {}, "20 rows were answered so far, at least 40"),
        (probes(count=3), {}, "Only 3 pairs of answers were timed"),
        (probes(count=10), {"probe_set_rows": 100_000}, "more rows are needed to tell"),
        (probes(both=20), {}, "The candidate answered no request yet; 20 got no answer"),
    ],
)
def test_what_is_missing_is_a_hold_that_names_it(
    made: tuple[Probe, ...], changes: dict[str, object], missing: str
) -> None:
    verdict = judge(made, **changes)
    assert verdict.outcome is StageOutcome.HOLD
    assert missing in verdict.sentence
    if "elapsed_seconds" not in changes:
        late = judge(made, **changes, elapsed_seconds=2400.0)
        assert late.outcome is StageOutcome.ROLL_BACK
        assert missing in late.sentence


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (probes(count=2, errors=2), "2 of 2 requests to the candidate failed"),
        (probes(count=6, rows=1, seconds=1.0), "The candidate answers in 1000 ms"),
        (probes(0.6, count=3), "differ by"),
        (probes(0.15, count=12), "this is beyond chance"),
        (probes(0.02), "On 400 of 400 held-out rows"),
    ],
    ids=["errors", "slow", "disagrees", "worse", "slightly worse, exactly"],
)
def test_harm_rolls_back_at_once(made: tuple[Probe, ...], words: str) -> None:
    verdict = judge(made, elapsed_seconds=1.0)
    assert verdict.outcome is StageOutcome.ROLL_BACK
    assert words in verdict.sentence
    assert verdict.sentence.startswith("Roll back: ")


def test_once_all_rows_were_asked_chance_has_no_part_in_it() -> None:
    worse = judge(probes(0.02))
    assert worse.outcome is StageOutcome.ROLL_BACK
    assert "beyond chance" not in worse.sentence
    slightly = judge(probes(0.01))
    assert slightly.passed
    limit = slightly.numbers["brier_difference_allowed"]
    assert limit / 2 < slightly.numbers["brier_difference"] < limit


def test_errors_of_both_slots_are_held_against_nobody() -> None:
    verdict = judge(probes(both=5))
    assert verdict.numbers["excused_errors"] == 5
    assert verdict.numbers["candidate_errors"] == 0
    assert verdict.outcome is not StageOutcome.ROLL_BACK


def test_one_error_of_few_is_waited_out_and_a_run_of_them_is_not() -> None:
    assert judge(probes(errors=1)).outcome is StageOutcome.HOLD
    many = probes(rows=1, count=100)
    assert judge((*probes(rows=1, count=1, errors=1), *many)).numbers["error_share"] < 0.01
    crashed = (*many, *probes(rows=1, count=5, errors=5))
    assert "the last 5 in a row" in judge(crashed).sentence


def test_the_services_own_count_may_exceed_the_champions_by_the_limit() -> None:
    clients = LiveCounts(1000, 50)
    assert judge(probes(), candidate_live=clients, champion_live=clients).passed
    alone = judge(probes(), candidate_live=clients, champion_live=LiveCounts(1000, 0))
    assert alone.outcome is StageOutcome.ROLL_BACK
    assert "By the service's count 50 of 1000" in alone.sentence
    assert judge(probes(), candidate_live=LiveCounts(0, 0)).passed


def test_requests_left_to_the_traffic_count_where_the_candidate_answered_them() -> None:
    broken = tuple(Reply(502, 0.1, None, slot, "gone") for slot in ["green"] * 5)
    assert judge(probes(), routed=broken).outcome is StageOutcome.ROLL_BACK
    theirs = tuple(replace(reply, deployment="blue") for reply in broken)
    assert judge(probes(), routed=theirs).passed


def test_without_a_champion_climatology_is_what_to_beat() -> None:
    verdict = judge(probes(first=True))
    assert verdict.passed
    assert verdict.numbers["skill_difference"] > 0.1
    assert "climatology" in verdict.sentence
    assert judge(probes(0.6, first=True)).outcome is StageOutcome.ROLL_BACK


def test_a_row_asked_twice_counts_once() -> None:
    again = (*probes(), *probes(0.9))
    assert judge(again).numbers["rows_compared"] == 400
    assert judge(again).numbers["brier_difference"] == 0.0


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (Reply(200, 0.1, (0.5, 1.0)), ""),
        (Reply(200, 0.1, (0.5,)), "1 probabilities for 2 rows"),
        (Reply(200, 0.1, (0.5, math.nan)), "a probability of nan"),
        (Reply(200, 0.1, (0.5, 1.01)), "a probability of 1.01"),
        (Reply(200, 0.1, None, problem="not JSON"), "no probabilities: not JSON"),
        (Reply(424, 0.1, None), "HTTP 424"),
        (Reply(0, 0.1, None), "no answer"),
    ],
)
def test_what_makes_an_answer_a_bad_one(reply: Reply, fault: str) -> None:
    assert reply.fault(2).startswith(fault)
    assert bool(reply.fault(2)) == bool(fault)
