"""From probabilities to a verdict: which comparisons a candidate needs, and what they show.

Belongs here: the sequence and the choice of references. Does not belong here: scores (`metrics`),
intervals (`significance`), rules (`claims`), pictures or tables (`assessment`).

Shape suffixes: N rows.
"""

from collections.abc import Mapping

from weather_assets.verification.baselines import (
    BASE_RATE,
    CLIMATOLOGY,
    LOGISTIC_REGRESSION,
    climatology_reference,
)
from weather_assets.verification.claims import (
    Claim,
    Criteria,
    Outcome,
    claim_better,
    claim_enough_data,
    claim_no_worse,
    claim_served_weights,
    claim_undecided,
    claim_valid_probabilities,
    count_rows,
)
from weather_assets.verification.contest import BRIER_SCORE, Contest
from weather_assets.verification.metrics import ForecastScores, choose_threshold, score_forecast
from weather_assets.verification.samples import (
    Forecast,
    Samples,
    Served,
    VerificationError,
    WeatherRows,
)
from weather_assets.verification.verdict import (
    CANDIDATE,
    CHAMPION,
    Identity,
    Verdict,
)

_Ground = Contest | str
"""What comparisons are made on; or, as a clause, why none can be made."""


def evaluate_candidate(
    samples: Samples,
    *,
    identity: Identity,
    event: str,
    candidate: Forecast,
    baselines: Mapping[str, Forecast],
    champion: Forecast | None = None,
    served: Served | None = None,
    criteria: Criteria | None = None,
) -> Verdict:
    """Returns the verdict on a candidate, from probabilities alone.

    Every candidate must give valid probabilities, on test rows that are enough to decide anything,
    beat the training base rate, and stand up to the seasonal climatology. The first champion must
    not be shown to be worse than logistic regression, a challenger must be no worse than the
    champion on test rows that trained neither. The weights that would be served must be those that
    were judged, with more rows. The rules and the power they have are in `claims`.

    No data is never a pass: without enough test rows nothing is decided. Probabilities that are
    not numbers in [0, 1] fail the candidate; those of the champion leave the comparison with it
    undecided.

    Args:
        samples: the three splits; scores are of the test rows, thresholds of the validation rows.
        identity: what is judged, on what.
        event: the event that is forecast, in words.
        candidate: probabilities of the candidate.
        baselines: probabilities of the baselines (`fit_baselines`), at least `base_rate`,
            `climatology` and `logistic_regression`.
        champion: probabilities of the champion's judged weights; None where there is none.
        served: what the weights that would be served say; None where there are none of their own.
        criteria: what must be shown; `Criteria()` by default.

    Raises:
        VerificationError: if a baseline is missing or invalid, or `champion` and
            `identity.champion_version` are not both given or both absent.
    """
    criteria = Criteria() if criteria is None else criteria
    _check_baselines(samples, baselines)
    _check_champion(identity, champion)
    judged = {CANDIDATE: candidate}
    if champion is not None:
        judged[CHAMPION] = champion
    problems = {name: forecast.problem(samples) for name, forecast in judged.items()}
    valid = {name: forecast for name, forecast in judged.items() if problems[name] is None}
    forecasts = {**valid, **baselines}
    counts = count_rows(samples.test)
    contest = Contest.of(samples.test, forecasts, criteria) if counts["blocks"] > 1 else None
    ground = _ground(samples.test, contest, problems, criteria)
    return Verdict(
        identity=identity,
        event=event,
        rows={
            "train": count_rows(samples.train),
            "validation": count_rows(samples.validation),
            "test": counts,
        },
        block_kind=samples.test.block_kind,
        references={
            BASE_RATE: "event frequency of all training rows",
            CLIMATOLOGY: climatology_reference(samples.train),
        },
        criteria=criteria,
        claims=(
            *_claims(samples, ground, problems, criteria),
            _claim_against_best(ground, samples.test, forecasts, problems),
            *_claims_of_served(samples.train, served, criteria),
        ),
        scores=_scores(samples, forecasts),
        skill_intervals={} if contest is None else contest.skill_intervals(),
        comparisons=() if contest is None else contest.comparisons(),
    )


def _check_baselines(samples: Samples, baselines: Mapping[str, Forecast]) -> None:
    missing = sorted({BASE_RATE, CLIMATOLOGY, LOGISTIC_REGRESSION} - set(baselines))
    if missing:
        raise VerificationError(f"baselines {missing} are missing; found {sorted(baselines)}")
    for name, forecast in baselines.items():
        problem = forecast.problem(samples)
        if problem is not None:
            raise VerificationError(f"baseline {name!r} cannot be verified: {problem}")


def _check_champion(identity: Identity, champion: Forecast | None) -> None:
    if (champion is None) != (identity.champion_version is None):
        raise VerificationError(
            "give the champion's probabilities and its version, or neither; found version "
            f"{identity.champion_version!r} and {'no ' if champion is None else ''}probabilities"
        )


