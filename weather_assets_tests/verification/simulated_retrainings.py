"""Retrainings whose worth is known, judged by the real claims: how often is the gate wrong?

Belongs here: weather, champions and challengers made from seeded random numbers, challengers worse
by a known skill, and what the gate says of them. Does not belong here: which rates are allowed
(`weather_assets_tests.benchmarks.gate`), or the claims.

Weather comes in fronts: days resemble the day before, and all stations of a day each other. So do
the errors of a forecast, and what no forecast could know. Champion and challenger have half of
their errors' variance in common, being trained on much the same rows.

Shape suffixes: S histories, D days, H rows of a day (all stations), N rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.signal import lfilter
from scipy.special import expit, ndtr

from weather_assets.verification.baselines import BASE_RATE
from weather_assets.verification.claims import Claim, Criteria, Outcome, claim_no_worse
from weather_assets.verification.contest import BRIER_SCORE, ROWS, Contest
from weather_assets.verification.samples import BoolArray, FloatArray
from weather_assets.verification.significance import ResampledSums, resample_sums
from weather_assets.verification.verdict import CANDIDATE, CHAMPION
from weather_assets_tests.verification.made_rows import rows_of

STATIONS, TIMES = 3, 4
ROWS_OF_DAY = STATIONS * TIMES
SHARED = 0.5
"""Share of variance that the rows of a day have in common."""
RATE = 0.25
COMMON, OWN = 0.45, 0.45
"""Standard deviations, in log odds, of a champion's errors: those of all networks, and its own."""
STEP_DAYS = 7
KEPT = 0.8
"""Share of the variance of a recipe's errors that stays when it is trained anew."""
_CRITERIA = Criteria()


@dataclass(frozen=True, slots=True)
class World:
    """What verdicts rest on.

    Attributes:
        days: length of the test window.
        front: correlation of a day with the day before.
    """

    days: int
    front: float

    def errors(self, generator: np.random.Generator, shape: Sequence[int]) -> FloatArray:
        """Returns standard normal numbers [S, D, H], alike within a day and from day to day."""
        histories, days, rows = shape
        fresh = np.sqrt(1.0 - self.front**2)
        steps_SD = generator.normal(size=(histories, days))
        steps_SD[:, 0] /= fresh
        day_SD = np.asarray(lfilter([fresh], [1.0, -self.front], steps_SD, axis=1))
        row_SDH = generator.normal(size=(histories, days, rows))
        return np.sqrt(SHARED) * day_SD[:, :, None] + np.sqrt(1.0 - SHARED) * row_SDH


