"""How training and its verdict are shown in the UI, and how a rank's words reach the event log.

Belongs here: typed metadata and log lines made from domain results. Does not belong here: any
decision.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from weather_assets.defs.metadata import LEARNED_ROWS, TRAINED_NOW

if TYPE_CHECKING:
    from weather_assets.adapters.ranks.gang import GangOutcome
    from weather_assets.adapters.ranks.protocol import RankEvent
    from weather_assets.verification.verdict import Verdict
    from weather_assets.workflows.candidates import Candidate
    from weather_assets.workflows.judgement import Judgement

VERDICT_CHECK = "candidate_is_no_worse"
_SHOWN_SCORES = (
    "brier_score",
    "brier_skill_score",
    "log_loss",
    "roc_auc",
    "critical_success_index",
    "probability_of_detection",
    "false_alarm_ratio",
    "heidke_skill_score",
    "equitable_threat_score",
    "frequency_bias",
)
_PLACEMENT = ("container", "container_id", "image", "image_digest", "cpus", "memory", "gpu")
"""What the description of a rank in a container says beside its engine's name."""


def rank_event_logger(log: dg.DagsterLogManager) -> "Callable[[RankEvent], None]":
    """Returns what writes a rank's events into the Dagster event log, heartbeats left out."""

    def write(event: "RankEvent") -> None:
        if event.name == "heartbeat":
            return
        who = "gang" if event.rank is None else f"rank {event.rank}"
        fields = {key: value for key, value in event.fields.items() if key not in ("event", "rank")}
        if event.name == "log":
            log.info("%s: %s", who, fields.get("line", ""))
            return
        details = ", ".join(
            f"{key} {value:.5g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in fields.items()
        )
        level = (
            log.warning if event.name in ("failed", "attempt_failed", "relaunching") else log.info
        )
        level(f"{who} {event.name}{': ' if details else ''}{details}")

    return write


def candidate_metadata(candidate: "Candidate") -> dict[str, Any]:
    """Returns what `weather_checkpoint` shows."""
    result = candidate.result
    gang = candidate.gang
    return {
        "model_version": candidate.version.version,
        "mlflow_run_id": candidate.version.run_id,
        "path": dg.MetadataValue.path(str(candidate.folder)),
        TRAINED_NOW: gang is not None,
        "attempts": 0 if gang is None else gang.attempts,
        "recovered_from": "" if gang is None else gang.recovered_from,
        "variant": result["variant"],
        "steps": result["steps"],
        "epochs": result["epochs"],
        LEARNED_ROWS: result["served_rows"],
        "validation_log_loss": result["validation_log_loss"],
        "samples_per_second": result["samples_per_second"],
        "training_seconds": result["seconds"],
        "world_size": result["world_size"],
        "ranks": dg.MetadataValue.md(rank_table(result["ranks"], gang)),
        "bound_to": dg.MetadataValue.json(dict(candidate.version.tags)),
        "learning_curves": picture((candidate.folder / "learning_curves.png").read_bytes()),
    }


def rank_table(ranks: Sequence[Mapping[str, Any]], gang: "GangOutcome | None") -> str:
    """Returns where each rank ran and how fast it was, as a Markdown table.

    Args:
        ranks: what the ranks said of themselves, from the candidate's result.
        gang: where its supervisor placed them; None where the candidate had been trained before.
    """
    placed = {} if gang is None else {report.rank: report.description for report in gang.ranks}
    columns = ["rank", "host", "process", "device", "samples/s"]
    shown = [name for name in _PLACEMENT if any(name in each for each in placed.values())]
    lines = [
        f"| {' | '.join(columns + [name.replace('_', ' ') for name in shown])} |",
        f"| --- | --- | --- | --- | ---: |{' --- |' * len(shown)}",
    ]
    for rank in ranks:
        place = placed.get(rank["rank"], {})
        cells = [
            str(rank["rank"]),
            place.get("engine", rank["host"]),
            str(rank["pid"]),
            rank["device"],
            f"{rank['samples_per_second']:,.0f}",
            *(place.get(name, "") for name in shown),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def verdict_metadata(judgement: "Judgement") -> dict[str, Any]:
    """Returns what `model_verdict` shows: outcome, claims, scores side by side, pictures."""
    verdict = judgement.verdict
    claims = ["| claim | outcome | |", "| --- | --- | --- |"]
    claims += [f"| {claim.name} | {claim.outcome} | {claim.sentence} |" for claim in verdict.claims]
    return {
        "outcome": str(verdict.outcome),
        "model_version": verdict.identity.model_version,
        "champion_version": verdict.identity.champion_version or "none yet",
        "path": dg.MetadataValue.path(str(judgement.folder / "verdict.json")),
        "claims": dg.MetadataValue.md("\n".join(claims)),
        "scores": dg.MetadataValue.md(_score_table(verdict)),
        **{name: picture(png) for name, png in judgement.pictures.items()},
    }


def verdict_check(verdict: "Verdict") -> dg.AssetCheckResult:
    """Returns the verdict as the result of its check: what is no pass is a warning."""
    numbers = verdict.flat_scores()
    shown = ("candidate_brier_skill_score", "candidate_roc_auc", "champion_brier_skill_score")
    return dg.AssetCheckResult(
        passed=verdict.outcome == "pass",
        check_name=VERDICT_CHECK,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{verdict.outcome}: {_in_short(verdict)}",
        metadata={
            "outcome": str(verdict.outcome),
            **{name: numbers[name] for name in shown if name in numbers},
        },
    )


def _in_short(verdict: "Verdict") -> str:
    """Returns skills side by side for a pass, and for anything else what decided."""
    if verdict.outcome != "pass":
        return " ".join(verdict.reasons)
    skills = [
        f"{name.replace('_', ' ')} {scores.brier_skill_score:+.3f}"
        for name, scores in verdict.scores.items()
        if scores.brier_skill_score is not None
    ]
    return f"Brier skill {', '.join(skills)}; all {len(verdict.claims)} claims shown"


def verdict_data_version(verdict: "Verdict") -> dg.DataVersion:
    """Returns a hash of the verdict: the same verdict again is nothing new."""
    return dg.DataVersion(hashlib.sha256(verdict.to_json().encode()).hexdigest()[:16])


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """Returns a PNG picture that the UI shows in place."""
    return dg.MetadataValue.md(f"![](data:image/png;base64,{base64.b64encode(png).decode()})")


def _score_table(verdict: "Verdict") -> str:
    names = list(verdict.scores)
    lines = ["| score | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    for score in _SHOWN_SCORES:
        values = [getattr(verdict.scores[name], score, None) for name in names]
        shown = " | ".join("" if value is None else f"{value:.4f}" for value in values)
        lines.append(f"| {score} | {shown} |")
    return "\n".join(lines)
