"""The gate in imagined years, in which the worth of every challenger is known."""

from dataclasses import replace

import numpy as np
import pytest

from weather_assets.verification.baselines import BASE_RATE, CLIMATOLOGY, LOGISTIC_REGRESSION
from weather_assets.verification.evaluation import evaluate_candidate
from weather_assets.verification.samples import Forecast, Samples
from weather_assets_tests.benchmarks.gate import IN_FRONTS, INDEPENDENT, MARGIN, TWICE
from weather_assets_tests.verification.made_rows import CHALLENGER, rows_of
from weather_assets_tests.verification.simulated_retrainings import (
    OWN,
    ROWS_OF_DAY,
    STEP_DAYS,
    History,
    World,
    deviation_of,
    has_lower_score,
    judge,
    look_again,
    passes,
    walk_downhill,
)

WORLD = World(days=120, front=0.6)


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.3])
def test_the_simulated_claim_is_the_one_that_a_candidate_gets(loss: float) -> None:
    generator = np.random.default_rng(5)
    history = History.simulated(generator, WORLD, 2, WORLD.days)
    everything = slice(0, WORLD.days)
    candidate_SDH, champion_SDH = (
        history.forecast(deviation * WORLD.errors(generator, history.shape), everything)
        for deviation in (deviation_of(loss), OWN)
    )
    claims = list(judge(history, everything, candidate_SDH, champion_SDH))
    for each, claim in enumerate(claims):
        day = np.repeat(np.arange(WORLD.days), ROWS_OF_DAY)
        rows = rows_of(history.observed_SDH[each].ravel(), block=day)
        flat = Forecast(np.full(len(rows), 0.25), np.full(len(rows), 0.25))
        candidate, champion = (
            Forecast(given[each].ravel(), given[each].ravel())
            for given in (candidate_SDH, champion_SDH)
        )
        verdict = evaluate_candidate(
            Samples(rows, rows, rows),
            identity=CHALLENGER,
            event="rain",
            candidate=candidate,
            baselines=dict.fromkeys((BASE_RATE, CLIMATOLOGY, LOGISTIC_REGRESSION), flat),
            champion=champion,
        )
        (found,) = (one for one in verdict.claims if one.name == claim.name)
        assert replace(found, numbers={}) == replace(claim, numbers={})
        assert found.numbers == pytest.approx(claim.numbers)


def test_a_challenger_is_worse_by_what_is_said_and_days_are_alike() -> None:
    generator = np.random.default_rng(6)
    history = History.simulated(generator, WORLD, 40, 2_000)
    everything = slice(0, 2_000)
    first, second = (
        (history.forecast(deviation * WORLD.errors(generator, history.shape), everything)
         - history.observed_SDH) ** 2
        for deviation in (OWN, deviation_of(0.05))
    )  # fmt: skip
    base = history.observed_SDH.mean()
    assert base == pytest.approx(0.25, abs=0.01)
    lost = (second - first).mean() / (base * (1.0 - base))
    assert lost == pytest.approx(0.05, abs=0.003)
    daily_SD = (second - first).sum(2) - (second - first).sum(2).mean()
    neighbours = (daily_SD[:, 1:] * daily_SD[:, :-1]).mean() / (daily_SD**2).mean()
    assert neighbours == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize(("front", "allowed"), [(0.0, INDEPENDENT), (0.6, IN_FRONTS)])
def test_challengers_that_are_worse_by_the_margin_are_promoted_as_seldom_as_stated(
    front: float, allowed: float
) -> None:
    found = look_again(World(120, front), MARGIN, histories=100)
    assert found.retrainings == 1_000
    assert found.gate <= allowed
    assert look_again(World(120, front), 2 * MARGIN, histories=100).gate <= TWICE


def test_looking_again_and_again_finds_more_that_pass() -> None:
    found = look_again(WORLD, 0.02, histories=40, looks=4)
    assert found.gate < found.gate_ever
    assert found.naive < found.naive_ever
    once = look_again(WORLD, 0.02, histories=40, looks=1)
    assert (once.gate, once.naive) == (once.gate_ever, once.naive_ever)


def test_most_equal_challengers_pass_because_no_more_is_claimed() -> None:
    found = look_again(replace(WORLD, days=365, front=0.0), 0.0, histories=40, looks=2)
    assert 0.6 < found.gate < 0.9
    assert 0.3 < found.naive < 0.7


def test_a_chain_goes_as_far_as_it_is_let() -> None:
    def never(history: History, _days: slice, *_forecasts: object) -> np.ndarray:
        return np.zeros(history.shape[0], np.bool_)

    def always(history: History, _days: slice, *_forecasts: object) -> np.ndarray:
        return np.ones(history.shape[0], np.bool_)

    short = World(days=60, front=0.0)
    lost = [
        walk_downhill(short, 0.02, rule, histories=10, steps=8)
        for rule in (never, has_lower_score, passes, always)
    ]
    assert lost[0] == 0.0
    assert lost[3] == pytest.approx(0.16)
    assert 0.0 < lost[1] < 0.16
    assert 0.0 < lost[2] < 0.16
    assert short.days > STEP_DAYS * 8
