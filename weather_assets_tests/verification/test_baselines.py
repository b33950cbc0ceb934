"""Baselines by hand, and fitted ones against what is known of made-up rows."""

from dataclasses import replace

import numpy as np
import pytest

from weather_assets.verification.baselines import (
    BASE_RATE,
    CLIMATOLOGY,
    GRADIENT_BOOSTING,
    LOGISTIC_REGRESSION,
    PERSISTENCE,
    climatology_reference,
    fit_baselines,
    forecast_base_rate,
    forecast_climatology,
    forecast_persistence,
)
from weather_assets.verification.metrics import log_losses
from weather_assets.verification.samples import Forecast, Samples, VerificationError
from weather_assets_tests.verification.made_rows import FEATURES, learnable_rows, rows_of


@pytest.fixture(scope="module")
def learnable() -> Samples:
    return Samples(learnable_rows(900, 1), learnable_rows(300, 2), learnable_rows(600, 3))


@pytest.fixture(scope="module")
def fitted(learnable: Samples) -> dict[str, Forecast]:
    return fit_baselines(learnable, FEATURES)


def test_base_rate_is_the_training_frequency() -> None:
    samples = Samples(rows_of([1, 0, 0, 0]), rows_of([1]), rows_of([1, 1]))
    forecast = forecast_base_rate(samples)
    assert forecast.validation_N.tolist() == [0.25]
    assert forecast.test_N.tolist() == [0.25, 0.25]


def test_climatology_by_station_and_month_with_fallbacks() -> None:
    train = rows_of(
        [1, 0, 1, 1, 0, 0, 0, 0],
        station=[0, 0, 0, 0, 1, 1, 1, 1],
        month=[1, 1, 2, 2, 1, 1, 1, 1],
    )
    # January at 0; February at 0; July, unseen at 0: station mean; station 2, unseen: base rate.
    test = rows_of([0, 0, 0, 0], station=[0, 0, 0, 2], month=[1, 2, 7, 1])
    forecast = forecast_climatology(Samples(train, rows_of([]), test))
    assert forecast.test_N.tolist() == [0.5, 1.0, 0.75, 0.375]
    assert "station and calendar month" in climatology_reference(train)


def test_climatology_by_month_alone_and_by_nothing() -> None:
    train = rows_of([1, 0, 0, 0], month=[1, 1, 2, 2])
    test = rows_of([0, 0, 0], month=[1, 2, 3])
    assert forecast_climatology(Samples(train, test, test)).test_N.tolist() == [0.5, 0.0, 0.25]
    assert climatology_reference(train).startswith("event frequency of the training rows by cal")
    plain = rows_of([1, 0, 0, 0])
    assert forecast_climatology(Samples(plain, plain, plain)).test_N.tolist() == [0.25] * 4
    assert climatology_reference(plain) == "event frequency of all training rows"


def test_climatology_by_station_alone() -> None:
    train = rows_of([1, 1, 1, 0], station=[0, 0, 1, 1])
    assert forecast_climatology(Samples(train, train, train)).test_N.tolist() == [1, 1, 0.5, 0.5]
    assert climatology_reference(train) == "event frequency of the training rows by station"


def test_persistence_is_calibrated_on_the_training_rows() -> None:
    # Raining now: 2 of 3 went on; dry now: 1 of 4 began; unknown: base rate 4 of 8.
    train = rows_of([1, 1, 0, 1, 0, 0, 0, 1], persistence=[1, 1, 1, 0, 0, 0, 0, np.nan])
    test = rows_of([0, 0, 0], persistence=[1, 0, np.nan])
    forecast = forecast_persistence(Samples(train, test, test))
    assert forecast.test_N == pytest.approx([2 / 3, 1 / 4, 1 / 2])


def test_persistence_state_that_training_rows_lack_gets_the_base_rate() -> None:
    train = rows_of([1, 0, 0, 0], persistence=[0, 0, 0, 0])
    test = rows_of([0], persistence=[1])
    assert forecast_persistence(Samples(train, test, test)).test_N.tolist() == [0.25]


def test_every_defined_baseline_is_there(learnable: Samples, fitted: dict[str, Forecast]) -> None:
    assert list(fitted) == [BASE_RATE, CLIMATOLOGY, LOGISTIC_REGRESSION, GRADIENT_BOOSTING]
    state = np.zeros(len(learnable.train))
    with_state = replace(learnable, train=replace(learnable.train, persistence_N=state))
    assert PERSISTENCE in fit_baselines(with_state, FEATURES)


def test_fitted_baselines_learn_and_are_valid(
    learnable: Samples, fitted: dict[str, Forecast]
) -> None:
    loss = {
        name: log_losses(each.test_N, learnable.test.observed_N).mean()
        for name, each in fitted.items()
    }
    assert all(each.problem(learnable) is None for each in fitted.values())
    # The made-up rows follow a logistic law, so its own model must be the best.
    assert loss[LOGISTIC_REGRESSION] < loss[GRADIENT_BOOSTING] < 0.85 * loss[BASE_RATE]


def test_the_same_rows_give_the_same_probabilities_whatever_the_test_rows_say(
    learnable: Samples, fitted: dict[str, Forecast]
) -> None:
    wrong = replace(learnable.test, observed_N=1.0 - learnable.test.observed_N)
    again = fit_baselines(replace(learnable, test=wrong), FEATURES)
    for name, forecast in fitted.items():
        assert np.array_equal(forecast.test_N, again[name].test_N), name


def test_no_test_rows_give_no_probabilities(learnable: Samples) -> None:
    nothing = learnable.test.where(np.zeros(len(learnable.test), dtype=bool))
    forecasts = fit_baselines(replace(learnable, test=nothing), FEATURES)
    assert all(len(each.test_N) == 0 for each in forecasts.values())


def test_one_class_or_no_validation_rows_are_refused(learnable: Samples) -> None:
    dry = replace(learnable.train, observed_N=np.zeros(len(learnable.train)))
    with pytest.raises(VerificationError, match="found 0 events"):
        fit_baselines(replace(learnable, train=dry), FEATURES)
    nothing = learnable.validation.where(np.zeros(len(learnable.validation), dtype=bool))
    with pytest.raises(VerificationError, match="validation rows"):
        fit_baselines(replace(learnable, validation=nothing), FEATURES)
