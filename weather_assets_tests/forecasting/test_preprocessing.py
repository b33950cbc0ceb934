"""Fitted encodings, against values worked out by hand."""

from math import asinh

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.contract.columns import Feature, Kind
from weather_assets.contract.statistics import FeatureStatistics, TrainingStatistics
from weather_assets.forecasting.preprocessing import (
    FeatureEncoding,
    Preprocessing,
    PreprocessingError,
    fit_encodings,
)
from weather_assets_tests.forecasting.example_rows import (
    CONTRACT,
    example_statistics,
    example_table,
)

NAN = float("nan")


def _encode(encoding: FeatureEncoding, *values: float) -> list[list[float]]:
    return Preprocessing([encoding])(torch.tensor(values, dtype=torch.float64)[:, None]).tolist()


def test_a_number_is_scored_and_squashed_and_its_gap_becomes_the_mean_and_a_flag() -> None:
    encoding = FeatureEncoding("t", Kind.NUMERIC, fill=10.0, scale=4.0, flag_missing=True)
    first, gap = _encode(encoding, 18.0, NAN)
    assert first == pytest.approx([asinh(2.0), 0.0])
    assert gap == [0.0, 1.0]


def test_pieces_fill_up_one_after_another_and_clamp_outside() -> None:
    encoding = FeatureEncoding(
        "t", Kind.NUMERIC, knots=(0.0, 1.0, 3.0), ranks=(-1.0, 0.0, 2.0), piecewise=True
    )
    pieces = [row[2:] for row in _encode(encoding, -5.0, 0.5, 2.0, 9.0)]
    assert pieces == [[0.0, 0.0], [0.5, 0.0], [1.0, 0.5], [1.0, 1.0]]


def test_a_rank_is_interpolated_between_knots_and_clamped_outside() -> None:
    encoding = FeatureEncoding(
        "t", Kind.NUMERIC, knots=(0.0, 1.0, 3.0), ranks=(-1.0, 0.0, 2.0), flag_missing=True
    )
    encoded = _encode(encoding, -5.0, 0.0, 0.5, 1.0, 2.0, 9.0)
    assert [row[1] for row in encoded] == pytest.approx([-1.0, -1.0, -0.5, 0.0, 1.0, 2.0])
    assert len(encoded[0]) == encoding.width == 3


def test_equal_quantiles_share_their_mean_rank() -> None:
    feature = Feature("r", Kind.NUMERIC, "mm", 0, 100)
    quantiles = (0.0,) * 17 + tuple(float(k) for k in range(1, 17))
    statistics = FeatureStatistics("r", 99, 0, 1.0, 1.0, 0.0, 16.0, quantiles)
    encoding = FeatureEncoding.fit(feature, statistics, piecewise=False)
    assert encoding.knots == tuple(float(k) for k in range(17))
    # Places 0 to 16 of 32 hold the same value: their mean, 8/32, on [-sqrt(3), sqrt(3)].
    assert encoding.ranks[0] == pytest.approx(-(3**0.5) / 2)
    assert encoding.ranks[-1] == pytest.approx(3**0.5)


def test_a_circle_closes_and_its_gap_is_at_the_centre() -> None:
    encoding = FeatureEncoding("d", Kind.CIRCULAR, period=360.0, flag_missing=True)
    north, east, again, gap = _encode(encoding, 0.0, 90.0, 360.0, NAN)
    assert north == pytest.approx([0.0, 1.0, 0.0])
    assert east == pytest.approx([1.0, 0.0, 0.0], abs=1e-12)
    assert again == pytest.approx(north, abs=1e-12)
    assert gap == [0.0, 0.0, 1.0]


def test_a_level_that_training_never_saw_has_no_effect() -> None:
    encoding = FeatureEncoding(
        "s", Kind.CATEGORY, categories=("a", "b"), known=(True, False, False)
    )
    assert _encode(encoding, 0.0, 1.0, NAN) == [[1.0, 0, 0], [0.0, 0, 0], [0.0, 0, 0]]


def test_only_gaps_seen_in_training_get_a_flag() -> None:
    feature = Feature("t", Kind.NUMERIC, "degC", -50, 50)
    whole, gappy = (
        FeatureEncoding.fit(feature, FeatureStatistics("t", 9, gaps, 1.0, 2.0), piecewise=False)
        for gaps in (0, 1)
    )
    assert (whole.width, gappy.width) == (1, 2)


def test_a_constant_feature_can_be_encoded() -> None:
    feature = Feature("t", Kind.NUMERIC, "degC", -50, 50)
    constant = FeatureStatistics("t", 9, 0, 5.0, 0.0, 5.0, 5.0, (5.0,) * 33)
    encoding = FeatureEncoding.fit(feature, constant, piecewise=True)
    assert _encode(encoding, 5.0, 6.0) == [[0.0], [pytest.approx(asinh(1.0))]]


def test_statistics_of_other_features_are_refused() -> None:
    statistics = example_statistics(example_table())
    wrong = TrainingStatistics(400, 100, statistics.features[::-1])
    with pytest.raises(PreprocessingError, match="humidity"):
        fit_encodings(CONTRACT, wrong, piecewise=True)


@settings(max_examples=50, deadline=None)
@given(
    st.one_of(st.just(NAN), st.sampled_from([0.0, 1.0, 2.0])),
    st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=3, max_size=3),
)
def test_every_row_is_encoded_finitely_in_the_announced_width(
    station: float, others: list[float]
) -> None:
    statistics = example_statistics(example_table())
    preprocessing = Preprocessing(fit_encodings(CONTRACT, statistics, piecewise=True))
    encoded = preprocessing(torch.tensor([[station, *others]], dtype=torch.float64))
    assert encoded.shape == (1, preprocessing.width)
    assert bool(torch.isfinite(encoded).all())