def _scores(samples: Samples, forecasts: Mapping[str, Forecast]) -> dict[str, ForecastScores]:
    if not len(samples.test):
        return {}
    return {
        name: score_forecast(
            forecast.test_N,
            samples.test.observed_N,
            threshold=choose_threshold(forecast.validation_N, samples.validation.observed_N),
            base_rate_N=forecasts[BASE_RATE].test_N,
            climatology_N=forecasts[CLIMATOLOGY].test_N,
        )
        for name, forecast in forecasts.items()
    }


def _claims(
    samples: Samples,
    ground: _Ground,
    problems: Mapping[str, str | None],
    criteria: Criteria,
) -> tuple[Claim, ...]:
    valid = claim_valid_probabilities(problems[CANDIDATE])
    enough = claim_enough_data(samples.test, criteria)
    return (
        valid,
        enough,
        _claim_better(ground, "beats_base_rate", BASE_RATE, "the training base rate"),
        *_climatology_claims(samples.train, ground),
    )


def _ground(
    test: WeatherRows,
    contest: Contest | None,
    problems: Mapping[str, str | None],
    criteria: Criteria,
) -> _Ground:
    if problems[CANDIDATE] is not None:
        return "the candidate's probabilities are not valid"
    if contest is None or claim_enough_data(test, criteria).outcome is not Outcome.PASS:
        return "the test rows are too few"
    return contest


def _claims_of_served(
    train: WeatherRows, served: Served | None, criteria: Criteria
) -> tuple[Claim, ...]:
    if served is None:
        return ()
    return (claim_served_weights(served, train.observed_N, criteria.margin),)


def _climatology_claims(train: WeatherRows, ground: _Ground) -> tuple[Claim, ...]:
    """Returns what must be shown against a climatology that knows more than the base rate.

    Station-by-month climatology must be beaten. One that knows only the month (or only the
    station) must not do better: on a year of days of one station, 6 to 8 % of skill beyond the
    month's frequency have a standard error of 4 %, so that a decent forecast would be held back
    every other time.
    """
    has_station, has_month = bool((train.station_N >= 0).any()), bool((train.month_N > 0).any())
    if not has_station and not has_month:
        return ()
    reference = f"climatology ({climatology_reference(train)})"
    if has_station and has_month:
        return (_claim_better(ground, "beats_climatology", CLIMATOLOGY, reference),)
    return (_claim_no_worse(ground, "no_worse_than_climatology", CLIMATOLOGY, reference),)


def _claim_against_best(
    ground: _Ground,
    test: WeatherRows,
    forecasts: Mapping[str, Forecast],
    problems: Mapping[str, str | None],
) -> Claim:
    """Returns what must be shown against logistic regression, or else against the champion."""
    if CHAMPION not in problems:
        name = "no_worse_than_logistic_regression"
        return _claim_no_worse(ground, name, LOGISTIC_REGRESSION, "logistic regression")
    reference = "the champion"
    problem = problems[CHAMPION]
    if problem is not None and isinstance(ground, Contest):
        ground = f"the champion cannot be verified ({problem})"
    elif isinstance(ground, Contest) and not (common_N := forecasts[CHAMPION].unlearned()).all():
        common = test.where(common_N)
        reference = f"the champion, on the {len(common)} of {len(test)} test rows new to it"
        if claim_enough_data(common, ground.criteria).outcome is Outcome.PASS:
            chosen = {name: forecast.on_test(common_N) for name, forecast in forecasts.items()}
            ground = Contest.of(common, chosen, ground.criteria)
        else:
            ground = "those are too few, and the others trained it or chose its recipe"
    return _claim_no_worse(ground, "no_worse_than_champion", CHAMPION, reference)


def _claim_better(ground: _Ground, name: str, forecast: str, reference: str) -> Claim:
    if isinstance(ground, str):
        return claim_undecided(name, reference, ground)
    difference = ground.difference(BRIER_SCORE, forecast, ground.criteria.superiority_confidence)
    return claim_better(name, reference, difference, ground.scale)


def _claim_no_worse(ground: _Ground, name: str, forecast: str, reference: str) -> Claim:
    if isinstance(ground, str):
        return claim_undecided(name, reference, ground)
    criteria = ground.criteria
    shown_worse = in_doubt = None
    if forecast == CHAMPION:
        shown_worse = ground.difference(BRIER_SCORE, forecast, criteria.superiority_confidence)
        in_doubt = ground.difference(BRIER_SCORE, forecast, criteria.doubt_confidence)
    return claim_no_worse(
        name,
        reference,
        ground.difference(BRIER_SCORE, forecast, criteria.non_inferiority_confidence),
        margin=criteria.margin,
        scale=ground.scale,
        shown_worse=shown_worse,
        in_doubt=in_doubt,
        doubt_passes=forecast == LOGISTIC_REGRESSION,
    )
