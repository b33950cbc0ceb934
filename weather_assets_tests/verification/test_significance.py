"""The paired block bootstrap: by hand, by algebra, and by simulation of its error rates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.verification.samples import FloatArray, IntegerArray, VerificationError
from weather_assets.verification.significance import (
    RESAMPLES,
    SEED,
    Interval,
    resample_sums,
)


def compare_losses(
    loss_N: FloatArray,
    reference_loss_N: FloatArray,
    block_N: IntegerArray,
    *,
    confidence_level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Returns the mean of `loss - reference_loss` over rows [N], as verdicts compare scores."""
    columns = (("difference", loss_N - reference_loss_N), ("rows", np.ones(len(block_N))))
    sums = resample_sums(columns, block_N, resamples=resamples, seed=seed)
    return sums.ratio("difference", "rows", confidence_level)


def test_a_constant_difference_has_no_uncertainty() -> None:
    loss = np.array([0.3, 0.4, 0.5, 0.6])
    interval = compare_losses(loss, loss - 0.25, np.array([0, 0, 1, 2]))
    assert interval.estimate == pytest.approx(0.25)
    assert (interval.lower, interval.upper) == pytest.approx((0.25, 0.25))
    assert interval.standard_error == pytest.approx(0.0, abs=1e-12)
    assert interval.blocks == 3


def test_the_estimate_is_the_mean_over_rows_not_over_blocks() -> None:
    difference = np.array([1.0, 1.0, 1.0, 0.0])
    interval = compare_losses(difference, np.zeros(4), np.array([5, 5, 5, 9]))
    assert interval.estimate == pytest.approx(0.75)


def test_standard_error_of_two_blocks_by_hand() -> None:
    # Two equal blocks with means 0 and 1: a resample is 0, 1/2 or 1 with chances 1/4, 1/2, 1/4,
    # whose standard deviation is sqrt(1/8).
    loss = np.array([0.0, 0.0, 1.0, 1.0])
    interval = compare_losses(loss, np.zeros(4), np.array([0, 0, 1, 1]), resamples=20000)
    assert interval.standard_error == pytest.approx(np.sqrt(1 / 8), rel=0.02)
    assert (interval.lower, interval.upper) == (0.0, 1.0)


def test_standard_error_of_independent_rows_is_the_textbook_one() -> None:
    difference = np.random.default_rng(0).normal(0.0, 1.0, 400)
    interval = compare_losses(difference, np.zeros(400), np.arange(400))
    assert interval.standard_error == pytest.approx(difference.std() / 20.0, rel=0.05)
    half = (interval.upper - interval.lower) / 2
    assert half == pytest.approx(1.966 * difference.std() / 20.0, rel=0.08)


def test_repeated_rows_in_one_block_add_no_confidence() -> None:
    difference = np.random.default_rng(1).normal(0.0, 1.0, 50)
    once = compare_losses(difference, np.zeros(50), np.arange(50))
    often = compare_losses(np.repeat(difference, 24), np.zeros(1200), np.repeat(np.arange(50), 24))
    assert often.lower == pytest.approx(once.lower)
    assert often.upper == pytest.approx(once.upper)


losses = st.integers(2, 40).flatmap(
    lambda count: st.tuples(
        st.lists(st.floats(0, 1), min_size=count, max_size=count),
        st.lists(st.floats(0, 1), min_size=count, max_size=count),
        st.lists(st.integers(0, 6), min_size=count, max_size=count),
    )
)


@settings(max_examples=40, deadline=None)
@given(losses)
def test_swapping_the_forecasts_mirrors_the_interval(
    drawn: tuple[list[float], list[float], list[int]],
) -> None:
    first, second, block = (np.array(values) for values in drawn)
    if len(np.unique(block)) < 2:
        block[0] = 7
    there = compare_losses(first, second, block, resamples=200)
    back = compare_losses(second, first, block, resamples=200)
    assert there.estimate == pytest.approx(-back.estimate, abs=1e-12)
    assert there.lower == pytest.approx(-back.upper, abs=1e-12)
    assert there.upper == pytest.approx(-back.lower, abs=1e-12)
    assert there.lower - 1e-12 <= there.upper


