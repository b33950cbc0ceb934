"""What is fitted on the training rows: exact, and equal to the byte however Spark divides the work.

Belongs here: `TrainingStatistics` from prepared rows. Does not belong here: their use
(`weather_assets.forecasting`).

Floating-point sums depend on their order, and so on partitioning. Therefore values are rounded to
14 significant digits of their column's bounds and summed as whole numbers.
"""

import math
from collections.abc import Mapping
from fractions import Fraction

from pyspark.sql import DataFrame, Row
from pyspark.sql.functions import expr

from weather_assets.contract.schema import Contract, Feature, Kind
from weather_assets.contract.statistics import (
    QUANTILE_COUNT,
    FeatureStatistics,
    TrainingStatistics,
)
from weather_assets.processing import sql
from weather_assets.processing.splitting import TRAIN, hash_fraction

QUANTILE_SAMPLE_ROWS = 200_000
"""About how many training rows quantiles are computed from, at most. The standard error of the
median's rank is then 0.1 %, and Spark's exact percentiles still fit into one task."""

_SIGNIFICANT_DIGITS = 14
"""Squares have 28 digits, so that decimal(38) holds the sum of 10 billion of them."""


def fit(prepared: DataFrame, contract: Contract, expected_training_rows: int) -> TrainingStatistics:
    """Computes the statistics of the training rows; runs a Spark job.

    Args:
        prepared: rows with the contract's columns, its time features, `label_encoded`, `split` and
            `row_hash`.
        contract: says which columns are features.
        expected_training_rows: about how many training rows there are. Above
            `QUANTILE_SAMPLE_ROWS`, quantiles come from that many rows, chosen by their content.

    Returns:
        The statistics. Quantiles are linearly interpolated (type 7 of Hyndman and Fan, 1996, The
        American Statistician 50(4)); the standard deviation is that of the population.
    """
    features = contract.features
    share = min(1.0, QUANTILE_SAMPLE_ROWS / max(1, expected_training_rows))
    sampled = (
        "true"
        if share == 1.0
        else f"{hash_fraction('quantiles', 'row_hash')} < {sql.double(share)}"
    )
    training = prepared.where(f"split = {sql.text(TRAIN)}")
    # One row per value: one set of aggregates serves any number of features, where one set per
    # feature would make Spark compile code in proportion to them.
    entries = ", ".join(_entry(position, feature) for position, feature in enumerate(features))
    # A last entry per row counts rows and events.
    entries += f", {len(features)}, CAST(label_encoded AS STRING), NULL, NULL"
    long = training.selectExpr(
        f"{sampled} AS sampled",
        f"stack({len(features) + 1}, {entries}) AS (position, level, value, whole)",
    )
    ranks = ", ".join(sql.double(k / (QUANTILE_COUNT - 1)) for k in range(QUANTILE_COUNT))
    rows = (
        long.groupBy("position", "level")
        .agg(
            expr("count(1) AS rows"),
            expr("count(value) AS observed"),
            expr("min(value) AS lowest"),
            expr("max(value) AS highest"),
            expr("sum(whole) AS total"),
            expr("sum(whole * whole) AS squares"),
            expr(f"percentile(value, array({ranks})) FILTER (WHERE sampled) AS quantiles"),
        )
        .collect()
    )
    return _statistics(rows, features)


def decimal_places(feature: Feature) -> int:
    """Returns the number of decimal places that sums keep: 14 significant digits of the bounds."""
    largest = max(abs(feature.minimum or 0.0), abs(feature.maximum or 0.0))
    return _SIGNIFICANT_DIGITS - math.ceil(math.log10(largest))


def _entry(position: int, feature: Feature) -> str:
    name = sql.identifier(feature.name)
    if feature.kind is Kind.CATEGORY:
        return f"{position}, {name}, NULL, NULL"
    scaled = f"rint({name} * {sql.double(10.0 ** decimal_places(feature))})"
    return f"{position}, NULL, {name}, CAST(CAST({scaled} AS BIGINT) AS DECIMAL(18, 0))"


def _statistics(rows: list[Row], features: tuple[Feature, ...]) -> TrainingStatistics:
    found: dict[tuple[int, str | None], Row] = {(row.position, row.level): row for row in rows}
    events = {
        level: row.rows for (position, level), row in found.items() if position == len(features)
    }
    training_rows = sum(events.values())
    return TrainingStatistics(
        training_rows=training_rows,
        training_positive=events.get("1", 0),
        features=tuple(
            _of_category(
                feature, {level: row for (at, level), row in found.items() if at == position}
            )
            if feature.kind is Kind.CATEGORY
            else _of_number(feature, found.get((position, None)), training_rows)
            for position, feature in enumerate(features)
        ),
    )


def _of_category(feature: Feature, levels: Mapping[str | None, Row]) -> FeatureStatistics:
    counts = {level: levels[level].rows if level in levels else 0 for level in feature.categories}
    missing = levels[None].rows if None in levels else 0
    return FeatureStatistics(feature.name, sum(counts.values()), missing, level_counts=counts)


def _of_number(feature: Feature, row: Row | None, training_rows: int) -> FeatureStatistics:
    if row is None or row.observed == 0:
        return FeatureStatistics(feature.name, 0, training_rows)
    count: int = row.observed
    unit = Fraction(10) ** decimal_places(feature)
    mean = Fraction(int(row.total), count)
    variance = Fraction(int(row.squares), count) - mean * mean
    return FeatureStatistics(
        name=feature.name,
        count=count,
        missing=training_rows - count,
        mean=float(mean / unit),
        standard_deviation=math.sqrt(float(variance / (unit * unit))),
        minimum=row.lowest,
        maximum=row.highest,
        quantiles=tuple(row.quantiles or ()),
    )
