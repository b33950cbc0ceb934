"""What a candidate must show, as named claims with three possible outcomes.

Belongs here: the criteria and the rules that turn intervals and row counts into pass, fail or
inconclusive. Does not belong here: how intervals are computed (`significance`), or which
comparisons a candidate needs (`assessment`).

Two kinds of comparison of Brier scores on the same test rows:

- *Better than* a reference (superiority): the 95 % interval of the difference lies entirely below
  zero. Entirely above (or exactly at) zero it is a fail, anything else is inconclusive.
- *No worse than* a reference (non-inferiority; Wellek 2010, Testing Statistical Hypotheses of
  Equivalence and Noninferiority, ch. 2): the upper bound of the 90 % interval, a one-sided 95 %
  bound, lies below a margin. The margin is stated in Brier skill score, the unit in which people
  compare these forecasts: 0.05 means "gives away at most 5 % of the Brier score of the training
  base rate". In Brier score alone a margin would mean nothing (0.01 is half of everything where
  rain is rare), and relative to the reference's own Brier score it would vanish for a reference
  that is almost perfect.

Why 0.05 and these levels. Between networks of the intended size and logistic regression, or the
same network trained from another seed, the standard error of the skill difference is 0.010 to
0.015 on the Seattle test rows (365 days), 0.015 to 0.03 on Greensboro (114 days, 32 of them with
rain) and 0.005 to 0.01 between networks on NYC (92 days). Chances of pass / fail in percent, the
rest being inconclusive (normal approximation), of a candidate that truly gives away this much:

    standard error             0.005     0.010     0.020     0.030
    no loss      first       100 / 0   100 / 0   100 / 0   100 / 0
                 challenger   75 / 2    75 / 2    75 / 2    51 / 2
    loss 0.02    first       100 / 0   100 / 0   100 / 0   100 / 0
                 challenger   0 / 98    9 / 52   37 / 17   26 / 10
    loss 0.05    first        95 / 5    95 / 5    95 / 5    95 / 5
                 challenger  0 / 100   0 / 100    3 / 71    5 / 38
    loss 0.10    first       0 / 100   0 / 100   20 / 80   49 / 51
                 challenger  0 / 100   0 / 100   0 / 100    0 / 92

The first champion may not be shown to be worse than logistic regression by more than the margin;
that it is as good need not be shown. It has to beat climatology, and where nothing serves, what is
better than climatology leaves nobody worse off. The verdict says what is not shown.

Half the margin would let an equally good network pass on the smaller files less often than not;
twice the margin would pass, as "no worse", a network that lost most of what logistic regression
has over climatology on Greensboro (0.15).

A challenger ("challenger" above; "first" is the first champion against logistic regression) faces
two rules more. Shown to be worse than the champion at all (the 95 % interval entirely above zero)
it fails, inside the margin or not. And where the rows are in the champion's favour (the 50 %
interval entirely above zero, a loss of more than two thirds of its standard error) nothing is
decided: the champion stays.

What is promised is about challengers that are worse by the margin or more, one of them judged a
week on test windows that overlap: of those worse by the margin at most 7 % are promoted where days
are independent (5 % by construction) and at most 13 % where weather comes in fronts (losses of
neighbouring days correlated by 0.2, the most found on the samples); of those worse by twice the
margin at most 2 %. Found in 1,000 simulated retrainings of each kind, which `make bench` repeats:
0 to 5 %, 1 to 10 %, below 1 %. Of ten such verdicts on one recipe, one passes more often: up to 40
% by the margin in fronts. Nothing is promised of equal challengers, of which 63 to 78 % pass, or of
slightly worse ones, of which a naive gate (the lower Brier score) promotes fewer: it would leave
the champion, and so the rows that train what serves, where they are every other time. So a chain
can walk the champion downhill: of 20 challengers, each worse by 0.01 to 0.02 than the champion it
meets, those that pass cost 0.02 to 0.06 of skill (naive gate: 0.01 to 0.07). Training
starts from a recipe, not from the champion, so nothing drives such a chain; what ends it is that a
challenger must beat climatology as well.

A challenger whose probabilities are the champion's own differs by exactly zero and passes. Whether
an identical model is worth promoting is not for statistics; models are told apart by content before
they are judged.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from weather_assets.verification.samples import (
    FloatArray,
    Served,
    VerificationError,
    WeatherRows,
)
from weather_assets.verification.significance import RESAMPLES, SEED, Interval

_POWER = 0.8
"""Chance of showing a loss that is called detectable."""
_CALIBRATION_SHARE, _CALIBRATION_LEAST = 0.2, 0.005
"""By how much the mean forecast on training rows may miss the event's frequency, times its variance
and at least. Training leaves a thousandth; a network that learned nothing would miss by more."""


class Outcome(StrEnum):
    """What the test rows say about a claim. Only a pass moves anything."""

    PASS = "pass"  # noqa: S105 (an outcome, not a password)
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Criteria:
    """What counts as shown. The module docstring gives the reasons.

    Attributes:
        superiority_confidence: level of the two-sided interval that must lie below zero.
        doubt_confidence: level of the two-sided interval that must not lie above zero for a
            challenger to pass: at 0.5, a loss of more than two thirds of its standard error is in
            the champion's favour.
        non_inferiority_confidence: level of the two-sided interval whose upper bound must lie
            below the margin; 0.90 makes that a one-sided 95 % bound.
        margin: Brier skill score (against the training base rate) that may be given away.
        minimum_events: fewest test rows with the event on which anything is decided.
        minimum_non_events: fewest test rows without it.
        minimum_blocks: fewest blocks; bootstrap intervals of fewer independent values cannot be
            relied on.
        minimum_event_blocks: fewest blocks that hold an event: 200 wet hours of one storm are one
            case, not 200.
        resamples: bootstrap resamples.
        seed: seed of the bootstrap.
    """

    superiority_confidence: float = 0.95
    doubt_confidence: float = 0.50
    non_inferiority_confidence: float = 0.90
    margin: float = 0.05
    minimum_events: int = 20
    minimum_non_events: int = 20
    minimum_blocks: int = 30
    minimum_event_blocks: int = 10
    resamples: int = RESAMPLES
    seed: int = SEED

    def __post_init__(self) -> None:
        """Refuse criteria that decide nothing or anything.

        Raises:
            VerificationError: naming the criterion, its value and what is allowed.
        """
        for name in ("superiority_confidence", "doubt_confidence", "non_inferiority_confidence"):
            if not 0.5 <= getattr(self, name) < 1.0:
                raise VerificationError(
                    f"criteria: {name} must be in [0.5, 1); found {getattr(self, name)}"
                )
        if not 0.0 < self.margin < 1.0:
            raise VerificationError(
                "criteria: margin is a Brier skill score in (0, 1), 0.05 by default; "
                f"found {self.margin}"
            )
        for name, least in (
            ("minimum_events", 1),
            ("minimum_non_events", 1),
            ("minimum_blocks", 2),
            ("minimum_event_blocks", 1),
            ("resamples", 100),
        ):
            if getattr(self, name) < least:
                raise VerificationError(
                    f"criteria: {name} must be at least {least}; found {getattr(self, name)}"
                )


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that a candidate must show.

    Attributes:
        name: stable identifier, read as a statement (`no_worse_than_champion`).
        outcome: whether the test rows show it.
        sentence: the same for people, with the numbers.
        numbers: what decided, by name; stable per claim name.
    """

    name: str
    outcome: Outcome
    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])


