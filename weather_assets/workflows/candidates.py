"""Candidates: trained once per identity, registered in MLflow, one folder per model version.

Belongs here: from a processed version to a registered model version, and the folders of both. Does
not belong here: what a rank computes (`forecasting`), how ranks are kept together (`gang`), whether
a candidate is good (`judgement`).
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.dataset as ds
from filelock import FileLock

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions, read_manifest
from weather_assets.adapters.ranks.gang import GangOutcome, launched_gang
from weather_assets.adapters.ranks.protocol import RankBackend, RankEvent
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.tracking.model_registry import (
    CANDIDATE_ARTIFACTS,
    TRAINING_KEY,
    ModelRegistry,
    ModelVersion,
)
from weather_assets.contract.schema import Contract
from weather_assets.forecasting.settings import SERVED_FOLDER, TrainingJob, TrainingSettings
from weather_assets.foundation.documents import read_json

DATA_VERSION = "weather_assets.data_version"
CODE_VERSION = "weather_assets.code_version"
CONFIGURATION = "weather_assets.configuration"
JUDGED_WEIGHTS = "weather_assets.judged_weights"
SERVED_WEIGHTS = "weather_assets.served_weights"
LEARNED_UNTIL = "weather_assets.learned_until"
"""Time of the newest row that trained the judged weights or chose among them (ISO 8601)."""
SERVED_UNTIL = "weather_assets.served_until"
"""Time of the newest row of all, which trained the served weights (ISO 8601)."""
DAGSTER_RUN = "dagster_run_id"
RESULT, HISTORY = "result.json", "history.json"
_LOCK_TIMEOUT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered model version and its folder.

    Attributes:
        version: the version in the registry, with what it is bound to as tags.
        folder: `registry/<version>`: weights that are judged, in `served/` those that are served,
            history, result, contract.
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


@dataclass(frozen=True, slots=True)
class _Identity:
    """What a candidate is bound to: equal ones have equal weights.

    Attributes:
        key: names all of it.
        tags: say it, of an MLflow run and of a model version.
    """

    key: str
    tags: Mapping[str, str]

    @classmethod
    def of(cls, processed: Path, order: TrainingOrder) -> Self:
        content = read_manifest(processed)["content_version"]
        configuration = _digest(json.dumps(order.settings.to_dict(), sort_keys=True))
        key = _digest(f"{content}\n{order.code_version}\n{configuration}")
        tags = {
            TRAINING_KEY: key,
            DATA_VERSION: content,
            CODE_VERSION: order.code_version,
            CONFIGURATION: configuration,
            DAGSTER_RUN: order.dagster_run_id,
        }
        return cls(key, tags)


def obtain_candidate(
    root: DataRoot,
    registry: ModelRegistry,
    backend: RankBackend,
    order: TrainingOrder,
    *,
    open_run: Callable[[], str],
    on_event: Callable[[RankEvent], None],
    has_ended: Callable[[str], bool],
) -> Candidate:
    """Returns the candidate for the current rows; trains it only if it never was.

    Equal rows, code and configuration have equal weights, so the version that was trained for them
    is the answer. A training that was interrupted goes on from its last checkpoint.

    Args:
        root: the data root.
        registry: where versions are found and registered.
        backend: where ranks run; nothing is started there for a candidate that is known.
        order: what to train.
        open_run: opens the MLflow run of this training and returns its id.
        on_event: called with everything that a rank says.
        has_ended: tells of a Dagster run whether nobody works for it any more: its training, if it
            never ended in MLflow, was killed.

    Returns:
        The candidate, which the registry's alias `candidate` now names.

    Raises:
        GangFailed: naming the rank and the reason, if training failed beyond recovery.
        FileNotFoundError: if there are no processed rows.
    """
    processed = ProcessedVersions(root.processed).current()
    identity = _Identity.of(processed, order)
    root.registry.mkdir(parents=True, exist_ok=True)
    with FileLock(root.registry / ".lock", timeout=_LOCK_TIMEOUT_SECONDS):
        registry.end_abandoned(has_ended)
        version, gang = registry.find_trained(identity.key), None
        if version is None:
            training = _Training(root, registry, processed, order, identity)
            version, gang = training.run(backend, open_run, on_event)
        folder = candidate_folder(root, registry, version)
        registry.name_candidate(version.version)
    return Candidate(version, folder, read_json(folder / RESULT), gang)


def candidate_folder(root: DataRoot, registry: ModelRegistry, version: ModelVersion) -> Path:
    """Returns the folder of a model version, fetched from MLflow's artifacts if it is not there."""
    folder = root.registry / version.version
    if not (folder / RESULT).is_file():
        with tempfile.TemporaryDirectory(dir=root.registry, prefix=".fetching-") as scratch:
            registry.download_candidate(version.run_id, Path(scratch))
            shutil.rmtree(folder, ignore_errors=True)
            (Path(scratch) / CANDIDATE_ARTIFACTS).rename(folder)
    return folder


def served_folder_of(folder: Path) -> Path:
    """Returns where the weights of a version lie that are served.

    Args:
        folder: of the version. Those made before recipes were trained a second time, on every row,
            have one set of weights for both purposes.

    Raises:
        DocumentError: if its result is damaged.
        OSError: if there is none.
    """
    has_two = "served_weights" in read_json(folder / RESULT)
    return folder / SERVED_FOLDER if has_two else folder


