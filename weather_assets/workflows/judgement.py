"""The candidate before its judges: what it and the champion say about the same held-out rows.

Belongs here: bringing networks (`forecasting`) and judges (`verification`) together, and where the
verdict is kept. Does not belong here: the criteria.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions, read_manifest
from weather_assets.adapters.tracking.model_registry import ModelRegistry, ModelVersion
from weather_assets.contract.schema import Contract
from weather_assets.foundation.documents import read_json
from weather_assets.verification.assessment import assess_candidate
from weather_assets.verification.claims import Criteria, Outcome
from weather_assets.verification.samples import (
    Forecast,
    Samples,
    Served,
    VerificationError,
    read_samples,
)
from weather_assets.verification.verdict import Identity, Verdict
from weather_assets.workflows.bound_weights import load_bound_network
from weather_assets.workflows.candidates import (
    DATA_VERSION,
    JUDGED_WEIGHTS,
    LEARNED_UNTIL,
    SERVED_WEIGHTS,
    candidate_folder,
    served_folder_of,
)
from weather_assets.workflows.judged_rows import answers, read_judged_rows, seen_rows

VERDICT = "verdict.json"
VERDICT_TAG = "weather_assets.verdict"


class VerdictError(ValueError):
    """There is nothing to judge, or the verdict does not allow what was asked."""


class OutrunError(VerdictError):
    """Rows, candidate or champion were replaced meanwhile: what is there now may be judged."""

    may_heal = True


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, its pictures and where they lie.

    Attributes:
        verdict: the verdict.
        pictures: PNG bytes by name.
        folder: `registry/<version>`, with `verdict.json` and the pictures.
    """

    verdict: Verdict
    pictures: Mapping[str, bytes]
    folder: Path


