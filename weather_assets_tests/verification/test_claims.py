"""The rules that turn intervals and counts into pass, fail or inconclusive."""

import numpy as np
import pytest

from weather_assets.verification.claims import (
    Criteria,
    Outcome,
    claim_better,
    claim_enough_data,
    claim_no_worse,
    claim_served_weights,
    claim_undecided,
    claim_valid_probabilities,
    count_rows,
    overall,
)
from weather_assets.verification.samples import FloatArray, Served, VerificationError
from weather_assets.verification.significance import Interval
from weather_assets_tests.verification.made_rows import rows_of


def interval(lower: float, upper: float, level: float = 0.95) -> Interval:
    return Interval((lower + upper) / 2, lower, upper, (upper - lower) / 4, level, 90, 2000)


@pytest.mark.parametrize(
    ("lower", "upper", "outcome"),
    [
        (-0.03, -0.01, Outcome.PASS),
        (-0.03, 0.0, Outcome.INCONCLUSIVE),
        (-0.03, 0.01, Outcome.INCONCLUSIVE),
        (0.01, 0.03, Outcome.FAIL),
        (0.0, 0.0, Outcome.FAIL),
    ],
)
def test_better_needs_the_whole_interval_below_zero(
    lower: float, upper: float, outcome: Outcome
) -> None:
    claim = claim_better("beats_base_rate", "the base rate", interval(lower, upper), 0.1)
    assert claim.outcome is outcome
    assert (claim.numbers["lower"], claim.numbers["upper"]) == (lower, upper)


# The margin is 0.05 of skill at a Brier score of 0.1: 0.005.
@pytest.mark.parametrize(
    ("lower", "upper", "outcome"),
    [
        (-0.02, 0.0049, Outcome.PASS),
        (0.001, 0.004, Outcome.PASS),
        (-0.02, 0.0051, Outcome.INCONCLUSIVE),
        (0.001, 0.02, Outcome.INCONCLUSIVE),
        (0.006, 0.02, Outcome.FAIL),
        (0.0, 0.0, Outcome.PASS),
    ],
)
def test_no_worse_needs_the_upper_bound_below_the_margin(
    lower: float, upper: float, outcome: Outcome
) -> None:
    claim = claim_no_worse("no_worse", "a reference", interval(lower, upper, 0.9), 0.05, 0.1)
    assert claim.outcome is outcome
    assert claim.numbers["margin"] == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("lower_of_95", "outcome"),
    [(-0.0001, Outcome.PASS), (0.0, Outcome.PASS), (0.0001, Outcome.FAIL)],
)
def test_a_loss_beyond_chance_is_not_forgiven_by_the_margin(
    lower_of_95: float, outcome: Outcome
) -> None:
    claim = claim_no_worse(
        "no_worse_than_champion",
        "the champion",
        interval(0.0005, 0.004, 0.9),
        0.05,
        0.1,
        shown_worse=interval(lower_of_95, 0.0045),
    )
    assert claim.outcome is outcome


@pytest.mark.parametrize(
    ("lower_of_50", "outcome"), [(-0.0001, Outcome.PASS), (0.0001, Outcome.INCONCLUSIVE)]
)
def test_rows_in_the_champions_favour_promote_nothing(lower_of_50: float, outcome: Outcome) -> None:
    claim = claim_no_worse(
        "no_worse_than_champion",
        "the champion",
        interval(-0.001, 0.004, 0.9),
        0.05,
        0.1,
        shown_worse=interval(-0.002, 0.0045),
        in_doubt=interval(lower_of_50, 0.002, 0.5),
    )
    assert claim.outcome is outcome
    assert ("in the reference's favour" in claim.sentence) == (outcome is not Outcome.PASS)


@pytest.mark.parametrize(
    ("lower", "upper", "outcome"),
    [
        (-0.02, 0.0051, Outcome.PASS),
        (0.001, 0.02, Outcome.PASS),
        (0.006, 0.02, Outcome.FAIL),
        (-0.02, 0.0049, Outcome.PASS),
    ],
)
def test_in_place_of_nothing_a_doubt_passes_and_a_loss_that_is_shown_does_not(
    lower: float, upper: float, outcome: Outcome
) -> None:
    claim = claim_no_worse(
        "no_worse", "a reference", interval(lower, upper, 0.9), 0.05, 0.1, doubt_passes=True
    )
    assert claim.outcome is outcome
    is_open = lower <= 0.005 <= upper
    assert ("nothing serves yet" in claim.sentence) == is_open
    assert ("more blocks" in claim.sentence) == is_open


def test_the_power_is_what_simulated_comparisons_have() -> None:
    # 90 blocks, a true loss that is said to be detectable: four in five upper bounds of a
    # one-sided 95 % interval around no loss lie below it.
    found = interval(-0.02, 0.02, 0.9)
    claim = claim_no_worse("no_worse", "a reference", found, 0.05, 0.1)
    error = found.upper / 1.6449
    estimates = np.random.default_rng(0).normal(0.0, error, 200_000)
    shown = (estimates + 1.6449 * error < claim.numbers["detectable_skill"] * 0.1).mean()
    assert shown == pytest.approx(0.8, abs=0.01)
    # With so many more blocks the error is smaller by the root of their number.
    more = (90 + claim.numbers["more_blocks"]) / 90
    estimates = np.random.default_rng(1).normal(0.0, error / more**0.5, 200_000)
    assert (estimates + 1.6449 * error / more**0.5 < 0.005).mean() == pytest.approx(0.8, abs=0.01)


