"""Scores of one probability forecast of a yes/no event, from `scores` wherever it has them.

Belongs here: what a forecast is worth on given rows, as numbers, and the threshold that turns
probabilities into warnings. Does not belong here: comparisons of forecasts (`significance`),
what is good enough (`claims`), pictures (`plots`).

`scores` (Leeuwenburg et al. 2024, JOSS 9(99), 6889) is the forecast verification library of the
Australian Bureau of Meteorology. It has no log loss, and scikit-learn's is none of single rows.

Shape suffixes: N rows, T thresholds.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scores.categorical import BasicContingencyManager
from scores.probability import brier_score, isotonic_fit, roc_auc

from weather_assets.verification.samples import FloatArray

PROBABILITY_FLOOR = 1e-6
"""Log loss takes probabilities within [1e-6, 1 - 1e-6]: single precision saturates at 0 and 1, and
one certain miss should cost 13.8 nats, not infinitely many."""

THRESHOLDS = tuple(step / 100 for step in range(1, 100))
"""Probabilities that may become the warning threshold: whole percents, as people state them."""

DEFAULT_THRESHOLD = 0.5
"""The threshold where the validation rows hold no event, or nothing else, and so choose none."""


@dataclass(frozen=True, slots=True)
class ForecastScores:
    """What a forecast is worth on N test rows; None where the rows leave a score undefined.

    All are dimensionless; log loss is in nats per row.

    Attributes:
        brier_score: mean squared error of the probability, 0 is perfect (Brier 1950).
        brier_skill_score: 1 - Brier score / Brier score of the training base rate.
        brier_skill_score_climatology: the same against the climatology baseline.
        log_loss: mean -log of the probability given to what happened, see `PROBABILITY_FLOOR`.
        roc_auc: probability that a random event got more than a random non-event; ties count half.
        miscalibration: CORP: what recalibration would take off the Brier score, 0 is reliable.
        discrimination: CORP: what the recalibrated forecast takes off `uncertainty`.
        uncertainty: CORP: Brier score of the test rows' own event frequency.
        threshold: the event is warned of at this probability and above; chosen on validation rows.
        hits: test rows with a warning and the event.
        misses: test rows with the event and no warning.
        false_alarms: test rows with a warning and no event.
        correct_negatives: test rows with neither.
        critical_success_index: CSI, hits / (hits + misses + false alarms).
        probability_of_detection: POD, hits / events.
        false_alarm_ratio: FAR, false alarms / warnings.
        heidke_skill_score: HSS, share correct beyond that of random warnings.
        equitable_threat_score: ETS (Gilbert), CSI beyond that of random warnings.
        frequency_bias: warnings / events; above 1 the event is warned of too often.
    """

    brier_score: float
    brier_skill_score: float | None
    brier_skill_score_climatology: float | None
    log_loss: float
    roc_auc: float | None
    miscalibration: float
    discrimination: float
    uncertainty: float
    threshold: float
    hits: int
    misses: int
    false_alarms: int
    correct_negatives: int
    critical_success_index: float | None
    probability_of_detection: float | None
    false_alarm_ratio: float | None
    heidke_skill_score: float | None
    equitable_threat_score: float | None
    frequency_bias: float | None


def score_forecast(
    probability_N: FloatArray,
    observed_N: FloatArray,
    *,
    threshold: float,
    base_rate_N: FloatArray,
    climatology_N: FloatArray,
) -> ForecastScores:
    """Returns every score of one forecast.

    Args:
        probability_N: [N] probability of the event, in [0, 1], N >= 1.
        observed_N: [N] 1.0 where it happened, else 0.0.
        threshold: warning threshold in (0, 1], see `choose_threshold`.
        base_rate_N: [N] probability that the training base rate gives each row.
        climatology_N: [N] probability that the climatology baseline gives each row.
    """
    brier = float(squared_errors(probability_N, observed_N).mean())
    calibration = decompose_brier(probability_N, observed_N)
    return ForecastScores(
        brier_score=brier,
        brier_skill_score=_skill(brier, squared_errors(base_rate_N, observed_N)),
        brier_skill_score_climatology=_skill(brier, squared_errors(climatology_N, observed_N)),
        log_loss=float(log_losses(probability_N, observed_N).mean()),
        roc_auc=_defined(roc_auc(_rows(probability_N), _rows(observed_N))),
        miscalibration=calibration.miscalibration,
        discrimination=calibration.discrimination,
        uncertainty=calibration.uncertainty,
        threshold=threshold,
        **_contingency(probability_N, observed_N, threshold),
    )


def squared_errors(probability_N: FloatArray, observed_N: FloatArray) -> FloatArray:
    """Returns each row's Brier score [N], whose mean is the Brier score."""
    per_row: Any = brier_score(_rows(probability_N), _rows(observed_N), preserve_dims="all")
    return np.asarray(per_row.to_numpy(), dtype=np.float64)


def log_losses(probability_N: FloatArray, observed_N: FloatArray) -> FloatArray:
    """Returns each row's log loss [N] in nats, clipped as `PROBABILITY_FLOOR` says."""
    clipped_N = np.clip(probability_N, PROBABILITY_FLOOR, 1.0 - PROBABILITY_FLOOR)
    return -np.log(np.where(observed_N > 0.0, clipped_N, 1.0 - clipped_N))


