"""All forecasts of one verdict on the same resampled test rows.

Belongs here: which losses are resampled together, and reading differences and skill off them. Does
not belong here: the bootstrap itself (`significance`), what a difference means (`claims`).

Shape suffixes: N rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from weather_assets.verification.baselines import BASE_RATE
from weather_assets.verification.claims import Criteria
from weather_assets.verification.metrics import log_losses, squared_errors
from weather_assets.verification.samples import FloatArray, Forecast, WeatherRows
from weather_assets.verification.significance import Interval, ResampledSums, resample_sums
from weather_assets.verification.verdict import CANDIDATE, Comparison

BRIER_SCORE = "brier_score"
LOG_LOSS = "log_loss"
ROWS = "rows"


@dataclass(frozen=True, eq=False, slots=True)
class Contest:
    """Every valid forecast's losses on the same resampled test rows.

    Attributes:
        forecasts: names of the forecasts; with the candidate where its probabilities are valid.
        criteria: levels, number and seed of the resamples.
        sums: resampled losses.
    """

    forecasts: tuple[str, ...]
    criteria: Criteria
    sums: ResampledSums

    @classmethod
    def of(cls, test: WeatherRows, forecasts: Mapping[str, Forecast], criteria: Criteria) -> Self:
        """Returns the contest of valid forecasts on the test rows.

        Args:
            test: the test rows, in at least two blocks.
            forecasts: by name, with `base_rate`.
            criteria: levels, number and seed of the resamples.

        Raises:
            VerificationError: if there are fewer than two blocks.
        """
        columns = _loss_columns(forecasts, test.observed_N)
        sums = resample_sums(
            columns, test.block_N, resamples=criteria.resamples, seed=criteria.seed
        )
        return cls(tuple(forecasts), criteria, sums)

    def difference(self, score: str, reference: str, confidence_level: float) -> Interval:
        """Returns the candidate's less the reference's `score`, `brier_score` or `log_loss`."""
        return self.sums.ratio(f"{score} against {reference}", ROWS, confidence_level)

    @property
    def scale(self) -> float:
        """Brier score of the training base rate: what margins of skill are measured in."""
        return self.sums.sums[f"{BRIER_SCORE} of {BASE_RATE}"] / self.sums.sums[ROWS]

    def comparisons(self) -> tuple[Comparison, ...]:
        """Returns the candidate against every other forecast, where both are valid."""
        if CANDIDATE not in self.forecasts:
            return ()
        level = self.criteria.superiority_confidence
        return tuple(
            Comparison(
                reference=name,
                brier_score=self.difference(BRIER_SCORE, name, level),
                log_loss=self.difference(LOG_LOSS, name, level),
            )
            for name in self.forecasts
            if name != CANDIDATE
        )

    def skill_intervals(self) -> dict[str, Interval]:
        """Returns each forecast's skill against the training base rate, with its interval."""
        level = self.criteria.superiority_confidence
        reference = f"{BRIER_SCORE} of {BASE_RATE}"
        return {
            name: self.sums.ratio(f"{BRIER_SCORE} of {name}", reference, level).as_skill()
            for name in self.forecasts
        }


def _loss_columns(
    forecasts: Mapping[str, Forecast], observed_N: FloatArray
) -> Iterator[tuple[str, FloatArray]]:
    """Yields what `Contest` resamples.

    Differences are columns of their own, so that equal forecasts differ by exactly zero.
    """
    yield ROWS, np.ones(len(observed_N))
    for score, loss in ((BRIER_SCORE, squared_errors), (LOG_LOSS, log_losses)):
        candidate_N = None
        if CANDIDATE in forecasts:
            candidate_N = loss(forecasts[CANDIDATE].test_N, observed_N)
        for name, forecast in forecasts.items():
            loss_N = loss(forecast.test_N, observed_N)
            yield f"{score} of {name}", loss_N
            if candidate_N is not None:
                yield f"{score} against {name}", candidate_N - loss_N