def newest_learned(processed: Path, contract: Contract) -> Mapping[str, str]:
    """Returns the tags that say up to when rows were learned; none where rows have no time.

    Args:
        processed: folder of a version of the processed rows.
        contract: of the rows.
    """
    if contract.timestamp is None:
        return {}
    rows = ds.dataset(str(processed / "weather.parquet"))
    column = contract.timestamp.column
    newest: dict[str, datetime] = {}
    for batch in rows.to_batches(columns=[column, "split"]):
        found = pa.table(batch).group_by("split").aggregate([(column, "max")])
        for each in found.to_pylist():
            latest: datetime = each[f"{column}_max"]
            newest[each["split"]] = max(newest.get(each["split"], latest), latest)
    judged = [time for split, time in newest.items() if split != "test"]
    return {
        **({LEARNED_UNTIL: max(judged).isoformat()} if judged else {}),
        **({SERVED_UNTIL: max(newest.values()).isoformat()} if newest else {}),
    }


@dataclass(frozen=True, slots=True)
class _Training:
    """The making of a candidate that is not known yet."""

    root: DataRoot
    registry: ModelRegistry
    processed: Path
    order: TrainingOrder
    identity: _Identity

    @property
    def workplace(self) -> Path:
        """A folder of its own, which outlives a failure: the next try goes on from there."""
        return self.root.registry / ".training" / self.identity.key

    def run(
        self,
        backend: RankBackend,
        open_run: Callable[[], str],
        on_event: Callable[[RankEvent], None],
    ) -> tuple[ModelVersion, GangOutcome]:
        """Trains, registers the version, and gives it its folder."""
        job = self._job()
        job_file = self.workplace / "job.json"
        job.write(job_file)
        # The ranks take seconds to load their libraries; MLflow gets ready meanwhile.
        with launched_gang(
            rank_command(backend.python, job_file),
            settings=self.order.gang,
            backend=backend,
            on_event=on_event,
        ) as ranks:
            self.registry.ensure_experiment()
            with _mlflow_run(self.registry, open_run) as run_id:
                outcome = ranks.finish()
                job.remove_scratch()
                shutil.copyfile(self.processed / "contract.json", job.output / "contract.json")
                version = _register(
                    self.registry, run_id, job.output, self.order, self._tags(job.output)
                )
        folder = self.root.registry / version.version
        shutil.rmtree(folder, ignore_errors=True)
        job.output.rename(folder)
        shutil.rmtree(self.workplace)
        return version, outcome

    def _tags(self, trained: Path) -> Mapping[str, str]:
        """Returns what the version is bound to, both sets of weights included."""
        result = read_json(trained / RESULT)
        learned = newest_learned(
            self.processed, Contract.from_dict(read_json(trained / "contract.json"))
        )
        weights = {
            JUDGED_WEIGHTS: result["judged_weights"],
            SERVED_WEIGHTS: result["served_weights"],
        }
        return {**self.identity.tags, **weights, **learned}

    def _job(self) -> TrainingJob:
        output = self.workplace / "candidate"
        output.mkdir(parents=True, exist_ok=True)
        return TrainingJob(
            rows=self.processed / "weather.parquet",
            contract=self.processed / "contract.json",
            statistics=self.processed / "statistics.json",
            output=output,
            settings=self.order.settings,
        )


def rank_command(python: str, job_file: Path) -> tuple[str, ...]:
    """Returns the command of a rank.

    Args:
        python: the interpreter where the ranks run, as the backend names it.
        job_file: what `TrainingJob.write` wrote.
    """
    return (python, "-m", "weather_assets.forecasting", str(job_file))


@contextmanager
def _mlflow_run(registry: ModelRegistry, open_run: Callable[[], str]) -> Generator[str]:
    """Yields the id of a new MLflow run, and ends the run as the block ends."""
    run_id, status = open_run(), "KILLED"  # by whatever is no error: a user's, or Dagster's own
    try:
        yield run_id
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        registry.end_run(run_id, status)


def _register(
    registry: ModelRegistry,
    run_id: str,
    trained: Path,
    order: TrainingOrder,
    tags: Mapping[str, str],
) -> ModelVersion:
    result, history = read_json(trained / RESULT), read_json(trained / HISTORY)
    parameters = {
        field.name: getattr(order.settings, field.name)
        for field in fields(order.settings)
        if field.name != "architectures"
    } | {
        name: result[name]
        for name in ("variant", "steps", "world_size", "training_rows", "served_rows")
    }
    metrics = {
        name: float(value)
        for name, value in result.items()
        if name.startswith("validation_") or name in ("epochs", "samples_per_second", "seconds")
    }
    registry.log(run_id, parameters=parameters, metrics=metrics, tags=tags)
    steps = [
        (f"{variant}_{name}", int(row["step"]), float(value))
        for variant, rows in history.items()
        for row in rows
        for name, value in row.items()
        if name not in ("step", "epoch")
    ]
    registry.log_history(run_id, steps)
    # While the ranks load, so does matplotlib, for the verdict; before they are launched it would
    # keep them waiting.
    from weather_assets.verification.learning_curves import draw_learning_curves  # noqa: PLC0415

    (trained / "learning_curves.png").write_bytes(draw_learning_curves(history))
    registry.log_environment(run_id)
    registry.log_folder(run_id, trained, CANDIDATE_ARTIFACTS)
    return registry.register(run_id, tags)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
