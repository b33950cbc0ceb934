"""Feature matrices as scikit-learn's linear models want them: no gaps, comparable scales.

Belongs here: imputation, missing flags, scaling, circular and category encoding, fitted on
training rows. Does not belong here: the network's own preprocessing, which ships inside its graph
(`forecasting`); the two are written apart so that a fault in one cannot hide in both.

Shape suffixes: N rows, F features, D columns of the design matrix.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from weather_assets.contract.columns import Feature, Kind
from weather_assets.verification.samples import BoolArray, FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class DesignMatrix:
    """A fitted map from a feature matrix [N, F] to a design matrix [N, D].

    Numeric columns: missing values become the training median, then zero mean and unit standard
    deviation. Circular columns: sine and cosine of the angle, both 0 where missing (the centre of
    the circle prefers no direction). Categories: one column each, all 0 where missing. Every
    column that has gaps in the training rows adds a flag, 1 where missing.

    Attributes:
        features: the F columns of the feature matrix.
        median_F: [F] training median; NaN where a column is not numeric.
        mean_F: [F] training mean after imputation.
        deviation_F: [F] training standard deviation after imputation; 1 for constant columns.
        flagged_F: [F] whether a missing flag is added.
    """

    features: tuple[Feature, ...]
    median_F: FloatArray
    mean_F: FloatArray
    deviation_F: FloatArray
    flagged_F: BoolArray

    @classmethod
    def fit(cls, features_NF: FloatArray, features: tuple[Feature, ...]) -> Self:
        """Returns the map fitted on training rows.

        Args:
            features_NF: [N, F] training rows in raw units, NaN = missing; N >= 1.
            features: what the F columns are.
        """
        count = len(features)
        median_F, mean_F, deviation_F = np.full(count, np.nan), np.zeros(count), np.ones(count)
        missing_NF = np.isnan(features_NF)
        for position, feature in enumerate(features):
            if feature.kind is not Kind.NUMERIC:
                continue
            present_N = features_NF[~missing_NF[:, position], position]
            # A column that training rows never hold carries no signal: any constant will do.
            median_F[position] = np.median(present_N) if len(present_N) else 0.0
            filled_N = np.where(
                missing_NF[:, position], median_F[position], features_NF[:, position]
            )
            mean_F[position] = filled_N.mean()
            deviation_F[position] = filled_N.std() or 1.0
        flagged_F = np.asarray(missing_NF.any(axis=0), dtype=np.bool_)
        return cls(features, median_F, mean_F, deviation_F, flagged_F)

    def transform(self, features_NF: FloatArray) -> FloatArray:
        """Returns the design matrix [N, D] of `features_NF` [N, F]; it holds no NaN."""
        columns: list[FloatArray] = []
        for position, feature in enumerate(self.features):
            values_N = features_NF[:, position]
            missing_N = np.isnan(values_N)
            columns.extend(self._encode(position, feature, values_N))
            if self.flagged_F[position]:
                columns.append(missing_N.astype(np.float64))
        return np.column_stack(columns)

    def _encode(self, position: int, feature: Feature, values_N: FloatArray) -> list[FloatArray]:
        missing_N = np.isnan(values_N)
        if feature.kind is Kind.CATEGORY:
            return [
                (values_N == code).astype(np.float64) for code in range(len(feature.categories))
            ]
        if feature.period is not None:
            angle_N = np.where(missing_N, 0.0, values_N) * (2.0 * np.pi / feature.period)
            return [
                np.where(missing_N, 0.0, np.sin(angle_N)),
                np.where(missing_N, 0.0, np.cos(angle_N)),
            ]
        filled_N = np.where(missing_N, self.median_F[position], values_N)
        return [(filled_N - self.mean_F[position]) / self.deviation_F[position]]
