"""What is fitted on training rows: the numbers that Spark hands to the network.

Belongs here: the record and its byte-stable JSON form. Does not belong here: computing it
(`weather_assets.processing`), or using it (`weather_assets.forecasting`).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

QUANTILE_COUNT = 33
"""Quantiles are kept at k/32: enough knots for a piecewise-linear encoding of 32 pieces."""


@dataclass(frozen=True, slots=True)
class FeatureStatistics:
    """One feature over the training rows, in its raw unit.

    Attributes:
        name: the feature.
        count: training rows in which it was observed.
        missing: training rows in which it was not.
        mean: arithmetic mean; None where nothing was observed, and for categories.
        standard_deviation: population standard deviation; None as for `mean`.
        minimum: lowest observed value.
        maximum: highest observed value.
        quantiles: quantiles at k/32 for k = 0..32, linearly interpolated; empty as for `mean`.
        level_counts: for a category, training rows per level (every declared level is present).
    """

    name: str
    count: int
    missing: int
    mean: float | None = None
    standard_deviation: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    quantiles: tuple[float, ...] = ()
    level_counts: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class TrainingStatistics:
    """All that is fitted before training. Feature statistics see training rows alone.

    Attributes:
        training_rows: number of training rows.
        training_positive: training rows in which the event happened.
        features: one entry per contract feature, in the contract's order.
    """

    training_rows: int
    training_positive: int
    features: tuple[FeatureStatistics, ...]

    def to_json(self) -> str:
        """Returns canonical JSON: equal statistics give equal bytes."""
        return json.dumps(asdict(self), sort_keys=True, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Returns the statistics that `to_json` wrote."""
        fields = json.loads(text)
        features: list[FeatureStatistics] = []
        for feature in fields.pop("features"):
            quantiles = tuple(feature.pop("quantiles"))
            features.append(FeatureStatistics(**feature, quantiles=quantiles))
        return cls(**fields, features=tuple(features))
