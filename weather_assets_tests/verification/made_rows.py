"""Rows and forecasts for tests, made from seeded random numbers."""

import numpy as np

from weather_assets.contract.columns import Feature, Kind
from weather_assets.verification.baselines import BASE_RATE, CLIMATOLOGY, LOGISTIC_REGRESSION
from weather_assets.verification.samples import (
    BlockKind,
    FloatArray,
    Forecast,
    IntegerArray,
    Samples,
    WeatherRows,
)
from weather_assets.verification.verdict import Identity

FEATURES = (
    Feature("temperature", Kind.NUMERIC, "degC", -90.0, 60.0),
    Feature("wind_direction", Kind.CIRCULAR, "degree", 0.0, 360.0, 360.0),
    Feature("station", Kind.CATEGORY, "1", categories=("north", "south")),
)
FIRST = Identity(model_version="1", data_version="d", contract="made")
CHALLENGER = Identity(model_version="2", data_version="d", contract="made", champion_version="1")


def rows_of(
    observed: list[float] | FloatArray,
    *,
    block: list[int] | IntegerArray | None = None,
    features: FloatArray | None = None,
    station: list[int] | IntegerArray | None = None,
    month: list[int] | IntegerArray | None = None,
    persistence: list[float] | FloatArray | None = None,
) -> WeatherRows:
    """Returns rows; what is not given is absent, and every row is its own block."""
    count = len(observed)
    return WeatherRows(
        features_NF=np.zeros((count, 1)) if features is None else features,
        observed_N=np.asarray(observed, dtype=np.float64),
        block_N=np.asarray(np.arange(count) if block is None else block, dtype=np.int64),
        block_kind=BlockKind.ROW if block is None else BlockKind.UTC_DAY,
        station_N=np.asarray(np.full(count, -1) if station is None else station, dtype=np.int64),
        month_N=np.asarray(np.zeros(count) if month is None else month, dtype=np.int64),
        persistence_N=np.asarray(
            np.full(count, np.nan) if persistence is None else persistence, dtype=np.float64
        ),
    )


def learnable_rows(count: int, seed: int) -> WeatherRows:
    """Returns rows whose event depends on all three of `FEATURES`, with gaps in the first two."""
    generator = np.random.default_rng(seed)
    temperature = generator.normal(10.0, 8.0, count)
    direction = generator.uniform(0.0, 360.0, count)
    station = generator.integers(0, 2, count)
    score = -1.0 - 0.2 * (temperature - 10.0) + 2.0 * np.cos(np.radians(direction)) + station
    observed = (generator.random(count) < 1.0 / (1.0 + np.exp(-score))).astype(np.float64)
    features = np.column_stack([temperature, direction, station.astype(np.float64)])
    features[generator.random(count) < 0.1, 0] = np.nan
    features[generator.random(count) < 0.1, 1] = np.nan
    return rows_of(observed, features=features, station=station)


class Weather:
    """A made-up climate with a known probability of the event in every row.

    Attributes:
        samples: 300 days of 4 rows each per split; the train split is not used for fitting.
        truth: the perfect forecast.
        baselines: the three that a verdict needs; logistic regression is a weakened truth.
    """

    def __init__(self, days: int = 300, seed: int = 0, rate: float = 0.25) -> None:
        generator = np.random.default_rng(seed)
        splits: list[WeatherRows] = []
        truths: list[FloatArray] = []
        for _ in range(3):
            day = np.repeat(np.arange(days), 4)
            # Beta(0.5, b): most days are clear cases, as in weather; the mean is `rate`.
            daily = generator.beta(0.5, 0.5 * (1.0 - rate) / rate, days)
            probability = daily[day]
            observed = (generator.random(len(day)) < probability).astype(np.float64)
            splits.append(rows_of(observed, block=day))
            truths.append(probability)
        self.samples = Samples(*splits)
        self.truth = Forecast(truths[1], truths[2])
        flat = Forecast(np.full(days * 4, rate), np.full(days * 4, rate))
        self.baselines = {
            BASE_RATE: flat,
            CLIMATOLOGY: flat,
            LOGISTIC_REGRESSION: self.mixed(0.7, rate),
        }

    def mixed(self, weight: float, constant: float) -> Forecast:
        """Returns `weight` of the truth and the rest of a constant probability."""
        return Forecast(
            weight * self.truth.validation_N + (1.0 - weight) * constant,
            weight * self.truth.test_N + (1.0 - weight) * constant,
        )

    def noisy(self, deviation: float, seed: int) -> Forecast:
        """Returns the truth with normal errors, clipped to [0, 1]."""
        generator = np.random.default_rng(seed)
        validation_N, test_N = (
            np.clip(truth + generator.normal(0.0, deviation, len(truth)), 0.0, 1.0)
            for truth in (self.truth.validation_N, self.truth.test_N)
        )
        return Forecast(validation_N, test_N)