def overall(claims: tuple[Claim, ...]) -> Outcome:
    """Returns fail if any claim fails, else inconclusive if any is or there is none, else pass."""
    outcomes = {claim.outcome for claim in claims}
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    return Outcome.PASS if outcomes == {Outcome.PASS} else Outcome.INCONCLUSIVE


def claim_valid_probabilities(problem: str | None) -> Claim:
    """Returns whether every probability of the candidate can be verified at all.

    Args:
        problem: what is wrong with them, or None (`Forecast.problem`).
    """
    name = "probabilities_are_valid"
    if problem is None:
        sentence = "Every probability of the candidate is a number in [0, 1]."
        return Claim(name, Outcome.PASS, sentence)
    return Claim(name, Outcome.FAIL, f"The candidate cannot be verified: {problem}.")


def claim_enough_data(test: WeatherRows, criteria: Criteria) -> Claim:
    """Returns whether the test rows can decide anything: pass or inconclusive, never fail.

    Args:
        test: the test rows.
        criteria: the least that is needed.
    """
    counts = count_rows(test)
    needed = {
        "events": criteria.minimum_events,
        "non_events": criteria.minimum_non_events,
        "blocks": criteria.minimum_blocks,
        "event_blocks": criteria.minimum_event_blocks,
    }
    words = {
        "events": "rows with the event",
        "non_events": "rows without it",
        "blocks": f"blocks ({test.block_kind.value})",
        "event_blocks": "blocks that hold an event",
    }
    short = [name for name, least in needed.items() if counts[name] < least]
    parts = [f"{counts[name]} {words[name]} (at least {needed[name]})" for name in short or needed]
    numbers = {name: float(counts[name]) for name in needed}
    numbers |= {f"minimum_{name}": float(least) for name, least in needed.items()}
    if short:
        sentence = f"Too few test rows to decide anything: {', '.join(parts)}. Add data to raw/."
        return Claim("enough_data", Outcome.INCONCLUSIVE, sentence, numbers)
    sentence = f"The test rows are enough: {', '.join(parts)}."
    return Claim("enough_data", Outcome.PASS, sentence, numbers)


