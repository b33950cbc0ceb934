"""The simple forecasts that a network must be measured against.

Belongs here: baselines fitted on training rows (validation rows only choose between settings) that
answer with probabilities for the validation and test rows. Does not belong here: scores, verdicts,
or anything that is trained by gradient descent.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from weather_assets.contract.columns import Feature, Kind
from weather_assets.verification.design_matrix import DesignMatrix
from weather_assets.verification.samples import (
    FloatArray,
    Forecast,
    IntegerArray,
    Samples,
    VerificationError,
    WeatherRows,
)

BASE_RATE = "base_rate"
CLIMATOLOGY = "climatology"
PERSISTENCE = "persistence"
LOGISTIC_REGRESSION = "logistic_regression"
GRADIENT_BOOSTING = "gradient_boosting"

FITTING_THREADS = 1
"""OpenMP threads wait for one another by spinning, and the trees synchronise thousands of times a
second: on 2 cores that Spark was using as well, the NYC baselines took 35 to 80 s with two threads
and 4 s with one; on idle cores the second thread saves half a second."""

MAXIMUM_BOOSTING_CATEGORIES = 255
"""scikit-learn's histogram trees take no more levels than this in a categorical column."""


def fit_baselines(samples: Samples, features: tuple[Feature, ...]) -> dict[str, Forecast]:
    """Returns every baseline that is defined for these rows, by name, in a fixed order.

    `base_rate`, `climatology`, `persistence` (only where the table says whether the event is
    observed at issue time), `logistic_regression`, `gradient_boosting`. The same rows give the same
    probabilities.

    Args:
        samples: the three splits.
        features: what the columns of the feature matrices are.

    Raises:
        VerificationError: if the training rows lack one of the two classes, or there are no
            validation rows.
    """
    events = samples.train.observed_N.sum()
    if not 0 < events < len(samples.train):
        raise VerificationError(
            f"baselines need training rows with and without the event; found {int(events)} events "
            f"in {len(samples.train)} rows; add data to raw/ or move the split of the contract"
        )
    if not len(samples.validation):
        raise VerificationError(
            "baselines need validation rows to choose their settings; found none; add data to raw/ "
            "or raise the validation share of the contract's split"
        )
    forecasts = {
        BASE_RATE: forecast_base_rate(samples),
        CLIMATOLOGY: forecast_climatology(samples),
    }
    if np.isfinite(samples.train.persistence_N).any():
        forecasts[PERSISTENCE] = forecast_persistence(samples)
    with threadpool_limits(limits=FITTING_THREADS):
        forecasts[LOGISTIC_REGRESSION] = forecast_logistic_regression(samples, features)
        forecasts[GRADIENT_BOOSTING] = forecast_gradient_boosting(samples, features)
    return forecasts


def forecast_base_rate(samples: Samples) -> Forecast:
    """Returns the training rows' event frequency as the probability of every row."""
    rate = float(samples.train.observed_N.mean())
    return Forecast(np.full(len(samples.validation), rate), np.full(len(samples.test), rate))


def climatology_reference(rows: WeatherRows) -> str:
    """Returns in words what `forecast_climatology` conditions on for these rows."""
    has_station, has_month = bool((rows.station_N >= 0).any()), bool((rows.month_N > 0).any())
    if has_station and has_month:
        return (
            "event frequency of the training rows by station and calendar month; where a station's "
            "month is not in the training rows, by station"
        )
    if has_month:
        return (
            "event frequency of the training rows by calendar month; where a month is not in the "
            "training rows, of all training rows"
        )
    if has_station:
        return "event frequency of the training rows by station"
    return "event frequency of all training rows"


def forecast_climatology(samples: Samples) -> Forecast:
    """Returns the training rows' event frequency by station and calendar month (UTC).

    A station's month that the training rows do not hold falls back to the station's mean, and a
    station that they do not hold to the base rate. Without stations this is by month, without
    times by station, without either it is the base rate.

    Source: Hamill & Juras (2006), Measuring forecast skill: is it real skill or is it the varying
    climatology?, QJRMS 132 (a climatology that pools stations or seasons flatters a forecast).
    """
    train = samples.train
    base_rate = float(train.observed_N.mean())

    def answer(rows: WeatherRows) -> FloatArray:
        by_station_N = _frequency(
            train.station_N, train.observed_N, rows.station_N, np.full(len(rows), base_rate)
        )
        # 16 leaves room for the months 0 to 12 in one key per station and month.
        return _frequency(
            train.station_N * 16 + train.month_N,
            train.observed_N,
            rows.station_N * 16 + rows.month_N,
            by_station_N,
        )

    return Forecast(answer(samples.validation), answer(samples.test))


