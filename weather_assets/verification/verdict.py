"""The verdict on one candidate, and `verdict.json`.

Belongs here: what a verdict holds and how it is written and read. Does not belong here: how it is
reached (`assessment`), where it is stored.

The file. `verdict.json` is one JSON object, UTF-8, keys in a fixed order, no NaN or Infinity (an
undefined score is null). Keys:

- `schema_version`: 1. A key is never renamed or given another meaning within a version.
- `outcome`: `pass`, `fail` or `inconclusive`. Only `pass` may move the champion.
- `reasons`: list of sentences, those of the claims that decided.
- `identity`: what was judged on what (`Identity`).
- `event`: the event that is forecast, in words.
- `rows`: `train`, `validation`, `test`, each with `rows`, `events`, `non_events`, `blocks`,
  `event_blocks`.
- `block_kind`: what was resampled as one piece: `utc_day` or `row`.
- `references`: in words, what `base_rate`, `climatology` and so the two skill scores refer to.
- `criteria`: `claims.Criteria`, as used.
- `claims`: list of `name`, `outcome`, `sentence`, `numbers` (`claims.Claim`).
- `scores`: by forecast (`candidate`, `champion`, and the baselines), `metrics.ForecastScores`.
- `skill_intervals`: by forecast, the interval of `brier_skill_score` (`significance.Interval`).
- `comparisons`: list of `reference`, `brier_score`, `log_loss`: candidate less reference on the
  test rows, each a `significance.Interval`; negative where the candidate is better.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from weather_assets.verification.claims import Claim, Criteria, Outcome, overall
from weather_assets.verification.metrics import ForecastScores
from weather_assets.verification.samples import BlockKind, VerificationError
from weather_assets.verification.significance import Interval

SCHEMA_VERSION = 1
CANDIDATE = "candidate"
CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Identity:
    """What was judged, on what.

    Attributes:
        model_version: registered version of the candidate.
        data_version: version of the processed data.
        contract: name of the contract.
        champion_version: registered version of the champion; None where there is none.
        judged_weights: SHA-256 of the files of the network that every score is of.
        served_weights: likewise of the one that the same recipe gives with every row, the test rows
            included: what is served after a pass.
    """

    model_version: str
    data_version: str
    contract: str
    champion_version: str | None = None
    judged_weights: str = ""
    served_weights: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The candidate against one reference on the same test rows; negative is better.

    Attributes:
        reference: name of the other forecast.
        brier_score: difference of Brier scores.
        log_loss: difference of log losses in nats.
    """

    reference: str
    brier_score: Interval
    log_loss: Interval


@dataclass(frozen=True, slots=True)
class Verdict:
    """Pass, fail or inconclusive, with everything that led there.

    Attributes:
        identity: what was judged, on what.
        event: the event that is forecast, in words.
        rows: counts by split, see the module docstring.
        block_kind: what the bootstrap resamples as one piece.
        references: what the references of the skill scores are, in words.
        criteria: what had to be shown.
        claims: what was and was not shown.
        scores: by name of the forecast; empty where there are no test rows.
        skill_intervals: by name of the forecast, of the skill against the training base rate.
        comparisons: candidate against every other forecast.
    """

    identity: Identity
    event: str
    rows: Mapping[str, Mapping[str, int]]
    block_kind: BlockKind
    references: Mapping[str, str]
    criteria: Criteria
    claims: tuple[Claim, ...]
    scores: Mapping[str, ForecastScores]
    skill_intervals: Mapping[str, Interval]
    comparisons: tuple[Comparison, ...]

    @property
    def outcome(self) -> Outcome:
        """The outcome of all claims together."""
        return overall(self.claims)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of the claims that decided: those with the overall outcome."""
        return tuple(claim.sentence for claim in self.claims if claim.outcome is self.outcome)

    def flat_scores(self) -> dict[str, float]:
        """Returns every defined score as `<forecast>_<score>`, for metric stores such as MLflow."""
        return {
            f"{name}_{score}": float(value)
            for name, scores in self.scores.items()
            for score, value in asdict(scores).items()
            if value is not None
        }

    def to_json(self) -> str:
        """Returns the text of `verdict.json`; `from_json` is its inverse."""
        decided = {"outcome": self.outcome, "reasons": self.reasons}
        document = {"schema_version": SCHEMA_VERSION, **decided, **asdict(self)}
        return json.dumps(document, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Returns the verdict that `to_json` wrote.

        Raises:
            VerificationError: if the text is not a verdict of this schema version.
        """
        try:
            document: dict[str, Any] = json.loads(text)
            version = document["schema_version"]
            verdict = cls._of(document) if version == SCHEMA_VERSION else None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise VerificationError(
                f"this is not a verdict.json ({type(error).__name__}: {error}); materialize "
                "model_verdict again"
            ) from error
        if verdict is None:
            raise VerificationError(
                f"verdict.json has schema version {version}; this code reads {SCHEMA_VERSION}; "
                "materialize model_verdict again"
            )
        return verdict

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            identity=Identity(**document["identity"]),
            event=document["event"],
            rows=document["rows"],
            block_kind=BlockKind(document["block_kind"]),
            references=document["references"],
            criteria=Criteria(**document["criteria"]),
            claims=tuple(
                Claim(each["name"], Outcome(each["outcome"]), each["sentence"], each["numbers"])
                for each in document["claims"]
            ),
            scores={name: ForecastScores(**scores) for name, scores in document["scores"].items()},
            skill_intervals={
                name: Interval(**each) for name, each in document["skill_intervals"].items()
            },
            comparisons=tuple(
                Comparison(
                    each["reference"], Interval(**each["brier_score"]), Interval(**each["log_loss"])
                )
                for each in document["comparisons"]
            ),
        )