def count_rows(rows: WeatherRows) -> dict[str, int]:
    """Returns `rows`, `events`, `non_events`, `blocks` and `event_blocks` of some rows."""
    wet_N = rows.observed_N > 0.0
    return {
        "rows": len(rows),
        "events": int(wet_N.sum()),
        "non_events": int((~wet_N).sum()),
        "blocks": len(np.unique(rows.block_N)),
        "event_blocks": len(np.unique(rows.block_N[wet_N])),
    }


def claim_better(name: str, reference: str, difference: Interval, scale: float) -> Claim:
    """Returns whether the candidate's Brier score is lower than a reference's beyond chance.

    Args:
        name: name of the claim.
        reference: the reference in words ("the training base rate").
        difference: candidate's less reference's Brier score.
        scale: Brier score of the training base rate on the same rows, for the sentence.
    """
    if difference.upper < 0.0:
        outcome, verb = Outcome.PASS, "beats"
    elif difference.lower >= 0.0:
        outcome, verb = Outcome.FAIL, "does not beat"
    else:
        outcome, verb = Outcome.INCONCLUSIVE, "is not shown to beat"
    sentence = f"The candidate {verb} {reference}: {_in_words(difference, scale)}."
    return Claim(name, outcome, sentence, _numbers(difference))


def claim_no_worse(
    name: str,
    reference: str,
    difference: Interval,
    margin: float,
    scale: float,
    shown_worse: Interval | None = None,
    in_doubt: Interval | None = None,
    *,
    doubt_passes: bool = False,
) -> Claim:
    """Returns whether the candidate's Brier score is no worse than a reference's, up to a margin.

    Args:
        name: name of the claim.
        reference: the reference in words ("logistic regression").
        difference: candidate's less reference's Brier score, at the non-inferiority level.
        margin: Brier skill score that may be given away.
        scale: Brier score of the training base rate on the same rows; `margin * scale` is the
            margin in Brier score.
        shown_worse: the same difference at the superiority level, where being worse at all beyond
            chance is a fail even inside the margin; None where it is not.
        in_doubt: the same difference at the level of doubt: entirely above zero, nothing passes;
            None where that does not matter.
        doubt_passes: whether it is enough that no loss beyond the margin is shown: for the first
            champion, in whose place there would be nothing.
    """
    limit = margin * scale
    worse = shown_worse is not None and shown_worse.lower > 0.0
    favours_reference = in_doubt is not None and in_doubt.lower > 0.0
    power = _power(difference, scale, margin)
    if difference.lower > limit or worse:
        outcome, verb = Outcome.FAIL, "is worse than"
    elif difference.upper < limit and not favours_reference:
        outcome, verb = Outcome.PASS, "is no worse than"
    elif doubt_passes:
        outcome, verb = Outcome.PASS, "is neither shown to be as good as, nor to be worse than"
    else:
        outcome, verb = Outcome.INCONCLUSIVE, "is not shown to be as good as"
    sentence = (
        f"The candidate {verb} {reference}: {_in_words(difference, scale)}; at most {limit:.5f} "
        f"({margin:.3f} of skill) may be given away"
    )
    if worse:
        sentence += ", and nothing where the test rows show the loss beyond chance"
    elif favours_reference:
        sentence += ", and the test rows are in the reference's favour"
    is_undecided = difference.lower <= limit <= difference.upper and not worse
    if is_undecided and power["more_blocks"]:
        sentence += (
            f". These rows show a loss of {power['detectable_skill']:.3f} of skill; to show one of "
            f"{margin:.3f} takes some {power['more_blocks']:.0f} more blocks of test rows"
        )
    if is_undecided and doubt_passes:
        sentence += "; nothing serves yet, and nobody is worse off than with nothing"
    numbers = {**_numbers(difference), "margin": limit, **power}
    return Claim(name, outcome, f"{sentence}.", numbers)


