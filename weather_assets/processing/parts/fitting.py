"""What is fitted on the training rows: exact, and equal to the byte however the rows are divided.

Belongs here: `TrainingStatistics` from prepared rows. Does not belong here: their use
(`weather_assets.forecasting`).

Floating-point sums depend on their order, and so on partitioning. Therefore values are rounded to
14 significant digits of their column's bounds and summed as whole numbers. Sums of parts add up;
quantiles do not, and come from the values themselves, or from a sample that the rows' content
chooses.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weather_assets.contract.columns import Feature, Kind
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import QUANTILE_COUNT, FeatureStatistics, TrainingStatistics
from weather_assets.processing.comparing.splitting import hash_fractions

QUANTILE_SAMPLE_ROWS = 200_000
"""About how many training rows quantiles are computed from, at most. The standard error of the
median's rank is then 0.1 %."""

_SIGNIFICANT_DIGITS = 14
_LOW_BITS = 24
_ROWS_AT_ONCE = 1 << 14
"""Of 14 digits (47 bits) the products of the upper 23 and the lower 24 bits have at most 48: the
sum of so many of them fits into 63."""


@dataclass(frozen=True, slots=True)
class FeatureSums:
    """One feature over some training rows; sums of parts add up to those of the whole.

    Attributes:
        count: rows in which it was observed.
        total: sum of the values in units of the last digit that is kept (`decimal_places`).
        squares: likewise, of their squares.
        minimum: lowest value; None where none was observed, and for categories.
        maximum: highest value.
        levels: for a category, rows per level that occurs.
    """

    count: int = 0
    total: int = 0
    squares: int = 0
    minimum: float | None = None
    maximum: float | None = None
    levels: Mapping[str, int] = field(default_factory=dict[str, int])

    def __add__(self, other: Self) -> "FeatureSums":
        """Returns the sums over the rows of both."""
        lows = [low for low in (self.minimum, other.minimum) if low is not None]
        highs = [high for high in (self.maximum, other.maximum) if high is not None]
        return FeatureSums(
            count=self.count + other.count,
            total=self.total + other.total,
            squares=self.squares + other.squares,
            minimum=min(lows, default=None),
            maximum=max(highs, default=None),
            levels={
                level: self.levels.get(level, 0) + other.levels.get(level, 0)
                for level in {**self.levels, **other.levels}
            },
        )


def sums_of(training: pa.Table, contract: Contract) -> tuple[FeatureSums, ...]:
    """Returns the sums of each of the contract's features over training rows.

    Args:
        training: has a column for each feature.
        contract: names them.
    """
    return tuple(
        _category_sums(training[feature.name])
        if feature.kind is Kind.CATEGORY
        else _number_sums(training[feature.name], feature)
        for feature in contract.features
    )


def sampled_rows(training: pa.Table, contract: Contract, share: float) -> pa.Table:
    """Returns `row_hash` and the numeric features of a share of training rows.

    Args:
        training: has those columns.
        contract: names the features.
        share: in (0, 1]; the rows of a smaller share are among those of a larger one.
    """
    columns = training.select(["row_hash", *_numeric_features(contract)])
    if share >= 1.0:
        return columns
    fractions = hash_fractions("quantiles", columns["row_hash"].to_numpy())
    return columns.filter(pa.array(fractions < share))


def sample_share(training_rows: int) -> float:
    """Returns which share of the training rows quantiles are computed from."""
    return min(1.0, QUANTILE_SAMPLE_ROWS / max(1, training_rows))


def fit(
    sums: Sequence[FeatureSums],
    samples: Iterable[pa.Table],
    contract: Contract,
    training_rows: int,
    training_positive: int,
) -> TrainingStatistics:
    """Computes the statistics of the training rows.

    Args:
        sums: of each feature over all training rows.
        samples: what `sampled_rows` returned for a share of at least `sample_share`, in parts.
        contract: says which columns are features.
        training_rows: how many there are.
        training_positive: those with the event.

    Returns:
        The statistics. Quantiles are linearly interpolated (type 7 of Hyndman and Fan, 1996, The
        American Statistician 50(4)); the standard deviation is that of the population.
    """
    share = sample_share(training_rows)
    parts = [sampled_rows(sample, contract, share) for sample in samples]
    features: list[FeatureStatistics] = []
    for feature, found in zip(contract.features, sums, strict=True):
        if feature.kind is Kind.CATEGORY:
            levels = {level: found.levels.get(level, 0) for level in feature.categories}
            missing = training_rows - found.count
            features.append(
                FeatureStatistics(feature.name, found.count, missing, level_counts=levels)
            )
        else:
            values = [part[feature.name].drop_null().to_numpy() for part in parts]
            features.append(_of_number(feature, found, values, training_rows))
    return TrainingStatistics(training_rows, training_positive, tuple(features))


def decimal_places(feature: Feature) -> int:
    """Returns the number of decimal places that sums keep: 14 significant digits of the bounds."""
    largest = max(abs(feature.minimum or 0.0), abs(feature.maximum or 0.0))
    return _SIGNIFICANT_DIGITS - math.ceil(math.log10(largest))


def _numeric_features(contract: Contract) -> list[str]:
    return [feature.name for feature in contract.features if feature.kind is not Kind.CATEGORY]


def _category_sums(column: pa.ChunkedArray) -> FeatureSums:
    counted = column.drop_null().value_counts().to_pylist()
    levels = {entry["values"]: entry["counts"] for entry in counted}
    return FeatureSums(count=sum(levels.values()), levels=dict(sorted(levels.items())))


def _number_sums(column: pa.ChunkedArray, feature: Feature) -> FeatureSums:
    values = column.drop_null().to_numpy()
    if not len(values):
        return FeatureSums()
    whole = np.rint(values * 10.0 ** decimal_places(feature)).astype(np.int64)
    total = squares = 0
    for first in range(0, len(whole), _ROWS_AT_ONCE):
        some = whole[first : first + _ROWS_AT_ONCE]
        high, low = some >> _LOW_BITS, some & ((1 << _LOW_BITS) - 1)
        total += (int(high.sum()) << _LOW_BITS) + int(low.sum())
        squares += int((high * high).sum()) << (2 * _LOW_BITS)
        squares += int((high * low).sum()) << (_LOW_BITS + 1)
        squares += int((low * low).sum())
    return FeatureSums(len(values), total, squares, float(values.min()), float(values.max()))


def _of_number(
    feature: Feature,
    found: FeatureSums,
    values: Sequence[npt.NDArray[np.float64]],
    training_rows: int,
) -> FeatureStatistics:
    if found.count == 0:
        return FeatureStatistics(feature.name, 0, training_rows)
    unit = Fraction(10) ** decimal_places(feature)
    mean = Fraction(found.total, found.count)
    variance = Fraction(found.squares, found.count) - mean * mean
    return FeatureStatistics(
        name=feature.name,
        count=found.count,
        missing=training_rows - found.count,
        mean=float(mean / unit),
        standard_deviation=math.sqrt(float(variance / (unit * unit))),
        minimum=found.minimum,
        maximum=found.maximum,
        quantiles=_quantiles(np.sort(np.concatenate(values))),
    )


def _quantiles(ordered: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Returns the quantiles of sorted values; none where there are no values."""
    if not len(ordered):
        return ()
    at = np.arange(QUANTILE_COUNT) / (QUANTILE_COUNT - 1) * (len(ordered) - 1)
    below, above = np.floor(at).astype(np.int64), np.ceil(at).astype(np.int64)
    between = ordered[below] + (at - below) * (ordered[above] - ordered[below])
    return tuple(between.tolist())
