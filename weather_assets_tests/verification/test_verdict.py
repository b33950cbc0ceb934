"""`verdict.json` is stable, strict JSON that reads back as it was written."""

import json
import math

import pytest

from weather_assets.verification.claims import Claim, Criteria, Outcome
from weather_assets.verification.metrics import ForecastScores
from weather_assets.verification.samples import BlockKind, VerificationError
from weather_assets.verification.significance import Interval
from weather_assets.verification.verdict import Comparison, Identity, Verdict

INTERVAL = Interval(-0.02, -0.03, -0.01, 0.005, 0.95, 92, 2000)
SCORES = ForecastScores(
    brier_score=0.1,
    brier_skill_score=0.5,
    brier_skill_score_climatology=None,
    log_loss=0.3,
    roc_auc=0.9,
    miscalibration=0.01,
    discrimination=0.09,
    uncertainty=0.18,
    threshold=0.4,
    hits=3,
    misses=1,
    false_alarms=2,
    correct_negatives=4,
    critical_success_index=0.5,
    probability_of_detection=0.75,
    false_alarm_ratio=None,
    heidke_skill_score=0.4,
    equitable_threat_score=0.25,
    frequency_bias=1.25,
)
COUNTS = {"rows": 10, "events": 4, "non_events": 6, "blocks": 5, "event_blocks": 3}
VERDICT = Verdict(
    identity=Identity("3", "data", "made", "2"),
    event="rain",
    rows={"train": COUNTS, "validation": COUNTS, "test": COUNTS},
    block_kind=BlockKind.UTC_DAY,
    references={"base_rate": "event frequency", "climatology": "by month"},
    criteria=Criteria(margin=0.03),
    claims=(
        Claim("enough_data", Outcome.PASS, "Enough.", {"events": 4.0}),
        Claim("no_worse_than_champion", Outcome.INCONCLUSIVE, "Not shown.", {"lower": -0.03}),
    ),
    scores={"candidate": SCORES},
    skill_intervals={"candidate": INTERVAL},
    comparisons=(Comparison("champion", INTERVAL, INTERVAL),),
)


def test_json_round_trip() -> None:
    text = VERDICT.to_json()
    assert Verdict.from_json(text) == VERDICT
    assert Verdict.from_json(text).to_json() == text


def test_the_documented_keys_are_there_in_order() -> None:
    document = json.loads(VERDICT.to_json())
    assert list(document) == [
        "schema_version",
        "outcome",
        "reasons",
        "identity",
        "event",
        "rows",
        "block_kind",
        "references",
        "criteria",
        "claims",
        "scores",
        "skill_intervals",
        "comparisons",
    ]
    assert document["schema_version"] == 1
    assert document["outcome"] == "inconclusive"
    assert document["reasons"] == ["Not shown."]
    assert document["scores"]["candidate"]["false_alarm_ratio"] is None
    assert document["comparisons"][0]["brier_score"]["upper"] == -0.01


def test_flat_scores_hold_what_is_defined() -> None:
    flat = VERDICT.flat_scores()
    assert flat["candidate_brier_score"] == 0.1
    assert flat["candidate_hits"] == 3.0
    assert "candidate_false_alarm_ratio" not in flat
    assert all(math.isfinite(value) for value in flat.values())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "not json",
        VERDICT.to_json().replace('"roc_auc"', '"area"'),
        VERDICT.to_json().replace('"reference": "champion",', ""),
        VERDICT.to_json().replace('"pass"', '"perhaps"'),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(VerificationError, match="materialize model_verdict again"):
        Verdict.from_json(text)


def test_another_schema_version_is_refused() -> None:
    text = VERDICT.to_json().replace('"schema_version": 1', '"schema_version": 2')
    with pytest.raises(VerificationError, match="schema version 2"):
        Verdict.from_json(text)
