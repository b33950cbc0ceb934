"""One call from the processed table and a candidate's probabilities to verdict and pictures.

Belongs here: joining the other modules for whoever persists the result. Does not belong here:
anything that could be decided or drawn without a table and a contract; storage.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from weather_assets.contract.schema import Contract
from weather_assets.verification.baselines import fit_baselines
from weather_assets.verification.claims import Criteria
from weather_assets.verification.evaluation import evaluate_candidate
from weather_assets.verification.plots import draw_verdict
from weather_assets.verification.samples import Forecast, Served, read_samples
from weather_assets.verification.verdict import CANDIDATE, CHAMPION, Identity, Verdict


@dataclass(frozen=True, eq=False, slots=True)
class Assessment:
    """A verdict and its pictures.

    Attributes:
        verdict: the verdict.
        pictures: PNG bytes by name: `reliability`, `roc`, `score_comparison`; empty where the test
            rows or the candidate's probabilities leave nothing to draw.
    """

    verdict: Verdict
    pictures: Mapping[str, bytes]


def assess_candidate(
    table: pd.DataFrame,
    contract: Contract,
    *,
    identity: Identity,
    candidate: Forecast,
    champion: Forecast | None = None,
    served: Served | None = None,
    criteria: Criteria | None = None,
) -> Assessment:
    """Fits the baselines, judges the candidate and draws the pictures.

    Args:
        table: `processed/weather.parquet` as pandas reads it.
        contract: what its columns are.
        identity: what is judged, on what.
        candidate: its probabilities for the validation and test rows, in table order.
        champion: the present champion's probabilities for the same rows, by its judged weights;
            None where there is none.
        served: as for `evaluate_candidate`.
        criteria: what must be shown; `Criteria()` by default.

    Raises:
        VerificationError: if the table does not fit the contract, or baselines cannot be fitted.
    """
    samples = read_samples(table, contract)
    baselines = fit_baselines(samples, contract.features)
    verdict = evaluate_candidate(
        samples,
        identity=identity,
        event=contract.label.event,
        candidate=candidate,
        baselines=baselines,
        champion=champion,
        served=served,
        criteria=criteria,
    )
    forecasts = {CANDIDATE: candidate, **baselines}
    if champion is not None:
        forecasts[CHAMPION] = champion
    shown = {name: forecasts[name].test_N for name in verdict.scores}
    pictures = draw_verdict(verdict, shown, samples.test) if CANDIDATE in shown else {}
    return Assessment(verdict, pictures)
