"""How a stage of a rollout is shown in the UI.

Belongs here: typed metadata made from a stage's report. Does not belong here: any decision.
"""

from typing import TYPE_CHECKING, Any

import dagster as dg

from weather_assets.defs.metadata import markdown

if TYPE_CHECKING:
    from weather_assets.rollout.report import StageReport

_FENCE = "~~~~"
_WITHDRAWN = "-withdrawn"


def stage_metadata(report: "StageReport") -> dict[str, Any]:
    """Returns what the asset of a stage shows: traffic, verdict, evidence, address, logs."""
    shown: dict[str, Any] = {
        "model_version": report.release.version,
        "slot": report.slot,
        "traffic_before": str(report.traffic_before),
        "traffic_after": str(report.traffic_after),
        "standing": report.standing,
        "rolled_back": report.rolled_back,
        "verdict": dg.MetadataValue.md(
            "\n".join(f"- {markdown(reason, 2_000)}" for reason in report.verdict.reasons)
            or "nothing to judge"
        ),
        "evidence": dg.MetadataValue.md(_evidence_table(report)),
    }
    if report.scoring_uri:
        shown["scoring_uri"] = dg.MetadataValue.url(report.scoring_uri)
    for slot, log in report.logs.items():
        # A fence of tildes: logs of a crash quote Markdown's usual one.
        shown[f"log_of_{slot}"] = dg.MetadataValue.md(
            f"{_FENCE}\n{log.replace(_FENCE, '~ ~ ~ ~')}\n{_FENCE}"
        )
    return shown


def stage_check(report: "StageReport", asset: dg.AssetKey, name: str) -> dg.AssetCheckResult:
    """Returns the verdict on a stage as the result of its blocking check."""
    return dg.AssetCheckResult(
        passed=report.passed,
        check_name=name,
        asset_key=asset,
        description=report.sentence,
        metadata=dict(report.numbers),
    )


def stage_data_version(report: "StageReport") -> dg.DataVersion:
    """Returns what the stages below go by: the release, and whether it was withdrawn."""
    withdrawn = _WITHDRAWN if report.rolled_back else ""
    return dg.DataVersion(f"{report.release.identity}{withdrawn}")


def released(data_version: str) -> str:
    """Returns the identity of the release that a stage's data version is about."""
    return data_version.removesuffix(_WITHDRAWN)


def _evidence_table(report: "StageReport") -> str:
    lines = ["| | |", "| --- | ---: |"]
    lines += [
        f"| {name.replace('_', ' ')} | {value:.6g} |" for name, value in report.numbers.items()
    ]
    return "\n".join(lines)
