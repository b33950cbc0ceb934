"""The model card: what the model forecasts, from what, how well, and when not to trust it.

Belongs here: what MODEL_CARD.md.j2 is filled with (after Mitchell et al. 2019, "Model Cards for
Model Reporting", arXiv:1810.03993). Does not belong here: computing any of the numbers in it.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from weather_assets.contract.schema import Contract, SplitMethod
from weather_assets.scoring.score import MAX_BYTES, MAX_ROW_BYTES, MAX_ROWS, MAX_STRANGERS

_SCORES = {
    "brier_score": "Brier score (0 is perfect)",
    "brier_skill_score": "Brier skill score against the training base rate (1 is perfect)",
    "brier_skill_score_climatology": "Brier skill score against climatology",
    "log_loss": "Log loss, nats",
    "roc_auc": "ROC AUC (0.5 is guessing, 1 is perfect)",
    "probability_of_detection": "Probability of detection at the threshold",
    "false_alarm_ratio": "False alarm ratio at the threshold",
    "critical_success_index": "Critical success index at the threshold",
    "frequency_bias": "Frequency bias at the threshold (1 is unbiased)",
}
_SPLITS = {
    SplitMethod.CHRONOLOGICAL: "the last rows in time, later than every training row",
    SplitMethod.HASH: "a stable random part of the rows",
    SplitMethod.DAY_OF_MONTH: "days of the month that were kept out of training",
}


def write_model_card(
    contract: Contract,
    signature: Mapping[str, Any],
    verdict: Mapping[str, Any],
    training_period: tuple[str, str] | None,
) -> str:
    """Writes the card.

    Args:
        contract: what the raw rows are.
        signature: what `signature.build_signature` returned.
        verdict: the parsed `verdict.json`; sections whose numbers it lacks say so.
        training_period: first and last observation of the training rows (ISO 8601), or None.

    Returns:
        Markdown; the same arguments give the same text.
    """
    scores = verdict.get("scores", {}).get("candidate", {})
    intervals = verdict.get("skill_intervals", {})
    references = verdict.get("references", {}).items()
    return _template().render(
        contract=contract,
        signature=signature,
        verdict=verdict,
        training_period=training_period,
        chosen=_SPLITS[contract.split.method],
        references="; ".join(f"{_words(name)}: {text}" for name, text in references),
        measured=[
            (text, _number(scores[name]))
            for name, text in _SCORES.items()
            if scores.get(name) is not None
        ],
        compared=[
            (_words(name), _interval(intervals[name]))
            for name in sorted(intervals, key=lambda name: (name != "candidate", name))
        ],
        differences=[
            (_words(each["reference"]), _interval(each["brier_score"]))
            for each in verdict.get("comparisons", ())
        ],
        most={
            "rows": MAX_ROWS,
            "mebibytes": MAX_BYTES // 2**20,
            "row_kibibytes": MAX_ROW_BYTES // 2**10,
            "strangers": MAX_STRANGERS,
        },
    )


@cache
def _template() -> jinja2.Template:
    # Markdown, in which nothing is to be escaped but what would end a cell.
    words = jinja2.Environment(  # noqa: S701
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    words.filters |= {"cell": _cell, "number": _number}
    text = resources.files("weather_assets.scoring").joinpath("MODEL_CARD.md.j2")
    return words.from_string(text.read_text("utf-8"))


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _words(name: str) -> str:
    return name.replace("_", " ")


def _number(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4f}" if isinstance(value, float) else "not recorded"


def _interval(interval: Mapping[str, Any]) -> str:
    level = 100 * interval["confidence_level"]
    return (
        f"{interval['estimate']:+.4f} ({level:.0f} % interval {interval['lower']:+.4f} to "
        f"{interval['upper']:+.4f})"
    )