def made_served(shift: float = 0.0, noise: float = 0.0) -> tuple[Served, FloatArray]:
    generator = np.random.default_rng(0)
    truth = generator.uniform(0.05, 0.95, 3000)
    observed = (generator.random(3000) < truth).astype(np.float64)
    said = np.clip(truth + shift + generator.normal(0.0, noise, 3000), 0.0, 1.0)
    served = Served(truth[:2000], said[:2000], said, observed)
    return served, observed[:2000]


def test_served_weights_that_learned_as_the_judged_ones_did_are_sane() -> None:
    claim = claim_served_weights(*made_served(noise=0.02), margin=0.05)
    assert claim.outcome is Outcome.PASS
    assert claim.numbers["served"] == pytest.approx(claim.numbers["judged"], abs=0.002)


@pytest.mark.parametrize(
    ("shift", "noise"), [(0.08, 0.0), (-0.08, 0.0), (0.0, 0.4)], ids=["wet", "dry", "noisy"]
)
def test_served_weights_that_learned_something_else_fail(shift: float, noise: float) -> None:
    assert claim_served_weights(*made_served(shift, noise), margin=0.05).outcome is Outcome.FAIL


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.1, np.inf])
def test_served_weights_that_give_no_probabilities_fail(wrong: float) -> None:
    served, observed = made_served()
    served.served_N[-1] = wrong
    claim = claim_served_weights(served, observed, margin=0.05)
    assert claim.outcome is Outcome.FAIL
    assert "not in [0, 1]" in claim.sentence


def test_sentences_name_reference_numbers_and_margin() -> None:
    claim = claim_no_worse("no_worse", "the champion", interval(-0.01, 0.002, 0.9), 0.05, 0.1)
    assert claim.sentence == (
        "The candidate is no worse than the champion: its Brier score differs by -0.00400 "
        "(90% interval -0.01000 to +0.00200, 90 blocks), its skill by +0.040; at most 0.00500 "
        "(0.050 of skill) may be given away."
    )


def test_rows_are_counted_by_hand() -> None:
    rows = rows_of([1, 1, 0, 0, 1, 0], block=[7, 7, 7, 8, 9, 9])
    assert count_rows(rows) == {
        "rows": 6,
        "events": 3,
        "non_events": 3,
        "blocks": 3,
        "event_blocks": 2,
    }


LEAST = Criteria(minimum_events=4, minimum_non_events=4, minimum_blocks=4, minimum_event_blocks=3)


@pytest.mark.parametrize(
    ("observed", "block", "lacking"),
    [
        ([1, 1, 1, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 7], "3 rows with the event"),
        ([1, 1, 1, 1, 1, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 7], "3 rows without it"),
        ([1, 1, 1, 1, 0, 0, 0, 0], [0, 1, 2, 2, 1, 1, 1, 1], "3 blocks"),
        ([1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 2, 3, 4, 5], "2 blocks that hold an event"),
    ],
)
def test_too_few_rows_of_any_kind_are_inconclusive(
    observed: list[float], block: list[int], lacking: str
) -> None:
    claim = claim_enough_data(rows_of(observed, block=block), LEAST)
    assert claim.outcome is Outcome.INCONCLUSIVE
    assert lacking in claim.sentence


def test_rows_that_just_suffice_pass() -> None:
    claim = claim_enough_data(
        rows_of([1, 1, 1, 1, 0, 0, 0, 0], block=[0, 1, 2, 2, 3, 3, 3, 3]), LEAST
    )
    assert claim.outcome is Outcome.PASS
    assert claim.numbers["event_blocks"] == 3


def test_no_rows_are_inconclusive() -> None:
    assert claim_enough_data(rows_of([]), Criteria()).outcome is Outcome.INCONCLUSIVE


def test_invalid_probabilities_fail() -> None:
    assert claim_valid_probabilities(None).outcome is Outcome.PASS
    claim = claim_valid_probabilities("3 of 9 test probabilities are not in [0, 1]")
    assert claim.outcome is Outcome.FAIL
    assert "3 of 9" in claim.sentence


def test_fail_outweighs_inconclusive_outweighs_pass() -> None:
    passed = claim_valid_probabilities(None)
    failed = claim_valid_probabilities("NaN")
    undecided = claim_undecided("beats_base_rate", "the base rate", "the test rows are too few")
    assert overall((passed, passed)) is Outcome.PASS
    assert overall((passed, undecided)) is Outcome.INCONCLUSIVE
    assert overall((undecided, failed, passed)) is Outcome.FAIL
    assert overall(()) is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": 0.0},
        {"margin": 1.0},
        {"superiority_confidence": 95.0},
        {"non_inferiority_confidence": 0.4},
        {"minimum_events": 0},
        {"minimum_blocks": 1},
        {"resamples": 10},
    ],
)
def test_criteria_that_decide_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(VerificationError, match=next(iter(wrong))):
        Criteria(**wrong)  # pyright: ignore[reportArgumentType] (values are wrong on purpose)