def forecast_persistence(samples: Samples) -> Forecast:
    """Returns how often the event followed, given whether it is observed at issue time.

    Persistence as a probability: P(event | event now) and P(event | no event now), both counted
    on the training rows (the "persistence probability forecast", calibrated, rather than a bare
    0 or 1 that no proper score would reward). Rows that do not know get the base rate.
    """
    train = samples.train
    base_rate = float(train.observed_N.mean())
    train_state_N = np.where(np.isnan(train.persistence_N), -1, train.persistence_N)

    def answer(rows: WeatherRows) -> FloatArray:
        state_N = np.where(np.isnan(rows.persistence_N), -1, rows.persistence_N).astype(np.int64)
        known_N = train_state_N >= 0
        return _frequency(
            train_state_N[known_N].astype(np.int64),
            train.observed_N[known_N],
            state_N,
            np.full(len(rows), base_rate),
        )

    return Forecast(answer(samples.validation), answer(samples.test))


def _frequency(
    train_key_N: IntegerArray,
    train_observed_N: FloatArray,
    key_N: IntegerArray,
    otherwise_N: FloatArray,
) -> FloatArray:
    """Returns the event frequency of the training rows with the same key, else `otherwise_N`."""
    if not len(train_key_N):
        return otherwise_N
    keys_K, position_N = np.unique(train_key_N, return_inverse=True)
    rate_K = np.bincount(position_N, weights=train_observed_N) / np.bincount(position_N)
    found_N = np.minimum(np.searchsorted(keys_K, key_N), len(keys_K) - 1)
    return np.where(keys_K[found_N] == key_N, rate_K[found_N], otherwise_N)


def forecast_logistic_regression(samples: Samples, features: tuple[Feature, ...]) -> Forecast:
    """Returns the probabilities of an L2-regularised logistic regression (C = 1).

    On the design matrix of `DesignMatrix`: imputed with missing flags, standardised, one-hot
    categories, sine and cosine of circular columns.
    """
    design = DesignMatrix.fit(samples.train.features_NF, features)
    # Standardised columns converge in some tens of iterations; 2,000 is a bound, not a setting.
    model: Any = LogisticRegression(C=1.0, max_iter=2000)
    model.fit(design.transform(samples.train.features_NF), samples.train.observed_N)

    return _answers(samples, lambda rows: model.predict_proba(design.transform(rows.features_NF)))


def boosting_settings() -> tuple[Any, ...]:
    """Returns the three unfitted settings of gradient boosting, from few to many leaves.

    All stop once the validation log loss has not improved for 20 rounds, so the leaf count decides
    how coarse the answer is, not the number of rounds. With 17,000 training rows the three take
    about 2 s on 2 idle cores.
    """
    return tuple(
        HistGradientBoostingClassifier(
            learning_rate=learning_rate,
            max_leaf_nodes=leaves,
            min_samples_leaf=20,
            l2_regularization=1.0,
            max_iter=400,
            early_stopping=True,  # pyright: ignore[reportArgumentType] (default is "auto")
            n_iter_no_change=20,
            random_state=0,
        )
        for learning_rate, leaves in ((0.1, 4), (0.05, 8), (0.05, 31))
    )


def forecast_gradient_boosting(samples: Samples, features: tuple[Feature, ...]) -> Forecast:
    """Returns the probabilities of histogram gradient-boosted trees.

    The best of three settings by validation log loss; missing values and categories are taken as
    they are, circular columns as numbers (a tree can cut a circle twice).

    Source: scikit-learn `HistGradientBoostingClassifier`, after Ke et al. (2017), LightGBM.
    """
    categorical = [
        feature.kind is Kind.CATEGORY and len(feature.categories) <= MAXIMUM_BOOSTING_CATEGORIES
        for feature in features
    ]
    fitted: list[tuple[float, Any]] = []
    for model in boosting_settings():
        model.set_params(categorical_features=categorical if any(categorical) else None)
        model.fit(
            samples.train.features_NF,
            samples.train.observed_N,
            X_val=samples.validation.features_NF,
            y_val=samples.validation.observed_N,
        )
        validation_N = model.predict_proba(samples.validation.features_NF)[:, 1]
        loss = log_loss(samples.validation.observed_N, validation_N, labels=[0.0, 1.0])
        fitted.append((float(loss), model))
    # The first of equally good settings, which has the fewest leaves.
    chosen = min(fitted, key=itemgetter(0))[1]

    return _answers(samples, lambda rows: chosen.predict_proba(rows.features_NF))


def _answers(samples: Samples, classes: Callable[[WeatherRows], Any]) -> Forecast:
    """Returns the probability of the event, which scikit-learn gives in its second column."""
    validation_N, test_N = (
        np.asarray(classes(part)[:, 1], np.float64) if len(part) else np.empty(0)
        for part in (samples.validation, samples.test)
    )
    return Forecast(validation_N, test_N)