@dataclass(frozen=True, slots=True)
class Promotion:
    """What became of a judged candidate.

    Attributes:
        candidate: the version that was judged.
        champion: the version that the alias `champion` names now; None where nothing passed yet.
        verdict: on the candidate.
    """

    candidate: ModelVersion
    champion: ModelVersion | None
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Whether the candidate is the champion now, because it passed."""
        return self.verdict.outcome is Outcome.PASS

    @property
    def sentence(self) -> str:
        """Who is champion now, and why."""
        judged = f"candidate {self.candidate.version}: {self.verdict.outcome}"
        if self.passed:
            return f"champion {self.candidate.version}, by the verdict on {judged}"
        reasons = " ".join(self.verdict.reasons)
        if self.champion is None:
            return f"there is no champion yet, by the verdict on {judged}. {reasons}"
        return f"champion {self.champion.version} stays, by the verdict on {judged}. {reasons}"


def judge_candidate(root: DataRoot, registry: ModelRegistry, criteria: Criteria) -> Judgement:
    """Judges the version that the alias `candidate` names, on the current rows.

    A candidate that is the champion already is judged against the one that it has replaced, as it
    was before: the same verdict again, so that nothing below is made anew.

    Args:
        root: the data root; `registry/<version>/verdict.json` and pictures are written.
        registry: knows candidate and champion; gets scores, pictures and the outcome.
        criteria: what must be shown.

    Returns:
        The judgement.

    Raises:
        VerdictError: if nothing was trained.
        OutrunError: if the candidate belongs to other rows.
        WeightsChangedError: if weights are not those that were trained for a version.
    """
    candidate = _candidate(registry)
    processed = ProcessedVersions(root.processed).current()
    content = read_manifest(processed)["content_version"]
    if candidate.tags.get(DATA_VERSION) != content:
        raise OutrunError(
            f"candidate {candidate.version} was trained on rows "
            f"{candidate.tags.get(DATA_VERSION)}, the current rows are {content}: materialize "
            "weather_checkpoint first"
        )
    champion = _opponent(root, registry, candidate)
    contract = Contract.from_dict(read_json(processed / "contract.json"))
    table = read_judged_rows(processed / "weather.parquet")
    samples = read_samples(table, contract)
    folder = candidate_folder(root, registry, candidate)
    judged = [candidate] if champion is None else [candidate, champion]
    forecasts = {
        each.version: _forecast(root, registry, each, table, samples, contract) for each in judged
    }
    assessment = assess_candidate(
        table,
        contract,
        identity=Identity(
            model_version=candidate.version,
            data_version=content,
            contract=contract.name,
            champion_version=None if champion is None else champion.version,
            judged_weights=candidate.tags.get(JUDGED_WEIGHTS, ""),
            served_weights=candidate.tags.get(SERVED_WEIGHTS, ""),
        ),
        candidate=forecasts[candidate.version],
        champion=None if champion is None else forecasts[champion.version],
        served=_served(folder, candidate, samples),
        criteria=criteria,
    )
    _keep(registry, candidate, folder, assessment.verdict, assessment.pictures)
    return Judgement(assessment.verdict, assessment.pictures, folder)


def promote_candidate(root: DataRoot, registry: ModelRegistry) -> Promotion:
    """Moves the alias `champion` to the candidate, if its verdict is a pass that still holds.

    Raises:
        VerdictError: if the candidate was not judged.
        OutrunError: if it passed against another champion than the present one.
    """
    found = present_promotion(root, registry)
    if not found.passed:
        return found
    candidate, judged_against = found.candidate, found.verdict.identity.champion_version
    present = None if found.champion is None else found.champion.version
    if present not in (judged_against, candidate.version):
        raise OutrunError(
            f"candidate {candidate.version} was judged against champion {judged_against}, the "
            f"present one is {present}: materialize model_verdict again"
        )
    if present != candidate.version:
        registry.promote(candidate.version)
    return replace(found, champion=candidate)


def present_promotion(root: DataRoot, registry: ModelRegistry) -> Promotion:
    """Returns candidate, champion and verdict as they are; nothing is moved.

    Raises:
        VerdictError: if there is no candidate, or it was not judged.
    """
    candidate = _candidate(registry)
    verdict = read_verdict(candidate_folder(root, registry, candidate))
    return Promotion(candidate, registry.champion(), verdict)


def read_verdict(folder: Path) -> Verdict:
    """Returns the verdict on the model version of a folder.

    Raises:
        VerdictError: if it was not judged yet.
    """
    try:
        return Verdict.from_json((folder / VERDICT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise VerdictError(f"{folder} has no verdict: materialize model_verdict first") from None


def _forecast(
    root: DataRoot,
    registry: ModelRegistry,
    version: ModelVersion,
    table: pd.DataFrame,
    samples: Samples,
    contract: Contract,
) -> Forecast:
    """Returns what a model version's judged weights say about validation and test rows.

    Raises:
        VerdictError: if it forecasts something else, or from features that these rows lack.
    """
    folder = candidate_folder(root, registry, version)
    trained_for = _contract_of(folder)
    if not answers(trained_for, contract):
        raise VerdictError(
            f"model version {version.version} was trained under another contract "
            f"({trained_for.name}) than these rows ({contract.name}): the two cannot be compared. "
            "Keep the new kind of file in a data root of its own"
        )
    network = load_bound_network(folder, version.tags.get(JUDGED_WEIGHTS))
    test: Any = table.loc[table["split"] == "test"]
    return Forecast(
        validation_N=network.probabilities(samples.validation.features_NF),
        test_N=network.probabilities(samples.test.features_NF),
        seen_N=seen_rows(test, contract, version.tags.get(LEARNED_UNTIL), trained_for.split),
    )


def _served(folder: Path, version: ModelVersion, samples: Samples) -> Served | None:
    """Returns what the weights say that would be served; None where they are those judged."""
    served_folder = served_folder_of(folder)
    if served_folder == folder:
        return None
    judged = load_bound_network(folder, version.tags.get(JUDGED_WEIGHTS))
    served = load_bound_network(served_folder, version.tags.get(SERVED_WEIGHTS))
    said = {
        name: served.probabilities(rows.features_NF)
        for name, rows in (
            ("train", samples.train),
            ("validation", samples.validation),
            ("test", samples.test),
        )
    }
    return Served(
        judged_train_N=judged.probabilities(samples.train.features_NF),
        served_train_N=said["train"],
        served_N=np.concatenate(list(said.values())),
        observed_N=np.concatenate(
            [samples.train.observed_N, samples.validation.observed_N, samples.test.observed_N]
        ),
    )


def _opponent(
    root: DataRoot, registry: ModelRegistry, candidate: ModelVersion
) -> ModelVersion | None:
    """Returns whom a candidate has to face: the champion, or the one that it has replaced."""
    champion = registry.champion()
    if champion is None or champion.version != candidate.version:
        return champion
    try:
        replaced = read_verdict(root.registry / candidate.version).identity.champion_version
        return None if replaced is None else registry.get(replaced)
    except (VerdictError, VerificationError, LookupError):
        return None  # nobody knows any more


def _candidate(registry: ModelRegistry) -> ModelVersion:
    candidate = registry.candidate()
    if candidate is None:
        raise VerdictError("there is no candidate: materialize weather_checkpoint first")
    return candidate


def _contract_of(folder: Path) -> Contract:
    return Contract.from_dict(read_json(folder / "contract.json"))


def _keep(
    registry: ModelRegistry,
    candidate: ModelVersion,
    folder: Path,
    verdict: Verdict,
    pictures: Mapping[str, bytes],
) -> None:
    """Writes the verdict beside the weights and into the training's MLflow run."""
    for name, picture in pictures.items():
        (folder / f"{name}.png").write_bytes(picture)
    staged = folder / f".{VERDICT}"
    staged.write_text(verdict.to_json(), encoding="utf-8")
    staged.replace(folder / VERDICT)
    registry.log(
        candidate.run_id, metrics=verdict.flat_scores(), tags={VERDICT_TAG: verdict.outcome}
    )
    for name in (VERDICT, *(f"{name}.png" for name in pictures)):
        registry.log_file(candidate.run_id, folder / name, "verdict")
    registry.tag_version(candidate.version, {VERDICT_TAG: verdict.outcome})
