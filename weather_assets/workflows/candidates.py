"""Candidates: trained once per identity, registered in MLflow, one folder per model version.

Belongs here: from a processed version to a registered model version, and the folders of both. Does
not belong here: what a rank computes (`forecasting`), how ranks are kept together (`gang`), whether
a candidate is good (`judgement`).
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from filelock import FileLock

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions
from weather_assets.adapters.ranks.gang import GangOutcome, run_gang
from weather_assets.adapters.ranks.protocol import RankBackend, RankEvent
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.ranks.waiting_gang import EarlyGang, rank_command
from weather_assets.adapters.tracking.model_registry import (
    CANDIDATE_ARTIFACTS,
    TRAINING_KEY,
    ModelRegistry,
    ModelVersion,
)
from weather_assets.forecasting.settings import TrainingJob, TrainingSettings
from weather_assets.verification.learning_curves import draw_learning_curves

DATA_VERSION = "weather_assets.data_version"
CODE_VERSION = "weather_assets.code_version"
CONFIGURATION = "weather_assets.configuration"
DAGSTER_RUN = "dagster_run_id"
RESULT, HISTORY = "result.json", "history.json"
_LOCK_TIMEOUT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered model version and its folder.

    Attributes:
        version: the version in the registry, with what it is bound to as tags.
        folder: `registry/<version>`: weights, description, history, result, contract.
        result: what rank 0 reported at the end of training.
        gang: how the ranks fared; None where the candidate had been trained before.
    """

    version: ModelVersion
    folder: Path
    result: Mapping[str, Any]
    gang: GangOutcome | None


@dataclass(frozen=True, slots=True)
class TrainingOrder:
    """What to train, and how.

    Attributes:
        settings: of the network and its training.
        gang: number of ranks and time limits.
        code_version: of the training code.
        dagster_run_id: the run that asks.
    """

    settings: TrainingSettings
    gang: GangSettings
    code_version: str
    dagster_run_id: str


def obtain_candidate(
    root: DataRoot,
    registry: ModelRegistry,
    backend: RankBackend,
    order: TrainingOrder,
    *,
    open_run: Callable[[], str],
    on_event: Callable[[RankEvent], None],
    early_gang: EarlyGang | None = None,
) -> Candidate:
    """Returns the candidate for the current rows; trains it only if it never was.

    Equal rows, code and configuration have equal weights, so the version that was trained for them
    is the answer. A training that was interrupted goes on from its last checkpoint.

    Args:
        root: the data root.
        registry: where versions are found and registered.
        backend: where ranks run.
        order: what to train.
        open_run: opens the MLflow run of this training and returns its id.
        on_event: called with everything that a rank says.
        early_gang: ranks that wait for a job, used if they are of the kind that is ordered.

    Returns:
        The candidate, which the registry's alias `candidate` now names.

    Raises:
        GangFailed: naming the rank and the reason, if training failed beyond recovery.
        FileNotFoundError: if there are no processed rows.
    """
    processed = ProcessedVersions(root.processed).current()
    content = json.loads((processed / "manifest.json").read_text("utf-8"))["content_version"]
    configuration = _digest(json.dumps(order.settings.to_dict(), sort_keys=True))
    key = _digest(f"{content}\n{order.code_version}\n{configuration}")
    root.registry.mkdir(parents=True, exist_ok=True)
    with FileLock(root.registry / ".lock", timeout=_LOCK_TIMEOUT_SECONDS):
        known = registry.find_trained(key)
        if known is not None:
            folder = candidate_folder(root, registry, known)
            registry.name_candidate(known.version)
            return Candidate(known, folder, _read(folder / RESULT), None)
        tags = {
            TRAINING_KEY: key,
            DATA_VERSION: content,
            CODE_VERSION: order.code_version,
            CONFIGURATION: configuration,
            DAGSTER_RUN: order.dagster_run_id,
        }
        registry.ensure_experiment()
        run_id = open_run()
        status = "FAILED"
        try:
            trained, gang = _train(root, processed, key, backend, order, on_event, early_gang)
            version = _register(registry, run_id, trained, order, tags)
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        finally:
            registry.end_run(run_id, status)
        folder = root.registry / version.version
        shutil.rmtree(folder, ignore_errors=True)
        trained.rename(folder)
        shutil.rmtree(_training_folder(root, key))
    registry.name_candidate(version.version)
    return Candidate(version, folder, _read(folder / RESULT), gang)


def candidate_folder(root: DataRoot, registry: ModelRegistry, version: ModelVersion) -> Path:
    """Returns the folder of a model version, fetched from MLflow's artifacts if it is not there."""
    folder = root.registry / version.version
    if not (folder / RESULT).is_file():
        with tempfile.TemporaryDirectory(dir=root.registry, prefix=".fetching-") as scratch:
            registry.download_candidate(version.run_id, Path(scratch))
            shutil.rmtree(folder, ignore_errors=True)
            (Path(scratch) / CANDIDATE_ARTIFACTS).rename(folder)
    return folder


def _train(
    root: DataRoot,
    processed: Path,
    key: str,
    backend: RankBackend,
    order: TrainingOrder,
    on_event: Callable[[RankEvent], None],
    early_gang: EarlyGang | None,
) -> tuple[Path, GangOutcome]:
    """Trains in a folder of its own, which outlives a failure: the next try goes on from there."""
    workplace = _training_folder(root, key)
    output = workplace / "candidate"
    output.mkdir(parents=True, exist_ok=True)
    job = TrainingJob(
        rows=processed / "weather.parquet",
        contract=processed / "contract.json",
        statistics=processed / "statistics.json",
        output=output,
        settings=order.settings,
    )
    if early_gang is not None and early_gang.settings == order.gang:
        gang = early_gang.train(job, on_event)
    else:
        job_file = workplace / "job.json"
        job.write(job_file)
        gang = run_gang(
            rank_command(backend.python, job_file),
            environment={},
            settings=order.gang,
            backend=backend,
            on_event=on_event,
        )
    job.remove_scratch()
    shutil.copyfile(processed / "contract.json", output / "contract.json")
    return output, gang


def _register(
    registry: ModelRegistry,
    run_id: str,
    trained: Path,
    order: TrainingOrder,
    tags: Mapping[str, str],
) -> ModelVersion:
    result, history = _read(trained / RESULT), _read(trained / HISTORY)
    settings = {
        field.name: getattr(order.settings, field.name)
        for field in fields(order.settings)
        if field.name != "architectures"
    }
    registry.log(
        run_id,
        parameters={
            **settings,
            "variant": result["variant"],
            "world_size": result["world_size"],
            "training_rows": result["training_rows"],
        },
        metrics={
            name: float(value)
            for name, value in result.items()
            if name.startswith("validation_")
            or name in ("best_epoch", "samples_per_second", "seconds")
        },
        tags=tags,
    )
    registry.log_history(
        run_id,
        [
            (f"{variant}_{name}", int(row["step"]), float(value))
            for variant, rows in history.items()
            for row in rows
            for name, value in row.items()
            if name not in ("step", "epoch")
        ],
    )
    (trained / "learning_curves.png").write_bytes(draw_learning_curves(history))
    registry.log_environment(run_id)
    registry.log_folder(run_id, trained, CANDIDATE_ARTIFACTS)
    return registry.register(run_id, tags)


def _training_folder(root: DataRoot, key: str) -> Path:
    return root.registry / ".training" / key


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
