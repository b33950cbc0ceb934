"""The paired comparison against `arch`'s bootstraps and the Diebold-Mariano test of `scores`."""

from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr
from arch.bootstrap import IIDBootstrap, StationaryBootstrap
from scores.stats.statistical_tests import diebold_mariano

from weather_assets.verification.baselines import BASE_RATE
from weather_assets.verification.claims import Criteria
from weather_assets.verification.contest import BRIER_SCORE, Contest
from weather_assets.verification.samples import FloatArray, Forecast, IntegerArray
from weather_assets.verification.significance import Interval, resample_sums
from weather_assets.verification.verdict import CANDIDATE
from weather_assets_tests.verification.made_rows import rows_of

LEVEL = 0.95
RATE = 0.3
ROWS_A_DAY = 6


@dataclass(frozen=True)
class Pair:
    """The probabilities of two forecasts, and what happened, in rows [N] of some days [K]."""

    observed_N: FloatArray
    candidate_N: FloatArray
    reference_N: FloatArray
    day_N: IntegerArray

    @property
    def differences(self) -> FloatArray:
        """[N] Brier loss of the candidate less the reference's."""
        return (self.candidate_N - self.observed_N) ** 2 - (self.reference_N - self.observed_N) ** 2

    def days(self) -> tuple[FloatArray, FloatArray]:
        """Returns the sum of the differences [K] and the number of rows [K] of each day."""
        sums_K = np.bincount(self.day_N, weights=self.differences)
        return sums_K.astype(np.float64), np.bincount(self.day_N).astype(np.float64)

    def interval(self, *, by_day: bool = True) -> Interval:
        """Returns what verdicts compare; without days, every row passes for independent."""
        forecasts = {
            name: Forecast(probability_N, probability_N)
            for name, probability_N in (
                (CANDIDATE, self.candidate_N),
                (BASE_RATE, self.reference_N),
            )
        }
        rows = rows_of(self.observed_N, block=self.day_N if by_day else None)
        return Contest.of(rows, forecasts, Criteria()).difference(BRIER_SCORE, BASE_RATE, LEVEL)


def pair(seed: int, days: int = 120, *, even: bool = True) -> Pair:
    """Returns the base rate and a forecast with some skill, in weather that lasts for a day.

    Args:
        seed: of the weather.
        days: how many.
        even: every day has as many rows; if not, one to twice as many.
    """
    generator = np.random.default_rng(seed)
    rows_K = np.full(days, ROWS_A_DAY)
    if not even:
        rows_K = generator.integers(1, 2 * ROWS_A_DAY, days)
    day_N = np.repeat(np.arange(days), rows_K)
    chance_N = generator.beta(RATE, 1.0 - RATE, days)[day_N]
    wet_N = (generator.random(days)[day_N] < chance_N) ^ (generator.random(len(day_N)) < 0.05)
    error_N = generator.normal(0.0, 0.2, days)[day_N]
    candidate_N = np.clip(chance_N + error_N, 0.0, 1.0)
    return Pair(wet_N.astype(np.float64), candidate_N, np.full(len(day_N), RATE), day_N)


def mean_of_rows(sums_K: FloatArray, rows_K: FloatArray) -> FloatArray:
    return np.array([sums_K.sum() / rows_K.sum()])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_days_are_resampled_as_arch_resamples_them(seed: int) -> None:
    made = pair(seed, even=False)
    elsewhere = IIDBootstrap(*made.days(), seed=seed)
    bounds = elsewhere.conf_int(mean_of_rows, 4000, method="percentile", size=LEVEL)[:, 0]
    error = elsewhere.apply(mean_of_rows, 4000).std()
    ours, by_row = made.interval(), made.interval(by_day=False)
    # 2,000 resamples place a bound to 3 % of its distance from the mean; with 120 days, expanded
    # percentiles are 1.5 % wider than plain ones.
    tolerance = 0.05 * (ours.upper - ours.lower)
    assert ours.standard_error == pytest.approx(error, rel=0.05)
    assert (ours.lower, ours.upper) == pytest.approx(tuple(bounds), abs=tolerance)
    # What the comparison would say of a bootstrap that takes rows for independent.
    assert by_row.standard_error < 0.7 * error
    assert by_row.upper < bounds[1] - tolerance


@pytest.mark.parametrize(("correlation", "wider"), [(0.0, 1.0), (0.2, 1.2)])
def test_what_runs_of_days_would_add(correlation: float, wider: float) -> None:
    generator = np.random.default_rng(4)
    day_K = generator.normal(0.0, 1.0, 3000)
    for index in range(1, len(day_K)):
        day_K[index] += correlation * day_K[index - 1]
    sums = resample_sums((("day", day_K),), np.arange(len(day_K)))
    runs = StationaryBootstrap(12, day_K, seed=4)
    error = runs.apply(np.sum, 1500).std()
    assert error / sums.totals_R["day"].std() == pytest.approx(wider, abs=0.07)


@pytest.mark.parametrize("days", [10, 20, 120])
def test_intervals_are_as_wide_as_those_of_diebold_and_mariano(days: int) -> None:
    pairs = [pair(seed, days) for seed in range(10, 30)]
    there = dm_bounds([made.days()[0] / ROWS_A_DAY for made in pairs], steps=1)
    assert relative_width([made.interval() for made in pairs], there) == pytest.approx(1, abs=0.04)
    # Plain percentiles would be 18 % too narrow with 10 days; single rows always are, by half.
    by_row = [made.interval(by_day=False) for made in pairs]
    assert relative_width(by_row, there) < 0.6


def test_rows_in_order_of_time_are_as_uncertain_as_diebold_and_mariano_say() -> None:
    # Their test knows no days: it sums the autocovariances of rows up to the length of one.
    pairs = [pair(seed, 400) for seed in range(40, 46)]
    there = dm_bounds([made.differences for made in pairs], steps=ROWS_A_DAY)
    assert relative_width([made.interval() for made in pairs], there) == pytest.approx(1, abs=0.08)


def test_decisions_are_those_of_diebold_and_mariano() -> None:
    # 60 days can just about show the skill: 57 % of the pairs are decided.
    pairs = [pair(seed, 60) for seed in range(100, 150)]
    there = dm_bounds([made.days()[0] / ROWS_A_DAY for made in pairs], steps=1)
    better = [upper < 0.0 for _, upper in there]
    assert 0.2 < np.mean(better) < 0.8
    assert agreement(better, [made.interval().upper < 0.0 for made in pairs]) > 0.9
    assert agreement(better, [made.interval(by_day=False).upper < 0.0 for made in pairs]) < 0.8


def dm_bounds(series: list[FloatArray], steps: int) -> list[tuple[float, float]]:
    """Returns the bounds of the mean of each series by Harvey, Leybourne and Newbold (1997)."""
    table = xr.DataArray(
        np.stack(series),
        dims=["pair", "time"],
        coords={"pair": np.arange(len(series)), "h": ("pair", np.full(len(series), steps))},
    )
    found = diebold_mariano(
        table, "pair", "h", method="HLN", statistic_distribution="t", confidence_level=LEVEL
    )
    return list(zip(found["ci_lower"].values, found["ci_upper"].values, strict=True))


def relative_width(ours: list[Interval], there: list[tuple[float, float]]) -> float:
    """Returns the mean over pairs of the width of our interval over the width of theirs."""
    both = zip(ours, there, strict=True)
    return float(np.mean([(here.upper - here.lower) / (high - low) for here, (low, high) in both]))


def agreement(first: list[bool], second: list[bool]) -> float:
    return float(np.mean(np.array(first) == np.array(second)))