@settings(max_examples=20, deadline=None)
@given(losses, st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(
    drawn: tuple[list[float], list[float], list[int]], seed: int
) -> None:
    first, second, block = (np.array(values) for values in drawn)
    block[0] = 7
    if len(np.unique(block)) < 2:
        return
    order = np.random.default_rng(seed).permutation(len(block))
    straight = compare_losses(first, second, block, resamples=200)
    shuffled = compare_losses(first[order], second[order], block[order], resamples=200)
    assert straight.lower == pytest.approx(shuffled.lower, abs=1e-12)
    assert straight.upper == pytest.approx(shuffled.upper, abs=1e-12)


def test_equal_forecasts_differ_by_exactly_zero() -> None:
    loss = np.random.default_rng(2).random(300)
    interval = compare_losses(loss, loss.copy(), np.arange(300) // 7)
    assert (interval.estimate, interval.lower, interval.upper) == (0.0, 0.0, 0.0)


def test_same_seed_same_bounds_other_seed_other_bounds() -> None:
    loss = np.random.default_rng(3).random(200)
    reference, block = np.full(200, 0.5), np.arange(200) // 4
    first = compare_losses(loss, reference, block)
    assert compare_losses(loss, reference, block) == first
    assert compare_losses(loss, reference, block, seed=1).lower != first.lower


def coverage(days: int, rows_per_day: int, trials: int, *, by_day: bool) -> float:
    """Returns how often the 95 % interval holds the true mean 0 of day-correlated differences."""
    generator = np.random.default_rng(days)
    day = np.repeat(np.arange(days), rows_per_day)
    inside = 0
    for _ in range(trials):
        shared = generator.normal(0.0, 1.0, days)[day]
        difference = shared + generator.normal(0.0, 0.5, len(day))
        block = day if by_day else np.arange(len(day))
        interval = compare_losses(difference, np.zeros(len(day)), block, resamples=400)
        inside += interval.lower <= 0.0 <= interval.upper
    return inside / trials


def test_day_blocks_keep_their_promise_where_rows_would_not() -> None:
    # 200 trials: three standard deviations of a true 95 % are 4.6 %.
    assert coverage(30, 6, 200, by_day=True) == pytest.approx(0.95, abs=0.046)
    assert coverage(100, 6, 200, by_day=True) == pytest.approx(0.95, abs=0.046)
    assert coverage(30, 6, 200, by_day=False) < 0.75


def test_skill_by_hand() -> None:
    sums = resample_sums(
        (("loss", np.array([0.1, 0.3])), ("reference", np.array([0.4, 0.4]))), np.array([0, 1])
    )
    skill = sums.ratio("loss", "reference", 0.95).as_skill()
    assert skill.estimate == pytest.approx(1 - 0.4 / 0.8)
    # Resamples hold the first row twice, each once, or the second twice.
    assert (skill.lower, skill.upper) == pytest.approx((1 - 0.75, 1 - 0.25))


@pytest.mark.parametrize(
    ("loss", "block", "complaint"),
    [
        ([0.1, 0.2], [3, 3], "at least two blocks"),
        ([], [], "at least two blocks"),
        ([0.1, np.nan], [0, 1], "not finite"),
    ],
)
def test_what_cannot_be_resampled_is_refused(
    loss: list[float], block: list[int], complaint: str
) -> None:
    with pytest.raises(VerificationError, match=complaint):
        compare_losses(np.array(loss), np.zeros(len(loss)), np.array(block, dtype=np.int64))


def test_losses_of_other_rows_are_refused() -> None:
    with pytest.raises(VerificationError, match="each of 3 rows"):
        compare_losses(np.zeros(2), np.zeros(2), np.arange(3))


def test_a_reference_without_loss_gives_no_skill() -> None:
    sums = resample_sums((("loss", np.ones(3)), ("reference", np.zeros(3))), np.arange(3))
    with pytest.raises(VerificationError, match="'reference' sums to 0"):
        sums.ratio("loss", "reference", 0.95)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_confidence_level_must_be_a_share(level: float) -> None:
    with pytest.raises(VerificationError, match="confidence level"):
        compare_losses(np.ones(3), np.zeros(3), np.arange(3), confidence_level=level)


def test_portions_of_resamples_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = (("loss", np.arange(40.0)),)
    block = np.arange(40)
    whole = resample_sums(columns, block, resamples=500)
    monkeypatch.setattr("weather_assets.verification.significance.MAXIMUM_WEIGHTS", 40 * 7)
    portions = resample_sums(columns, block, resamples=500)
    assert len(portions.totals_R["loss"]) == 500
    assert portions.totals_R["loss"] == pytest.approx(whole.totals_R["loss"])