@dataclass(frozen=True, eq=False, slots=True)
class History:
    """What happened in some imagined years, one of them as good as the other.

    Attributes:
        log_odds_SDH: of the event, as a perfect forecast would give it.
        observed_SDH: 1.0 where it happened.
        common_SDH: error that all networks share, in log odds.
    """

    log_odds_SDH: FloatArray
    observed_SDH: FloatArray
    common_SDH: FloatArray

    @classmethod
    def simulated(
        cls, generator: np.random.Generator, world: World, count: int, days: int
    ) -> "History":
        """Returns `count` histories of some days."""
        shape = (count, days, ROWS_OF_DAY)
        log_odds_SDH = _log_odds(world.errors(generator, shape))
        surprise_SDH = ndtr(world.errors(generator, shape))
        observed_SDH = (surprise_SDH < expit(log_odds_SDH)).astype(np.float64)
        return cls(log_odds_SDH, observed_SDH, COMMON * world.errors(generator, shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of histories, days and rows of a day."""
        return self.observed_SDH.shape

    def forecast(self, own_SDH: FloatArray, days: slice) -> FloatArray:
        """Returns the probabilities of a network with errors of its own in some days."""
        return expit(self.log_odds_SDH[:, days] + self.common_SDH[:, days] + own_SDH)


Rule = Callable[[History, slice, FloatArray, FloatArray], BoolArray]
"""Tells, per history, whether a challenger is promoted."""


@cache
def deviation_of(loss: float) -> float:
    """Returns the standard deviation of the own errors of a network that is worse by `loss`.

    Args:
        loss: Brier skill (against the event's frequency) that it has less than a first champion,
            in expectation over all weather.
    """
    generator = np.random.default_rng(0)
    log_odds_N = _log_odds(generator.normal(size=100_000))
    truth_N = expit(log_odds_N)
    common_N, own_N = generator.normal(size=(2, len(truth_N)))

    def error(deviation: float) -> float:
        probability_N = expit(log_odds_N + COMMON * common_N + deviation * own_N)
        return float(((probability_N - truth_N) ** 2).mean())

    frequency = truth_N.mean()
    target = error(OWN) + loss * frequency * (1.0 - frequency)
    found: Any = brentq(lambda deviation: error(deviation) - target, OWN - 1e-9, 20.0)
    return float(found)


@dataclass(frozen=True, slots=True)
class Promotions:
    """How often challengers of one quality were promoted.

    Attributes:
        retrainings: challengers that were judged.
        gate: share of them that the claim against the champion would let pass.
        naive: share of them with the lower Brier score.
        gate_ever: share of the histories in which the claim let one of them pass.
        naive_ever: share of the histories in which one of them had the lower Brier score.
    """

    retrainings: int
    gate: float
    naive: float
    gate_ever: float
    naive_ever: float


def look_again(world: World, loss: float, *, histories: int, looks: int = 10) -> Promotions:
    """Judges challengers that are worse by `loss` again and again, as rows arrive.

    A look a week: the test window moves on by 7 days, and the recipe is trained anew, which leaves
    four fifths of its errors' variance as they were.
    """
    generator = np.random.default_rng(1)
    history = History.simulated(generator, world, histories, world.days + (looks - 1) * STEP_DAYS)
    champion_SDH, kept_SDH = (world.errors(generator, history.shape) for _ in range(2))
    passed_LS, lower_LS = np.zeros((2, looks, histories), np.bool_)
    for look in range(looks):
        days = slice(look * STEP_DAYS, look * STEP_DAYS + world.days)
        fresh_SDH = world.errors(generator, kept_SDH[:, days].shape)
        own_SDH = np.sqrt(KEPT) * kept_SDH[:, days] + np.sqrt(1.0 - KEPT) * fresh_SDH
        candidate_SDH = history.forecast(deviation_of(loss) * own_SDH, days)
        reference_SDH = history.forecast(OWN * champion_SDH[:, days], days)
        passed_LS[look] = passes(history, days, candidate_SDH, reference_SDH)
        lower_LS[look] = has_lower_score(history, days, candidate_SDH, reference_SDH)
    return Promotions(
        passed_LS.size,
        float(passed_LS.mean()),
        float(lower_LS.mean()),
        float(passed_LS.any(0).mean()),
        float(lower_LS.any(0).mean()),
    )


def walk_downhill(
    world: World, loss: float, rule: Rule, *, histories: int, steps: int = 20
) -> float:
    """Returns by how much skill a chain of challengers lowers the champion, on average.

    Each is worse by `loss` than the champion that it meets, a week after the one before.
    """
    generator = np.random.default_rng(2)
    history = History.simulated(generator, world, histories, world.days + steps * STEP_DAYS)
    champion_SDH = OWN * world.errors(generator, history.shape)
    lost_S = np.zeros(histories, np.int64)
    for step in range(steps):
        days = slice(step * STEP_DAYS, step * STEP_DAYS + world.days)
        deviation_S = np.array([deviation_of(loss * (lost + 1)) for lost in lost_S.tolist()])
        own_SDH = deviation_S[:, None, None] * world.errors(generator, history.shape)
        promoted_S = rule(
            history,
            days,
            history.forecast(own_SDH[:, days], days),
            history.forecast(champion_SDH[:, days], days),
        )
        champion_SDH[promoted_S] = own_SDH[promoted_S]
        lost_S += promoted_S
    return float(loss * lost_S.mean())


def has_lower_score(
    history: History, days: slice, candidate_SDH: FloatArray, champion_SDH: FloatArray
) -> BoolArray:
    """The naive gate: tells, per history, whether the candidate's Brier score is the lower one."""
    observed_SDH = history.observed_SDH[:, days]
    errors_SDH = (candidate_SDH - observed_SDH) ** 2 - (champion_SDH - observed_SDH) ** 2
    return errors_SDH.mean((1, 2)) < 0.0


def passes(
    history: History, days: slice, candidate_SDH: FloatArray, champion_SDH: FloatArray
) -> BoolArray:
    """The gate: tells, per history, whether the candidate is shown to be no worse."""
    claims = judge(history, days, candidate_SDH, champion_SDH)
    return np.array([claim.outcome is Outcome.PASS for claim in claims])


def judge(
    history: History, days: slice, candidate_SDH: FloatArray, champion_SDH: FloatArray
) -> Iterator[Claim]:
    """Yields, per history, the claim against the champion.

    As `evaluate_candidate` comes to it, with the same resamples: they depend on the number of days
    alone, so all histories share one drawing.
    """
    observed_SDH = history.observed_SDH[:, days]
    rows = rows_of(np.zeros(observed_SDH[0].size), block=_blocks(observed_SDH.shape[1]))
    columns = {ROWS: np.ones(len(rows))}
    for each, observed_DH in enumerate(observed_SDH):
        own = (candidate_SDH[each] - observed_DH) ** 2 - (champion_SDH[each] - observed_DH) ** 2
        columns[f"{each}"] = own.ravel()
    sums = resample_sums(
        columns.items(), rows.block_N, resamples=_CRITERIA.resamples, seed=_CRITERIA.seed
    )
    scale_S = ((observed_SDH - RATE) ** 2).sum((1, 2))
    for each, scale in enumerate(scale_S.tolist()):
        contest = _contest(sums, f"{each}", scale)
        yield claim_no_worse(
            "no_worse_than_champion",
            "the champion",
            contest.difference(BRIER_SCORE, CHAMPION, _CRITERIA.non_inferiority_confidence),
            margin=_CRITERIA.margin,
            scale=contest.scale,
            shown_worse=contest.difference(BRIER_SCORE, CHAMPION, _CRITERIA.superiority_confidence),
            in_doubt=contest.difference(BRIER_SCORE, CHAMPION, _CRITERIA.doubt_confidence),
        )


def _contest(sums: ResampledSums, column: str, scale: float) -> Contest:
    names = {f"{BRIER_SCORE} against {CHAMPION}": column, ROWS: ROWS}
    own = ResampledSums(
        {name: sums.sums[each] for name, each in names.items()}
        | {f"{BRIER_SCORE} of {BASE_RATE}": scale},
        {name: sums.totals_R[each] for name, each in names.items()},
        sums.blocks,
    )
    return Contest((CANDIDATE, CHAMPION, BASE_RATE), _CRITERIA, own)


def _blocks(days: int) -> list[int]:
    return np.repeat(np.arange(days), ROWS_OF_DAY).tolist()


def _log_odds(weather: FloatArray) -> FloatArray:
    return 2.2 * weather - 1.9
