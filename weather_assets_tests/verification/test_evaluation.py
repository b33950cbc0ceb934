"""Verdicts on made-up weather whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from weather_assets.verification.baselines import BASE_RATE, CLIMATOLOGY, LOGISTIC_REGRESSION
from weather_assets.verification.claims import Claim, Criteria, Outcome
from weather_assets.verification.evaluation import evaluate_candidate
from weather_assets.verification.samples import Forecast, Samples, Served, VerificationError
from weather_assets.verification.verdict import CANDIDATE, CHAMPION, Verdict
from weather_assets_tests.verification.made_rows import CHALLENGER, FIRST, Weather, rows_of

QUICK = Criteria(resamples=500)


def judged(
    weather: Weather,
    candidate: Forecast,
    champion: Forecast | None = None,
    criteria: Criteria = QUICK,
    samples: Samples | None = None,
) -> Verdict:
    return evaluate_candidate(
        weather.samples if samples is None else samples,
        identity=FIRST if champion is None else CHALLENGER,
        event="rain",
        candidate=candidate,
        baselines=weather.baselines,
        champion=champion,
        criteria=criteria,
    )


def claim_of(verdict: Verdict, name: str) -> Claim:
    return next(claim for claim in verdict.claims if claim.name == name)


@pytest.fixture(scope="module")
def weather() -> Weather:
    return Weather()


def test_a_good_first_candidate_passes(weather: Weather) -> None:
    verdict = judged(weather, weather.truth)
    assert verdict.outcome is Outcome.PASS
    assert [claim.name for claim in verdict.claims] == [
        "probabilities_are_valid",
        "enough_data",
        "beats_base_rate",
        "no_worse_than_logistic_regression",
    ]
    assert set(verdict.scores) == {CANDIDATE, BASE_RATE, CLIMATOLOGY, LOGISTIC_REGRESSION}
    assert verdict.rows["test"]["rows"] == 1200
    assert verdict.rows["test"]["blocks"] == 300


def test_scores_and_comparisons_agree(weather: Weather) -> None:
    verdict = judged(weather, weather.truth)
    for comparison in verdict.comparisons:
        reference = verdict.scores[comparison.reference]
        candidate = verdict.scores[CANDIDATE]
        assert comparison.brier_score.estimate == pytest.approx(
            candidate.brier_score - reference.brier_score
        )
        assert comparison.log_loss.estimate == pytest.approx(
            candidate.log_loss - reference.log_loss
        )
    for name, interval in verdict.skill_intervals.items():
        assert interval.estimate == pytest.approx(verdict.scores[name].brier_skill_score)


def test_a_candidate_that_is_the_base_rate_fails(weather: Weather) -> None:
    verdict = judged(weather, weather.baselines[BASE_RATE])
    assert claim_of(verdict, "beats_base_rate").outcome is Outcome.FAIL
    assert verdict.outcome is Outcome.FAIL


def test_a_candidate_far_behind_logistic_regression_fails(weather: Weather) -> None:
    verdict = judged(weather, weather.mixed(0.2, 0.25))
    assert claim_of(verdict, "beats_base_rate").outcome is Outcome.PASS
    assert claim_of(verdict, "no_worse_than_logistic_regression").outcome is Outcome.FAIL
    assert verdict.outcome is Outcome.FAIL


def test_a_clearly_worse_challenger_fails_although_it_beats_logistic_regression(
    weather: Weather,
) -> None:
    challenger = weather.mixed(0.75, 0.25)
    assert judged(weather, challenger).outcome is Outcome.PASS
    verdict = judged(weather, challenger, champion=weather.truth)
    assert claim_of(verdict, "no_worse_than_champion").outcome is Outcome.FAIL
    assert verdict.outcome is Outcome.FAIL
    assert "is worse than the champion" in verdict.reasons[0]


def test_the_champions_own_probabilities_pass(weather: Weather) -> None:
    verdict = judged(weather, weather.truth, champion=weather.truth)
    claim = claim_of(verdict, "no_worse_than_champion")
    assert claim.outcome is Outcome.PASS
    assert (claim.numbers["lower"], claim.numbers["upper"]) == (0.0, 0.0)
    assert verdict.outcome is Outcome.PASS


def test_a_champion_is_judged_on_rows_that_it_has_never_seen(weather: Weather) -> None:
    # It knows the first half by heart, and is worse than the challenger on the other one.
    seen_N = np.arange(1200) < 600
    observed_N = weather.samples.test.observed_N
    champion = weather.noisy(0.2, seed=5)
    champion = replace(champion, test_N=np.where(seen_N, observed_N, champion.test_N))
    assert judged(weather, weather.truth, champion).outcome is Outcome.FAIL
    verdict = judged(weather, weather.truth, replace(champion, seen_N=seen_N))
    claim = claim_of(verdict, "no_worse_than_champion")
    assert verdict.outcome is Outcome.PASS
    assert claim.numbers["blocks"] == 150
    assert "the 600 of 1200 test rows new to it" in claim.sentence


def test_too_few_rows_that_are_new_to_the_champion_decide_nothing(weather: Weather) -> None:
    champion = replace(weather.truth, seen_N=np.arange(1200) < 1150)
    verdict = judged(weather, weather.truth, champion)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the others trained it" in verdict.reasons[0]


def test_the_weights_to_be_served_are_part_of_the_verdict(weather: Weather) -> None:
    train = weather.samples.train.observed_N
    sane = np.full(1200, train.mean())
    everything = np.concatenate([train, train, train])
    for said, outcome in ((train.mean(), Outcome.PASS), (0.9, Outcome.FAIL)):
        verdict = evaluate_candidate(
            weather.samples,
            identity=FIRST,
            event="rain",
            candidate=weather.truth,
            baselines=weather.baselines,
            served=Served(sane, np.full(1200, said), np.full(3600, said), everything),
            criteria=QUICK,
        )
        assert claim_of(verdict, "served_weights_are_sane").outcome is outcome
        assert verdict.outcome is outcome


def test_a_better_challenger_passes(weather: Weather) -> None:
    verdict = judged(weather, weather.truth, champion=weather.mixed(0.7, 0.25))
    assert verdict.outcome is Outcome.PASS
    assert CHAMPION in verdict.scores


def test_equally_good_challengers_mostly_pass_and_worse_ones_never(weather: Weather) -> None:
    # 1,200 rows in 300 days resolve a skill of about 0.006 here, well inside the margin of 0.05.
    equal: list[Outcome] = []
    worse: list[Outcome] = []
    for seed in range(5):
        champion = weather.noisy(0.05, seed=2 * seed)
        equal.append(judged(weather, weather.noisy(0.05, 2 * seed + 1), champion).outcome)
        worse.append(judged(weather, weather.noisy(0.30, 2 * seed + 1), champion).outcome)
    assert equal.count(Outcome.PASS) >= 3
    assert Outcome.FAIL not in equal
    assert worse.count(Outcome.FAIL) == 5


def test_without_power_equal_challengers_are_mostly_held() -> None:
    # 40 days and noisy forecasts: the standard error of the skill difference is about 0.08, more
    # than the margin.
    outcomes: list[Outcome] = []
    for seed in range(6):
        few = Weather(days=40, seed=seed)
        verdict = judged(few, few.noisy(0.3, 2 * seed), champion=few.noisy(0.3, 2 * seed + 1))
        outcomes.append(claim_of(verdict, "no_worse_than_champion").outcome)
    assert outcomes.count(Outcome.INCONCLUSIVE) >= 4
    assert outcomes.count(Outcome.PASS) <= 2


@pytest.mark.parametrize("days", [0, 1, 2, 12])
def test_tiny_test_sets_decide_nothing(days: int) -> None:
    tiny = Weather(days=days, seed=1) if days else empty_test_weather()
    for champion in (None, tiny.truth):
        verdict = judged(tiny, tiny.truth, champion)
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert any("Too few test rows" in reason for reason in verdict.reasons)
        assert Verdict.from_json(verdict.to_json()) == verdict


def empty_test_weather() -> Weather:
    weather = Weather(days=40)
    weather.samples = replace(weather.samples, test=rows_of([]))
    nothing = np.empty(0)
    weather.truth = Forecast(weather.truth.validation_N, nothing)
    weather.baselines = {
        name: Forecast(forecast.validation_N, nothing)
        for name, forecast in weather.baselines.items()
    }
    return weather


@pytest.mark.parametrize("value", [np.nan, -0.01, 1.01, np.inf])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_an_invalid_candidate_fails_and_says_why(
    weather: Weather, value: float, split: str
) -> None:
    arrays = {"validation": weather.truth.validation_N.copy(), "test": weather.truth.test_N.copy()}
    arrays[split][17] = value
    verdict = judged(weather, Forecast(arrays["validation"], arrays["test"]))
    assert verdict.outcome is Outcome.FAIL
    assert f"1 of 1200 {split} probabilities" in verdict.reasons[0]
    assert CANDIDATE not in verdict.scores
    assert verdict.comparisons == ()


def test_probabilities_of_other_rows_fail(weather: Weather) -> None:
    verdict = judged(weather, Forecast(weather.truth.validation_N, weather.truth.test_N[:-1]))
    assert verdict.outcome is Outcome.FAIL
    assert "shape (1199,)" in verdict.reasons[0]


def test_an_invalid_champion_is_a_hold(weather: Weather) -> None:
    broken = Forecast(weather.truth.validation_N, np.full(1200, np.nan))
    verdict = judged(weather, weather.truth, champion=broken)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "the champion cannot be verified" in verdict.reasons[0]


def test_station_by_month_climatology_must_be_beaten(weather: Weather) -> None:
    places = np.tile([0, 1, 0, 1], 300)
    samples = Samples(
        *(
            replace(rows, station_N=places, month_N=rows.block_N % 12 + 1)
            for rows in (weather.samples.train, weather.samples.validation, weather.samples.test)
        )
    )
    verdict = judged(weather, weather.truth, samples=samples)
    assert claim_of(verdict, "beats_climatology").outcome is Outcome.PASS
    assert "station and calendar month" in verdict.references[CLIMATOLOGY]
    # A climatology that knows the truth cannot be beaten.
    weather_with_oracle = Weather()
    weather_with_oracle.baselines[CLIMATOLOGY] = weather.truth
    verdict = judged(weather_with_oracle, weather.truth, samples=samples)
    assert claim_of(verdict, "beats_climatology").outcome is Outcome.FAIL


def test_a_climatology_by_month_alone_must_not_do_better(weather: Weather) -> None:
    samples = Samples(
        *(
            replace(rows, month_N=rows.block_N % 12 + 1)
            for rows in (weather.samples.train, weather.samples.validation, weather.samples.test)
        )
    )
    assert judged(weather, weather.truth, samples=samples).outcome is Outcome.PASS
    oracle = Weather()
    oracle.baselines[CLIMATOLOGY] = weather.truth
    verdict = judged(oracle, weather.mixed(0.4, 0.25), samples=samples)
    assert claim_of(verdict, "no_worse_than_climatology").outcome is Outcome.FAIL


def test_champion_and_its_version_belong_together(weather: Weather) -> None:
    with pytest.raises(VerificationError, match="or neither"):
        evaluate_candidate(
            weather.samples,
            identity=CHALLENGER,
            event="rain",
            candidate=weather.truth,
            baselines=weather.baselines,
        )


def test_missing_and_invalid_baselines_are_refused(weather: Weather) -> None:
    broken = Weather()
    broken.baselines[LOGISTIC_REGRESSION] = Forecast(np.full(1200, np.nan), np.full(1200, 0.5))
    with pytest.raises(VerificationError, match="'logistic_regression' cannot be verified"):
        judged(broken, weather.truth)
    del broken.baselines[LOGISTIC_REGRESSION]
    with pytest.raises(VerificationError, match="logistic_regression"):
        judged(broken, weather.truth)


def test_the_same_inputs_give_the_same_verdict(weather: Weather) -> None:
    first = judged(weather, weather.truth, champion=weather.noisy(0.1, seed=3))
    again = judged(weather, weather.truth, champion=weather.noisy(0.1, seed=3))
    assert first.to_json() == again.to_json()
