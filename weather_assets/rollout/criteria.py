"""What a candidate is judged by, one criterion at a time.

Belongs here: each criterion, as a function of the evidence that finds harm, something missing, or
nothing wrong. Does not belong here: what follows from all of them together (`stage_verdict`), or
the statistics (`sequential`).

Where harm is tested, it is tested at `Limits.significance` over the whole stage, however often the
stage is judged. A criterion that shows no harm is still missing something while its plain estimate
is beyond the limit: a stage continues on numbers that a reader would accept, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean, median, quantiles

from weather_assets.rollout.evidence import StageEvidence
from weather_assets.rollout.sequential import (
    against_mean_at_least,
    against_mean_at_most,
    against_rate,
    beyond_chance,
)
from weather_assets.rollout.settings import Limits

MINIMUM_TIMINGS = 10
"""Fewest paired answer times on which latency is passed: a 90th percentile needs ten."""

_TIMINGS_FOR_HARM = 5
"""Fewest champion's answer times from which its 90th percentile may convict a candidate."""

_RUN = 5
"""Failures in a row that may convict a candidate that answered well before. Fewer can be one hiccup
of a fraction of a second, as probes follow each other closely."""


class Says(StrEnum):
    """What one criterion finds."""

    FINE = "fine"
    MISSING = "missing"
    HARM = "harm"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one criterion finds.

    Attributes:
        says: harm beyond chance, something missing, or nothing wrong.
        sentence: the same for people, with the numbers; empty where there is nothing to say.
        numbers: what it rests on, by name; all finite.
    """

    says: Says
    sentence: str
    numbers: dict[str, float] = field(default_factory=dict[str, float])


def find_answers(evidence: StageEvidence, limits: Limits) -> Finding:
    """Finds whether the candidate answers probes with valid probabilities.

    Errors of both slots at once are the endpoint's or the network's: they count neither for nor
    against the candidate. Without a champion, no answer at all is not held against it either.
    """
    faults: list[str] = []
    good = excused = run = 0
    for probe in evidence.probes:
        fault = probe.candidate_fault
        if not fault:
            good, run = good + 1, 0
        elif probe.champion_fault or (probe.champion is None and probe.candidate.status == 0):
            excused += 1
        else:
            faults.append(fault)
            run += 1
    for reply in evidence.routed:
        if reply.deployment and reply.deployment == evidence.candidate_slot:
            if reply.status == 200:
                good += 1
            else:
                faults.append(f"HTTP {reply.status}: {reply.problem or 'no reason given'}")
    asked = good + len(faults)
    champion_faults = sum(bool(probe.champion_fault) for probe in evidence.probes)
    numbers = {
        "candidate_requests": float(asked),
        "candidate_errors": float(len(faults)),
        "excused_errors": float(excused),
        "champion_errors": float(champion_faults),
    }
    if not asked:
        both = f"; {excused} got no answer that could be held against it" if excused else ""
        return Finding(Says.MISSING, f"The candidate answered no request yet{both}.", numbers)
    share = len(faults) / asked
    numbers["error_share"] = share
    told = f"{len(faults)} of {asked} requests to the candidate failed ({share:.1%}"
    told += f"; at most {limits.maximum_error_share:.1%} may)"
    last = f", last with: {faults[-1]}" if faults else ""
    # A crash after many good answers: the chance of such a run anywhere among them.
    if run >= _RUN and asked * limits.maximum_error_share**run <= limits.significance:
        return Finding(Says.HARM, f"{told}, the last {run} in a row{last}.", numbers)
    says = _rate(len(faults), asked, limits.maximum_error_share, limits)
    return Finding(says, f"{told}{last}.", numbers)


def find_live_answers(evidence: StageEvidence, limits: Limits) -> Finding:
    """Finds whether the service's own count shows more failing requests than the champion's.

    Clients' own mistakes fail at either slot, so the champion's share is allowed on top of the
    limit. Where the service has no count, probes alone decide.
    """
    live = evidence.candidate_live
    if live is None or not live.requests:
        return Finding(Says.FINE, "")
    usual = 0.0
    if evidence.champion_live is not None and evidence.champion_live.requests:
        usual = evidence.champion_live.errors / evidence.champion_live.requests
    allowed = min(usual + limits.maximum_error_share, 0.99)
    errors = min(live.errors, live.requests)
    share = errors / live.requests
    numbers = {
        "live_requests": float(live.requests),
        "live_errors": float(errors),
        "live_error_share": share,
        "live_error_share_allowed": allowed,
    }
    sentence = (
        f"By the service's count {errors} of {live.requests} requests to the candidate failed "
        f"({share:.1%}; at most {allowed:.1%} may, the champion's own share included)."
    )
    return Finding(_rate(errors, live.requests, allowed, limits), sentence, numbers)


def find_latency(evidence: StageEvidence, limits: Limits) -> Finding:
    """Finds whether the candidate answers about as fast as the champion, in pairs.

    Harm: more than half of its answers take longer than the limit allows of the paired answer, or
    more than a tenth longer than it allows of the champion's 90th percentile.
    """
    if not evidence.has_champion:
        return Finding(Says.FINE, "No deployment serves that its latency could be compared with.")
    pairs = [
        (probe.candidate.seconds, probe.champion.seconds)
        for probe in evidence.probes
        if probe.champion and not probe.champion_fault and not probe.candidate_fault
    ]
    numbers = {"timed_pairs": float(len(pairs))}
    if not pairs:
        return Finding(Says.MISSING, "No pair of answers was timed yet.", numbers)
    candidate, champion = zip(*pairs, strict=True)
    own = (median(candidate), _percentile_90(candidate))
    usual = (median(champion), _percentile_90(champion))
    allowed = tuple(limits.allowed_seconds(each) for each in usual)
    numbers |= {
        "candidate_median_seconds": own[0],
        "champion_median_seconds": usual[0],
        "candidate_p90_seconds": own[1],
        "champion_p90_seconds": usual[1],
    }
    sentence = (
        f"The candidate answers in {own[0] * 1000:.0f} ms (median) and {own[1] * 1000:.0f} ms "
        f"(90th percentile), the champion in {usual[0] * 1000:.0f} and {usual[1] * 1000:.0f} ms; "
        f"at most {allowed[0] * 1000:.0f} and {allowed[1] * 1000:.0f} ms are allowed."
    )
    if _are_too_slow(pairs, allowed[1], limits):
        return Finding(Says.HARM, sentence, numbers)
    if len(pairs) < MINIMUM_TIMINGS:
        few = f"Only {len(pairs)} pairs of answers were timed; {MINIMUM_TIMINGS} are needed."
        return Finding(Says.MISSING, few, numbers)
    within = own[0] <= allowed[0] and own[1] <= allowed[1]
    return Finding(Says.FINE if within else Says.MISSING, sentence, numbers)


def _are_too_slow(pairs: list[tuple[float, float]], tail_seconds: float, limits: Limits) -> bool:
    """Tells whether the candidate's times are beyond chance and the limits, by pair or in the tail.

    Args:
        pairs: seconds of candidate and champion.
        tail_seconds: the most that a tenth of the candidate's answers may exceed.
        limits: what is allowed.
    """
    count = len(pairs)
    slow = sum(mine > limits.allowed_seconds(theirs) for mine, theirs in pairs)
    if beyond_chance(against_rate(slow, count, 0.5), limits.significance):
        return True
    tail = sum(mine > tail_seconds for mine, _ in pairs)
    return count >= _TIMINGS_FOR_HARM and beyond_chance(
        against_rate(tail, count, 0.1), limits.significance
    )


def find_agreement(evidence: StageEvidence, limits: Limits) -> Finding:
    """Finds whether candidate and champion say about the same of the same rows."""
    if not evidence.has_champion:
        return Finding(Says.FINE, "")
    gaps = [
        abs(row.candidate - row.champion)
        for row in evidence.compared_rows()
        if row.champion is not None
    ]
    if not gaps:
        return Finding(Says.MISSING, "No row was answered by both slots yet.")
    limit, mean = limits.maximum_mean_difference, fmean(gaps)
    sentence = (
        f"The probabilities of candidate and champion differ by {mean:.3f} on average "
        f"({len(gaps)} rows); at most {limit:g} is allowed."
    )
    numbers = {"mean_difference": mean}
    against = against_mean_at_most(gaps, evidence.probe_set_rows, limit)
    if beyond_chance(against, limits.significance):
        return Finding(Says.HARM, sentence, numbers)
    return Finding(Says.FINE if mean <= limit else Says.MISSING, sentence, numbers)


def find_skill(evidence: StageEvidence, limits: Limits) -> Finding:
    """Finds whether the candidate forecasts as well on the wire as the champion.

    The Brier scores of both on the same rows are compared. Without a champion, climatology (the
    training base rate) takes its place. Harm is a loss above the margin beyond chance; fine is a
    loss below the margin beyond chance. Once every row of the probe set was asked, chance has no
    part in it: the loss on the probe set is known.
    """
    reference = "the champion" if evidence.has_champion else "climatology"
    losses = [
        (row.candidate - row.outcome) ** 2
        - ((evidence.base_rate if row.champion is None else row.champion) - row.outcome) ** 2
        for row in evidence.compared_rows()
    ]
    population, scale = evidence.probe_set_rows, evidence.climatology_score
    limit = limits.skill_margin * scale
    numbers = {"rows_compared": float(len(losses)), "rows_in_probe_set": float(population)}
    if not losses:
        return Finding(Says.MISSING, f"No row was compared with {reference} yet.", numbers)
    loss = fmean(losses)
    # Differences of Brier scores lie in [-1, 1]; the tests want [0, 1].
    scaled, bound = [(each + 1.0) / 2.0 for each in losses], (limit + 1.0) / 2.0
    worse = against_mean_at_most(scaled, population, bound)
    not_worse = against_mean_at_least(scaled, population, bound)
    numbers |= {
        "brier_difference": loss,
        "brier_difference_allowed": limit,
        "skill_difference": -loss / scale,
        "evidence_worse": _shown(worse),
        "evidence_not_worse": _shown(not_worse),
        "evidence_needed": 1.0 / limits.significance,
    }
    sentence = (
        f"On {len(losses)} of {population} held-out rows its Brier score differs from that of "
        f"{reference} by {loss:+.5f} (skill {-loss / scale:+.3f}); at most {limit:.5f} may be "
        "given away"
    )
    if len(losses) >= population:
        says = Says.HARM if loss > limit else Says.FINE
        return Finding(says, f"{sentence}.", numbers)
    if beyond_chance(worse, limits.significance):
        return Finding(Says.HARM, f"{sentence}, and this is beyond chance.", numbers)
    if beyond_chance(not_worse, limits.significance):
        return Finding(Says.FINE, f"{sentence}.", numbers)
    return Finding(Says.MISSING, f"{sentence}; more rows are needed to tell.", numbers)


def find_enough(evidence: StageEvidence, minimum_rows: int) -> Finding:
    """Finds whether the stage has lasted long enough and seen enough rows to be passed at all."""
    rows = len(evidence.compared_rows())
    missing: list[str] = []
    if rows < minimum_rows:
        missing.append(f"{rows} rows were answered so far, at least {minimum_rows} are needed")
    if evidence.elapsed_seconds < evidence.bake_seconds:
        missing.append(
            f"{evidence.elapsed_seconds:.0f} of at least {evidence.bake_seconds:g} seconds passed"
        )
    if missing:
        return Finding(Says.MISSING, f"{'; '.join(missing)}.".capitalize())
    return Finding(Says.FINE, f"{rows} rows were answered in {evidence.elapsed_seconds:.0f} s.")


def _rate(events: int, trials: int, limit: float, limits: Limits) -> Says:
    if beyond_chance(against_rate(events, trials, limit), limits.significance):
        return Says.HARM
    return Says.FINE if events <= limit * trials else Says.MISSING


def _percentile_90(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=10, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]


def _shown(log_capital: float) -> float:
    """Returns capital as a number that JSON and a chart can carry."""
    return math.exp(min(log_capital, math.log(1e9)))
