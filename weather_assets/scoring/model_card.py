"""The model card: what the model forecasts, from what, how well, and when not to trust it.

Belongs here: the words of MODEL_CARD.md (after Mitchell et al. 2019, "Model Cards for Model
Reporting", arXiv:1810.03993). Does not belong here: computing any of the numbers in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

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
    model = signature["model"]
    sections = [
        f"# {model['name']}, version {model['version']}: {contract.label.event}",
        _forecast(contract, signature),
        _training(contract, verdict, training_period),
        _skill(contract, verdict),
        _inputs(signature),
        _calling(),
        _limits(contract, verdict),
    ]
    return "\n\n".join(sections) + "\n"


def _forecast(contract: Contract, signature: Mapping[str, Any]) -> str:
    lead = contract.label.lead
    when = "in the row's own time" if lead is None else f"{lead} (h:mm:ss) after the row's time"
    criterion = (
        f"`{contract.label.column}` is above {contract.label.threshold:g} "
        f"{contract.column(contract.label.column).unit}"
        if contract.label.threshold is not None
        else f"`{contract.label.column}` is one of {', '.join(contract.label.positive)}"
    )
    return (
        "## What it forecasts\n\n"
        f"The probability of {contract.label.event}: that {criterion} {when}. It takes one row of "
        "raw observations at a time and remembers nothing between rows. `event` in an answer is "
        f"true where the probability reaches {signature['threshold']:.6g}, the threshold that was "
        "chosen on validation rows.\n\n"
        "Intended use: a decision aid for people who can weigh a probability, for the stations, "
        "the season and the instruments that the training rows come from. Not for warnings on "
        "which life or property depend."
    )


def _training(
    contract: Contract, verdict: Mapping[str, Any], period: tuple[str, str] | None
) -> str:
    rows = verdict.get("rows", {})
    train, test = rows.get("train", {}), rows.get("test", {})
    between = "no timestamps" if period is None else f"{period[0]} to {period[1]}"
    facts = [
        ("Data", f"{contract.title} (contract `{contract.name}`)"),
        ("Data version", f"`{verdict.get('identity', {}).get('data_version', 'not recorded')}`"),
        ("Licence of the data", contract.licence or "not stated"),
        (
            "Training rows",
            f"{_number(train.get('rows'))}, {_number(train.get('events'))} with the event",
        ),
        ("Training period", between),
        ("Test rows", f"{_number(test.get('rows'))}, {_number(test.get('events'))} with the event"),
        ("How test rows were chosen", _SPLITS[contract.split.method]),
    ]
    return "## Training data\n\n" + _table(("", ""), facts)


def _skill(contract: Contract, verdict: Mapping[str, Any]) -> str:
    scores = verdict.get("scores", {}).get("candidate", {})
    if not scores:
        return "## Skill\n\nNo scores were recorded for this version: treat its skill as unknown."
    measured = [
        (text, _number(scores[name]))
        for name, text in _SCORES.items()
        if scores.get(name) is not None
    ]
    intervals = verdict.get("skill_intervals", {})
    compared = [
        (_words(name), _interval(intervals[name]))
        for name in ("candidate", *sorted(set(intervals) - {"candidate"}))
        if name in intervals
    ]
    differences = [
        (_words(each["reference"]), _interval(each["brier_score"]))
        for each in verdict.get("comparisons", ())
    ]
    references = "; ".join(
        f"{_words(k)}: {text}" for k, text in verdict.get("references", {}).items()
    )
    return "\n\n".join(
        [
            "## Skill on test rows",
            f"Verdict: **{verdict.get('outcome', 'not recorded')}**. "
            f"The event is {contract.label.event}. {references}".strip(),
            _table(("Score", "Value"), measured),
            "Brier skill score against the training base rate, with bootstrap intervals:",
            _table(("Forecast", "Estimate and interval"), compared),
            "Brier score less that of another forecast on the same rows (negative is better):",
            _table(("Other forecast", "Difference and interval"), differences),
        ]
    )


def _inputs(signature: Mapping[str, Any]) -> str:
    rows = [
        (
            f"`{column['name']}`",
            column["quantity"],
            column["allowed"],
            "yes" if column["required"] else "no",
        )
        for column in signature["columns"]
    ]
    clock = signature["timestamp"]
    if clock is not None:
        made = f"time of observation, for {', '.join(clock['features'])} in UTC"
        rows.append((f"`{clock['column']}`", made, clock["allowed"], "yes"))
    return (
        "## Inputs\n\n"
        "Raw units, by name. A column that is not required may be null or absent; the model was "
        "trained with such gaps. Anything outside the bounds is refused, not clipped.\n\n"
        + _table(("Column", "Quantity", "Allowed", "Required"), rows)
    )


def _calling() -> str:
    return (
        "## How to call it\n\n"
        "```sh\n"
        'curl -sS "$SCORING_URI" -H "Authorization: Bearer $ENDPOINT_KEY" \\\n'
        "  -H 'Content-Type: application/json' --data @sample_request.json\n"
        "```\n\n"
        "`sample_response.json` holds the answer that the network gave in PyTorch. A request with "
        "any bad row is refused as a whole with status 400 and a list of what is wrong (Azure ML "
        "shows this as 424, with the original status in `ms-azureml-model-error-statuscode`).\n\n"
        f"A request may have {MAX_ROWS:,} rows in {MAX_BYTES // 2**20} MiB (half of that with "
        f"characters beyond U+FFFF), {MAX_ROW_BYTES // 2**10} KiB a row, {MAX_STRANGERS:,} names "
        "that are no columns, and in columns that are not read four commas a column and a list a "
        "row, on average. What has more is refused before it is parsed, with status 400 or 413."
    )


def _limits(contract: Contract, verdict: Mapping[str, Any]) -> str:
    lines = [
        "Skill holds for the test rows above; at other places and times it may be another.",
        "Inputs within physical bounds but far from the training rows are still answered.",
    ]
    if contract.station is not None:
        stations = ", ".join(contract.column(contract.station).categories)
        lines.append(f"Only these stations are known: {stations}.")
    if contract.split.method is SplitMethod.HASH:
        lines.append(
            "Rows carry no time, so test rows may neighbour training rows: real skill on new days "
            "is likely lower than stated."
        )
    if verdict.get("outcome") != "pass":
        lines.append("This version has not been shown to be good enough to serve.")
    return "## Limitations\n\n" + "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "Not recorded."
    cells = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in row) + " |" for row in cells)


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
