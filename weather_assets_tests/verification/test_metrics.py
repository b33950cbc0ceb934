"""Scores against hand-derived values, scikit-learn and their own algebra."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from weather_assets.verification.metrics import (
    THRESHOLDS,
    ForecastScores,
    choose_threshold,
    decompose_brier,
    log_losses,
    score_forecast,
    squared_errors,
)
from weather_assets.verification.samples import BoolArray, FloatArray

# Ten rows: at threshold 0.5, 3 hits, 1 miss, 2 false alarms, 4 correct negatives.
PROBABILITY = np.array([0.9, 0.8, 0.6, 0.2, 0.7, 0.5, 0.4, 0.3, 0.1, 0.0])
OBSERVED = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def scored(probability: FloatArray, observed: FloatArray, threshold: float = 0.5) -> ForecastScores:
    half = np.full(len(observed), 0.5)
    quarter = np.full(len(observed), 0.25)
    return score_forecast(
        probability, observed, threshold=threshold, base_rate_N=half, climatology_N=quarter
    )


def test_contingency_scores_by_hand() -> None:
    scores = scored(PROBABILITY, OBSERVED)
    assert (scores.hits, scores.misses, scores.false_alarms, scores.correct_negatives) == (
        3,
        1,
        2,
        4,
    )
    assert scores.critical_success_index == pytest.approx(3 / 6)
    assert scores.probability_of_detection == pytest.approx(3 / 4)
    assert scores.false_alarm_ratio == pytest.approx(2 / 5)
    assert scores.frequency_bias == pytest.approx(5 / 4)
    # Random hits: 5 warnings * 4 events / 10 rows = 2.
    assert scores.equitable_threat_score == pytest.approx((3 - 2) / (6 - 2))
    # Random correct: (5 * 4 + 5 * 6) / 10 = 5 of 10 rows; 7 were correct.
    assert scores.heidke_skill_score == pytest.approx((7 - 5) / (10 - 5))


def test_brier_and_skill_by_hand() -> None:
    scores = scored(PROBABILITY, OBSERVED)
    # Squared errors: events .01 .04 .16 .64, non-events .49 .25 .16 .09 .01 0.
    assert scores.brier_score == pytest.approx(1.85 / 10)
    # 0.5 everywhere scores 0.25; 0.25 everywhere (4 * .5625 + 6 * .0625) / 10 = 0.2625.
    assert scores.brier_skill_score == pytest.approx(1 - 0.185 / 0.25)
    assert scores.brier_skill_score_climatology == pytest.approx(1 - 0.185 / 0.2625)


def test_area_under_the_roc_by_hand_and_by_scikit_learn() -> None:
    # Events above non-events: .9 and .8 beat all 6, .6 beats 5, .2 beats 2: 19 of 24 pairs.
    area = scored(PROBABILITY, OBSERVED).roc_auc
    assert area == pytest.approx(19 / 24)
    assert area == pytest.approx(roc_auc_score(OBSERVED, PROBABILITY))


def test_log_loss_by_hand_is_clipped() -> None:
    observed = np.array([1.0, 0.0, 1.0])
    probability = np.array([0.5, 0.75, 0.0])
    expected = [math.log(2), math.log(4), -math.log(1e-6)]
    assert log_losses(probability, observed) == pytest.approx(expected)
    assert scored(probability, observed).log_loss == pytest.approx(sum(expected) / 3)


def test_calibration_by_hand() -> None:
    # PAV pools the falling middle: forecasts .4 and .6 saw the events 1 and 0, so 0.5 each.
    probability = np.array([0.2, 0.4, 0.6, 0.8])
    observed = np.array([0.0, 1.0, 0.0, 1.0])
    calibration = decompose_brier(probability, observed)
    assert calibration.observed_U == pytest.approx([0.0, 0.5, 0.5, 1.0])
    brier = (0.04 + 0.36 + 0.36 + 0.04) / 4
    recalibrated = (0 + 0.25 + 0.25 + 0) / 4
    assert calibration.miscalibration == pytest.approx(brier - recalibrated)
    assert calibration.uncertainty == pytest.approx(0.25)
    assert calibration.discrimination == pytest.approx(0.25 - recalibrated)


def test_undefined_scores_are_none() -> None:
    never_warned = scored(np.full(4, 0.1), np.array([1.0, 0.0, 0.0, 0.0]))
    assert never_warned.false_alarm_ratio is None
    assert never_warned.probability_of_detection == 0.0
    no_event = scored(np.full(4, 0.1), np.zeros(4))
    assert no_event.roc_auc is None
    assert no_event.probability_of_detection is None
    assert no_event.frequency_bias is None


def test_skill_against_a_perfect_reference_is_none() -> None:
    observed = np.array([1.0, 0.0])
    scores = score_forecast(
        np.array([0.9, 0.2]),
        observed,
        threshold=0.5,
        base_rate_N=np.full(2, 0.5),
        climatology_N=observed,
    )
    assert scores.brier_skill_score_climatology is None


rows_of_forecasts = st.integers(2, 60).flatmap(
    lambda count: st.tuples(
        st.lists(st.sampled_from([k / 20 for k in range(21)]), min_size=count, max_size=count),
        st.lists(st.sampled_from([0.0, 1.0]), min_size=count, max_size=count),
    )
)


@settings(max_examples=40, deadline=None)
@given(rows_of_forecasts)
def test_brier_is_miscalibration_less_discrimination_plus_uncertainty(
    rows: tuple[list[float], list[float]],
) -> None:
    probability, observed = (np.array(values) for values in rows)
    calibration = decompose_brier(probability, observed)
    total = calibration.miscalibration - calibration.discrimination + calibration.uncertainty
    assert total == pytest.approx(brier_score_loss(observed, probability), abs=1e-12)
    assert calibration.miscalibration >= -1e-12
    assert calibration.discrimination >= -1e-12


@settings(max_examples=40, deadline=None)
@given(rows_of_forecasts)
def test_rows_agree_with_scikit_learn(rows: tuple[list[float], list[float]]) -> None:
    probability, observed = (np.array(values) for values in rows)
    squared = squared_errors(probability, observed)
    assert squared.mean() == pytest.approx(brier_score_loss(observed, probability))
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    assert log_losses(probability, observed).mean() == pytest.approx(
        log_loss(observed, clipped, labels=[0.0, 1.0])
    )
    fitted = IsotonicRegression().fit(probability, observed).predict(np.unique(probability))
    assert decompose_brier(probability, observed).observed_U == pytest.approx(fitted)


@settings(max_examples=25, deadline=None)
@given(rows_of_forecasts)
def test_chosen_threshold_has_the_highest_equitable_threat_score(
    rows: tuple[list[float], list[float]],
) -> None:
    probability, observed = (np.array(values) for values in rows)
    chosen = choose_threshold(probability, observed)
    assert chosen in THRESHOLDS
    if 0 < observed.sum() < len(observed):
        every = {each: equitable_threat(probability >= each, observed > 0) for each in THRESHOLDS}
        assert every[chosen] == pytest.approx(max(every.values()))


def equitable_threat(warned: BoolArray, happened: BoolArray) -> float:
    """Returns the equitable threat score, written from its definition; -1 where undefined."""
    hits = np.sum(warned & happened)
    random_hits = warned.sum() * happened.sum() / len(warned)
    rest = np.sum(warned | happened) - random_hits
    return float((hits - random_hits) / rest) if rest else -1.0


def test_of_equally_good_thresholds_the_middle_is_chosen() -> None:
    # Every threshold in (0.20, 0.60] separates the classes.
    probability = np.array([0.1, 0.2, 0.6, 0.9])
    assert choose_threshold(probability, np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx(0.40)


def test_threshold_without_both_classes_is_one_half() -> None:
    assert choose_threshold(np.array([0.1, 0.2]), np.zeros(2)) == 0.5
    assert choose_threshold(np.empty(0), np.empty(0)) == 0.5
