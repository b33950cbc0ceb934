"""Features that give the label away are named, and strong honest ones are not."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from weather_assets.contract.columns import Column, Kind
from weather_assets.processing.doubts.leaks import SEPARATING_AUC, find_leak

HUMIDITY = Column("Humidity", "relative_humidity", "percent", minimum=0, maximum=100)
CODE = Column("Code", "weather code", kind=Kind.CATEGORY, categories=("a", "b", "c"))
EVENTS = np.arange(400) % 4 == 0
NOISE = np.random.default_rng(3).normal(size=400)


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_strong_honest_features_pass(shift: float) -> None:
    values = np.asarray(NOISE + shift * EVENTS, dtype=np.float64)
    assert roc_auc_score(EVENTS, values) < SEPARATING_AUC
    assert find_leak(HUMIDITY, values, EVENTS) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_feature_that_separates_is_named(sign: int) -> None:
    values = sign * (NOISE + 4.5 * EVENTS)
    leak = find_leak(HUMIDITY, values, EVENTS)
    assert leak is not None
    assert not leak.is_copy
    area = roc_auc_score(EVENTS, sign * values)
    assert "'Humidity' by itself separates" in leak.sentence
    assert f"(ROC AUC {area:.4f})" in leak.sentence


@pytest.mark.parametrize("values", [EVENTS * 100.0, 7.0 - EVENTS])
def test_the_label_in_other_words_is_certain(values: np.ndarray) -> None:
    leak = find_leak(HUMIDITY, values, EVENTS)
    assert leak is not None
    assert leak.is_copy
    gaps = np.where(np.arange(400) % 7 == 0, np.nan, values)
    with_gaps = find_leak(HUMIDITY, gaps, EVENTS)
    assert with_gaps is not None
    assert with_gaps.is_copy
    values = values.copy()
    values[0] = values[1]  # one row that disagrees
    disagreeing = find_leak(HUMIDITY, values, EVENTS)
    assert disagreeing is not None
    assert not disagreeing.is_copy


def test_categories_that_separate_are_named() -> None:
    codes = np.where(EVENTS, 2.0, (np.arange(400) % 2).astype(np.float64))
    leak = find_leak(CODE, codes, EVENTS)
    assert leak is not None
    assert not leak.is_copy
    codes[0] = 0.0
    assert find_leak(CODE, codes, EVENTS) is None


def test_gaps_that_follow_the_label_are_named() -> None:
    leak = find_leak(HUMIDITY, np.where(EVENTS, np.nan, NOISE), EVENTS)
    assert leak is not None
    assert "missing exactly where" in leak.sentence
    mostly = np.where(EVENTS & (np.arange(400) > 3), np.nan, NOISE)
    assert find_leak(HUMIDITY, mostly, EVENTS) is None


def test_few_rows_of_a_class_say_nothing() -> None:
    events = np.arange(400) < 9
    assert find_leak(HUMIDITY, np.where(events, 1.0, 0.0), events) is None
