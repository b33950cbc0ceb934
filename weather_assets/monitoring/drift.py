"""Which readings have moved, beside the same season of earlier years: to explain, not to decide.

Belongs here: distances of a recent window from earlier ones, and which of them are beyond the
season's own spread. Does not belong here: whether skill is lost (`live_skill`), or any picture.

Tests of single rows call every week of weather a drift, since rows of a week are alike. So a recent
window is compared with windows of the same length, from the same season of earlier years: each
of those has a distance from all the others, and the recent one is beyond them or not. Their log
distances are taken to be normal (they are sums over many rows), with Student's t for few of them.
Of all readings those are listed whose p-values survive Benjamini and Hochberg's control of false
discoveries.

Distances: of numbers Wasserstein's, in standard deviations of the season; of angles likewise of
sine and cosine, added up; of categories the total variation. The share that is missing is a reading
of its own: a sensor that falls silent moves nothing else.

Sources: Benjamini & Hochberg (1995), Controlling the False Discovery Rate, J. R. Stat. Soc. B 57;
Rabanser, Günnemann & Lipton (2019), Failing Loudly, NeurIPS 32 (why distances need a null).

Shape suffixes: N rows, F features.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control, t, wasserstein_distance

from weather_assets.contract.columns import Feature, Kind

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]
RECENT_DAYS = 28
FALSE_DISCOVERIES = 0.1
_YEAR_DAYS = 365.25
_OFFSETS = (-RECENT_DAYS, 0, RECENT_DAYS)
"""Days by which windows of earlier years may lie beside the recent one's."""
_LEAST_WINDOWS = 6
_SHARE_OF_ROWS = 0.5
_SMALLEST = 1e-6
"""Distances below it count as it: a reading that never changes has no logarithm."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading in the recent window.

    Attributes:
        name: of the column, or of a column's missing share.
        before: mean in the same season of the years before; of a category, its commonest name.
        now: likewise in the recent window.
        distance: of the recent window from that season.
        usual: distances of that season's windows from one another, ascending.
        p_value: of a distance like that, adjusted for the number of readings.
    """

    name: str
    before: str
    now: str
    distance: float
    usual: tuple[float, ...]
    p_value: float

    @property
    def has_moved(self) -> bool:
        """Whether it is beyond the season's own spread."""
        return self.p_value <= FALSE_DISCOVERIES


def compare_seasons(
    features_NF: _Floats, day_N: _Integers, features: Sequence[Feature]
) -> tuple[Reading, ...]:
    """Compares the newest days with the same season before.

    Args:
        features_NF: of all rows, raw units, NaN = missing; a category is its position.
        day_N: days since 1970 of the rows.
        features: what the columns are.

    Returns:
        Every reading, those that moved most first; none where the season was seen too seldom.
    """
    last = int(day_N.max())
    recent_N = day_N > last - RECENT_DAYS
    windows = list(_windows(day_N, last, int(recent_N.sum() * _SHARE_OF_ROWS)))
    if len(windows) < _LEAST_WINDOWS:
        return ()
    found: list[Reading] = []
    for position, feature in enumerate(features):
        values_N = features_NF[:, position]
        found += _readings(feature, values_N[recent_N], [values_N[each] for each in windows])
    p_values = false_discovery_control([each.p_value for each in found]) if found else []
    adjusted = [
        Reading(each.name, each.before, each.now, each.distance, each.usual, float(p_value))
        for each, p_value in zip(found, p_values, strict=True)
    ]
    return tuple(sorted(adjusted, key=lambda each: each.p_value))


def in_words(reading: Reading) -> str:
    """Returns what a reading does now, and did before."""
    return f"{reading.name}: {reading.now}, in this season before {reading.before}"


def _windows(day_N: _Integers, last: int, least_rows: int) -> Iterator[npt.NDArray[np.bool_]]:
    """Yields the rows of each window of the same season in the years before."""
    years = int((last - int(day_N.min())) / _YEAR_DAYS)
    for year in range(1, years + 1):
        for offset in _OFFSETS:
            end = last - round(year * _YEAR_DAYS) + offset
            rows_N = (day_N > end - RECENT_DAYS) & (day_N <= end)
            if rows_N.sum() > least_rows:
                yield rows_N


def _readings(feature: Feature, now: _Floats, before: Sequence[_Floats]) -> Iterator[Reading]:
    missing = [np.isnan(each).astype(np.float64) for each in (now, *before)]
    if any(each.any() for each in missing):
        name = f"missing values of {feature.name}"
        yield _reading(Feature(name, Kind.NUMERIC, "1"), missing[0], missing[1:])
    seen = [each[~np.isnan(each)] for each in (now, *before)]
    if all(len(each) for each in seen):
        yield _reading(feature, seen[0], seen[1:])


def _reading(feature: Feature, now: _Floats, before: Sequence[_Floats]) -> Reading:
    usual = [
        _distance(feature, each, np.concatenate([*before[:place], *before[place + 1 :]]))
        for place, each in enumerate(before)
    ]
    season = np.concatenate(before)
    distance = _distance(feature, now, season)
    logs = np.log(np.maximum(usual, _SMALLEST))
    spread = max(float(logs.std(ddof=1)), 0.1) * np.sqrt(1.0 + 1.0 / len(logs))
    beyond = (np.log(max(distance, _SMALLEST)) - logs.mean()) / spread
    return Reading(
        name=feature.name,
        before=_typical(feature, season),
        now=_typical(feature, now),
        distance=distance,
        usual=tuple(sorted(usual)),
        p_value=float(t.sf(beyond, len(logs) - 1)),
    )


def _distance(feature: Feature, some: _Floats, others: _Floats) -> float:
    if feature.kind is Kind.CATEGORY:
        counts = [np.bincount(each.astype(int), minlength=len(feature.categories)) / len(each)
                  for each in (some, others)]  # fmt: skip
        return float(np.abs(counts[0] - counts[1]).sum() / 2.0)
    return sum(
        float(wasserstein_distance(mine, theirs)) / max(float(theirs.std()), _SMALLEST)
        for mine, theirs in zip(_numbers(feature, some), _numbers(feature, others), strict=True)
    )


def _numbers(feature: Feature, values: _Floats) -> tuple[_Floats, ...]:
    if feature.period is None:
        return (values,)
    angles = 2.0 * np.pi * values / feature.period
    return np.sin(angles), np.cos(angles)


def _typical(feature: Feature, values: _Floats) -> str:
    """Returns the mean, of angles that of their direction, and of categories the commonest."""
    if feature.kind is Kind.CATEGORY:
        return feature.categories[int(np.bincount(values.astype(int)).argmax())]
    if feature.period is None:
        return f"{values.mean():.3g}"
    sine, cosine = (each.mean() for each in _numbers(feature, values))
    return f"{np.arctan2(sine, cosine) * feature.period / (2.0 * np.pi) % feature.period:.3g}"