def _power(difference: Interval, scale: float, margin: float) -> dict[str, float]:
    """Returns the smallest loss of skill that is shown four times in five, and what is missing.

    By the normal approximation, from the width of the interval; `more_blocks` is 0 where the
    margin itself would be shown.
    """
    quantile = NormalDist().inv_cdf((1.0 + difference.confidence_level) / 2.0)
    error = (difference.upper - difference.lower) / (2.0 * quantile)
    detectable = (quantile + NormalDist().inv_cdf(_POWER)) * error / scale
    missing = difference.blocks * ((detectable / margin) ** 2 - 1.0)
    return {"detectable_skill": detectable, "more_blocks": float(max(0, math.ceil(missing)))}


def claim_served_weights(served: Served, observed_train_N: FloatArray, margin: float) -> Claim:
    """Returns whether the weights that will be served are those that were judged, with more rows.

    No score of theirs is a forecast's, since they know every row. So they are held against what
    training must give: numbers, calibrated over all rows, and on the rows that both know not
    further from the truth than the judged weights are.

    Args:
        served: probabilities of both.
        observed_train_N: [rows of the training split] 1.0 where the event happened.
        margin: Brier skill score that may be given away.
    """
    name = "served_weights_are_sane"
    numbers = np.concatenate([served.served_N, served.served_train_N])
    if not ((numbers >= 0.0) & (numbers <= 1.0)).all():
        sentence = "The weights to be served give probabilities that are not in [0, 1]."
        return Claim(name, Outcome.FAIL, sentence)
    frequency, mean = float(served.observed_N.mean()), float(served.served_N.mean())
    allowed = _CALIBRATION_SHARE * frequency * (1.0 - frequency) + _CALIBRATION_LEAST
    base = float(observed_train_N.mean())
    briers = [
        float(((probability_N - observed_train_N) ** 2).mean())
        for probability_N in (served.judged_train_N, served.served_train_N)
    ]
    limit = briers[0] + margin * base * (1.0 - base)
    is_sane = abs(mean - frequency) <= allowed and briers[1] <= limit
    sentence = (
        f"The weights to be served, trained on every row, forecast {mean:.4f} on average where "
        f"{frequency:.4f} was observed (within {allowed:.4f} is allowed); on the training rows "
        f"their Brier score is {briers[1]:.5f}, that of the judged weights {briers[0]:.5f} (at "
        f"most {limit:.5f} is allowed)."
    )
    found = {"mean": mean, "frequency": frequency, "judged": briers[0], "served": briers[1]}
    return Claim(name, Outcome.PASS if is_sane else Outcome.FAIL, sentence, found)


def claim_undecided(name: str, reference: str, why: str) -> Claim:
    """Returns an inconclusive claim for a comparison that cannot be made.

    Args:
        name: name of the claim.
        reference: the reference in words.
        why: the reason, as a clause.
    """
    return Claim(name, Outcome.INCONCLUSIVE, f"Not judged against {reference}: {why}.")


def _in_words(difference: Interval, scale: float) -> str:
    skill = -difference.estimate / scale
    return (
        f"its Brier score differs by {difference.estimate:+.5f} "
        f"({difference.confidence_level:.0%} interval {difference.lower:+.5f} to "
        f"{difference.upper:+.5f}, {difference.blocks} blocks), its skill by {skill:+.3f}"
    )


def _numbers(difference: Interval) -> dict[str, float]:
    return {
        "difference": difference.estimate,
        "lower": difference.lower,
        "upper": difference.upper,
        "confidence_level": difference.confidence_level,
        "blocks": float(difference.blocks),
    }
