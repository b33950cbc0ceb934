"""Pictures are PNGs of the promised width, and repeatable."""

import struct
import tracemalloc

import numpy as np
import pytest
import xarray as xr
from scores.probability import roc_curve_data

from weather_assets.verification.claims import Criteria
from weather_assets.verification.evaluation import evaluate_candidate
from weather_assets.verification.metrics import decompose_brier
from weather_assets.verification.plots import (
    draw_reliability,
    draw_roc,
    draw_verdict,
    roc_points,
)
from weather_assets.verification.samples import FloatArray
from weather_assets.verification.verdict import CANDIDATE, CHAMPION, Verdict
from weather_assets_tests.verification.made_rows import CHALLENGER, Weather


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.fixture(scope="module")
def weather() -> Weather:
    return Weather(days=60)


@pytest.fixture(scope="module")
def verdict(weather: Weather) -> Verdict:
    return evaluate_candidate(
        weather.samples,
        identity=CHALLENGER,
        event="rain in the next hour",
        candidate=weather.truth,
        baselines=weather.baselines,
        champion=weather.noisy(0.1, seed=1),
        criteria=Criteria(resamples=200),
    )


def shown(weather: Weather) -> dict[str, FloatArray]:
    forecasts = {CANDIDATE: weather.truth, CHAMPION: weather.noisy(0.1, seed=1)}
    return {name: each.test_N for name, each in {**forecasts, **weather.baselines}.items()}


def test_every_picture_is_a_png_700_pixels_wide(verdict: Verdict, weather: Weather) -> None:
    pictures = draw_verdict(verdict, shown(weather), weather.samples.test)
    assert set(pictures) == {"reliability", "roc", "score_comparison"}
    assert {size_of(png)[0] for png in pictures.values()} == {700}
    assert all(size_of(png)[1] > 300 for png in pictures.values())


def test_pictures_are_repeatable_and_follow_their_numbers(
    verdict: Verdict, weather: Weather
) -> None:
    first = draw_verdict(verdict, shown(weather), weather.samples.test)
    assert draw_verdict(verdict, shown(weather), weather.samples.test) == first
    observed = weather.samples.test.observed_N
    assert draw_reliability(weather.baselines["base_rate"].test_N, observed, "rain") != first
    assert first["roc"] != draw_roc({CANDIDATE: observed}, observed, "rain", {CANDIDATE: 1.0})


@pytest.mark.parametrize("seed", range(3))
def test_points_of_the_roc_are_those_of_scores(seed: int) -> None:
    random = np.random.default_rng(seed)
    probability = random.integers(0, 11, 300) / 10 if seed else random.random(300)
    observed = (random.random(300) < probability).astype(float)
    false, detected = roc_points(probability, observed)
    rows = (xr.DataArray(values, dims="row") for values in (probability, observed))
    expected = roc_curve_data(*rows, thresholds=np.unique(probability).tolist())
    curve = set(zip(expected["POFD"].values, expected["POD"].values, strict=True))
    assert set(zip(false.tolist(), detected.tolist(), strict=True)) <= curve
    assert (false[0], detected[0], false[-1], detected[-1]) == (1.0, 1.0, 0.0, 0.0)
    if seed:  # of few different probabilities, no point is left out
        assert len(set(zip(false.tolist(), detected.tolist(), strict=True))) == len(curve)


def test_the_roc_of_many_rows_takes_little_memory() -> None:
    random = np.random.default_rng(1)
    probability = random.random(300_000)
    observed = (random.random(300_000) < probability).astype(float)
    tracemalloc.start()
    try:
        roc_points(probability, observed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * probability.nbytes


@pytest.mark.parametrize("constant", [0.0, 0.3, 1.0])
def test_a_constant_forecast_can_be_drawn(constant: float) -> None:
    observed = np.array([0.0, 1.0, 0.0, 0.0])
    probability = np.full(4, constant)
    assert len(decompose_brier(probability, observed).forecast_U) == 1
    assert size_of(draw_reliability(probability, observed, "rain"))[0] == 700
    assert size_of(draw_roc({CANDIDATE: probability}, observed, "rain", {CANDIDATE: 0.5}))[0] == 700