@dataclass(frozen=True, eq=False, slots=True)
class Calibration:
    """The CORP reliability of one forecast: Brier = miscalibration - discrimination + uncertainty.

    Source: Dimitriadis, Gneiting & Jordan (2021), Stable reliability diagrams for probabilistic
    classifiers, PNAS 118(8), e2016191118.

    Attributes:
        forecast_U: [U] distinct forecast probabilities, ascending.
        observed_U: [U] event frequency that isotonic regression (PAV) gives each of them.
        miscalibration: Brier score less that of the recalibrated forecast.
        discrimination: uncertainty less the Brier score of the recalibrated forecast.
        uncertainty: Brier score of the rows' own event frequency.
    """

    forecast_U: FloatArray
    observed_U: FloatArray
    miscalibration: float
    discrimination: float
    uncertainty: float


def decompose_brier(probability_N: FloatArray, observed_N: FloatArray) -> Calibration:
    """Returns the CORP decomposition and reliability curve of a forecast.

    Args:
        probability_N: [N] probability of the event, in [0, 1], N >= 1.
        observed_N: [N] 1.0 where it happened, else 0.0.
    """
    fit: Any = isotonic_fit(probability_N, observed_N)
    forecast_U = np.asarray(fit["fcst_sorted"], dtype=np.float64)
    observed_U = np.asarray(fit["regression_values"], dtype=np.float64)
    # A mean of zeros and ones, so outside [0, 1] only by rounding.
    recalibrated_N = np.clip(observed_U[np.searchsorted(forecast_U, probability_N)], 0.0, 1.0)
    brier = float(squared_errors(probability_N, observed_N).mean())
    recalibrated = float(squared_errors(recalibrated_N, observed_N).mean())
    frequency_N = np.full_like(observed_N, observed_N.mean())
    uncertainty = float(squared_errors(frequency_N, observed_N).mean())
    return Calibration(
        forecast_U=forecast_U,
        observed_U=observed_U,
        miscalibration=brier - recalibrated,
        discrimination=uncertainty - recalibrated,
        uncertainty=uncertainty,
    )


def choose_threshold(probability_N: FloatArray, observed_N: FloatArray) -> float:
    """Returns the probability at which to warn: the one of `THRESHOLDS` with the highest ETS.

    To be called with validation rows. The equitable threat score is maximised rather than CSI,
    because CSI rewards warning always where the event is frequent. Of equally good thresholds the
    middle one is taken, which is the farthest from where the score would drop.

    Args:
        probability_N: [N] probability of the event, in [0, 1].
        observed_N: [N] 1.0 where it happened, else 0.0.
    """
    if not 0 < observed_N.sum() < len(observed_N):
        return DEFAULT_THRESHOLD
    tables = tables_by_threshold(probability_N, observed_N, np.array(THRESHOLDS))
    score: Any = tables.equitable_threat_score()
    score_T = np.asarray(score.to_numpy(), dtype=np.float64)
    best = np.flatnonzero(score_T >= np.nanmax(score_T) - 1e-12)
    return THRESHOLDS[int(best[(len(best) - 1) // 2])]


def tables_by_threshold(
    probability_N: FloatArray, observed_N: FloatArray, threshold_T: FloatArray
) -> BasicContingencyManager:
    """Returns the contingency tables at many thresholds, counted in one pass over the rows.

    `scores` discretises every row at every threshold, which for a million rows and hundreds of
    thresholds takes 16 GB.

    Args:
        probability_N: [N] probability of the event, in [0, 1].
        observed_N: [N] 1.0 where it happened, else 0.0.
        threshold_T: [T] increasing; a warning is given at each and above.
    """
    steps = len(threshold_T)
    reached_N = np.searchsorted(threshold_T, probability_N, side="right")

    def warnings(rows_N: FloatArray) -> FloatArray:
        count = np.bincount(reached_N, weights=rows_N, minlength=steps + 1)
        return np.cumsum(count[::-1], dtype=np.float64)[::-1][1:]

    hits_T, false_alarms_T = warnings(observed_N), warnings(1.0 - observed_N)
    events, rows = float(observed_N.sum()), float(len(observed_N))
    counts_T = {
        "tp_count": hits_T,
        "fp_count": false_alarms_T,
        "fn_count": events - hits_T,
        "tn_count": rows - events - false_alarms_T,
        "total_count": np.full(steps, rows),
    }
    return BasicContingencyManager(
        {name: xr.DataArray(count_T, dims="threshold") for name, count_T in counts_T.items()}
    )


def _contingency(
    probability_N: FloatArray, observed_N: FloatArray, threshold: float
) -> dict[str, Any]:
    table: Any = tables_by_threshold(probability_N, observed_N, np.array([threshold]))
    counts = {name: int(value.item()) for name, value in table.get_counts().items()}
    return {
        "hits": counts["tp_count"],
        "misses": counts["fn_count"],
        "false_alarms": counts["fp_count"],
        "correct_negatives": counts["tn_count"],
        "critical_success_index": _defined(table.critical_success_index()),
        "probability_of_detection": _defined(table.probability_of_detection()),
        "false_alarm_ratio": _defined(table.false_alarm_ratio()),
        "heidke_skill_score": _defined(table.heidke_skill_score()),
        "equitable_threat_score": _defined(table.equitable_threat_score()),
        "frequency_bias": _defined(table.frequency_bias()),
    }


def _rows(values_N: FloatArray) -> xr.DataArray:
    return xr.DataArray(values_N, dims="row")


def _defined(score: Any) -> float | None:
    value = float(score.item())
    return value if math.isfinite(value) else None


def _skill(brier: float, reference_N: FloatArray) -> float | None:
    reference = float(reference_N.mean())
    return 1.0 - brier / reference if reference > 0.0 else None
