"""MLflow: training runs, model versions and the champion alias.

Belongs here: every call of MLflow's client. Helpers take and return ids, never an open run, so that
a retry or another process can go on where one stopped. Does not belong here: what a model is
(`forecasting`), or whether it may become champion (`verification`).
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.entities.model_registry import ModelVersion as MlflowModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from weather_assets.adapters.tracking.empty_tables import place_tables
from weather_assets.adapters.tracking.leftovers import forget_leftovers
from weather_assets.adapters.tracking.local_store import (
    artifacts_of,
    database_of,
    settle_artifacts,
)

EXPERIMENT, REPLAYS = "weather_assets", "weather_assets_replays"
MODEL = "rain_forecast"
CHAMPION = "champion"
CANDIDATE = "candidate"
CANDIDATE_ARTIFACTS = "candidate"
TRAINING_KEY = "weather_assets.training_key"
_DAGSTER_RUN_TAG = "dagster_run_id"  # as dagster-mlflow writes it
_METRIC_BATCH = 1000  # MLflow's limit of metrics in one call
_PARAMETER_BATCH = 100  # and of parameters


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version of the model.

    Attributes:
        version: MLflow's version number, as text.
        run_id: the MLflow run that trained it.
        tags: what it is bound to: data version, code version, configuration, Dagster run.
    """

    version: str
    run_id: str
    tags: Mapping[str, str]


class ModelRegistry:
    """The model registry of one data root.

    Args:
        tracking_uri: where MLflow keeps runs and models (`DataRoot.tracking_uri`).
    """

    def __init__(self, tracking_uri: str) -> None:
        forget_leftovers()
        self._database = database_of(tracking_uri)
        if self._database is not None:
            place_tables(self._database)
        self._client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        if self._database is not None:
            settle_artifacts(self._database)

    def ensure_experiment(self, name: str = EXPERIMENT) -> str:
        """Makes an experiment, by default that of trainings, if it is missing; returns its id."""
        experiment = self._client.get_experiment_by_name(name)
        if experiment is not None:
            return experiment.experiment_id
        database = self._database  # a server puts artifacts into a place of its own
        location = None if database is None else (artifacts_of(database) / name).as_uri()
        return self._client.create_experiment(name, artifact_location=location)

    def add_replay(
        self,
        name: str,
        *,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        history: Sequence[tuple[str, int, float]],
    ) -> str:
        """Adds a replay, a run that has ended, to the experiment of replays; returns its id.

        Args:
            name: of the run.
            parameters: of it.
            metrics: without a step.
            history: metrics by step: tuples of name, step and value.
        """
        run = self._client.create_run(self.ensure_experiment(REPLAYS), run_name=name)
        self.log(run.info.run_id, parameters=parameters, metrics=metrics)
        self.log_history(run.info.run_id, history)
        self.end_run(run.info.run_id, "FINISHED")
        return run.info.run_id

    def end_run(self, run_id: str, status: str) -> None:
        """Ends a run with one of MLflow's statuses: FINISHED, FAILED or KILLED."""
        self._client.set_terminated(run_id, status)

    def end_abandoned(self, was_killed: Callable[[str], bool]) -> None:
        """Ends the runs whose training was killed before it could say so.

        Args:
            was_killed: tells of a Dagster run whether nobody works for it any more.
        """
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return
        for run in self._client.search_runs(
            [experiment.experiment_id], "attributes.status = 'RUNNING'"
        ):
            if was_killed(run.data.tags.get(_DAGSTER_RUN_TAG, "")):
                self.end_run(run.info.run_id, "KILLED")

    def log(
        self,
        run_id: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Adds parameters, metrics without a step, and tags to a run."""
        items = [Param(key, str(value)) for key, value in (parameters or {}).items()]
        for start in range(0, len(items), _PARAMETER_BATCH):
            self._client.log_batch(run_id, params=items[start : start + _PARAMETER_BATCH])
        now = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(key, float(value), now, 0) for key, value in (metrics or {}).items()],
            tags=[RunTag(key, value) for key, value in (tags or {}).items()],
        )

    def log_history(self, run_id: str, history: Sequence[tuple[str, int, float]]) -> None:
        """Adds metrics per epoch: tuples of name, epoch and value."""
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, epoch) for name, epoch, value in history]
        for start in range(0, len(metrics), _METRIC_BATCH):
            self._client.log_batch(run_id, metrics=metrics[start : start + _METRIC_BATCH])

    def log_folder(self, run_id: str, folder: Path, artifact_path: str) -> None:
        """Adds every file of a folder to a run."""
        self._client.log_artifacts(run_id, str(folder), artifact_path)

    def log_file(self, run_id: str, file: Path, artifact_path: str) -> None:
        """Adds one file to a run."""
        self._client.log_artifact(run_id, str(file), artifact_path)

    def log_environment(self, run_id: str) -> None:
        """Adds the versions of all installed packages to a run."""
        # By the names of their folders, `name-version.dist-info`: reading each one's metadata, as
        # importlib.metadata does to give a name, takes a second.
        folders = (found for place in sys.path for found in Path(place).glob("*-*.dist-info"))
        packages = sorted({folder.stem.replace("-", "==", 1) for folder in folders})
        self._client.log_text(run_id, "\n".join(packages) + "\n", "environment/requirements.txt")

    def register(self, run_id: str, tags: Mapping[str, str]) -> ModelVersion:
        """Registers the candidate artifacts of a run as a new model version."""
        try:
            self._client.create_registered_model(
                MODEL, description="Probability of rain, from raw units"
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"runs:/{run_id}/{CANDIDATE_ARTIFACTS}"
        return _model_version(
            self._client.create_model_version(MODEL, source, run_id=run_id, tags=dict(tags))
        )

    def find_trained(self, training_key: str) -> ModelVersion | None:
        """Returns the newest version that was trained under a key, or None."""
        query = f"name = '{MODEL}' and tag.`{TRAINING_KEY}` = '{training_key}'"
        found = [_model_version(item) for item in self._client.search_model_versions(query)]
        return max(found, key=lambda item: int(item.version), default=None)

    def get(self, version: str) -> ModelVersion:
        """Returns a version.

        Raises:
            LookupError: if there is no such version.
        """
        try:
            return _model_version(self._client.get_model_version(MODEL, version))
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                raise
            raise LookupError(f"the registry has no version {version} of {MODEL}") from None

    def champion(self) -> ModelVersion | None:
        """Returns the version that the alias `champion` names, or None before the first."""
        return self._named(CHAMPION)

    def candidate(self) -> ModelVersion | None:
        """Returns the version that the alias `candidate` names: the newest one to be judged."""
        return self._named(CANDIDATE)

    def promote(self, version: str) -> None:
        """Moves the alias `champion` to a version."""
        self._client.set_registered_model_alias(MODEL, CHAMPION, version)

    def name_candidate(self, version: str) -> None:
        """Moves the alias `candidate` to a version."""
        self._client.set_registered_model_alias(MODEL, CANDIDATE, version)

    def _named(self, alias: str) -> ModelVersion | None:
        try:
            return _model_version(self._client.get_model_version_by_alias(MODEL, alias))
        except MlflowException as error:
            if error.error_code not in {
                ErrorCode.Name(RESOURCE_DOES_NOT_EXIST),
                "INVALID_PARAMETER_VALUE",  # what MLflow answers for an alias that was never set
            }:
                raise
            return None

    def tag_version(self, version: str, tags: Mapping[str, str]) -> None:
        """Adds tags to a version."""
        for key, value in tags.items():
            self._client.set_model_version_tag(MODEL, version, key, value)

    def download_candidate(self, run_id: str, destination: Path) -> None:
        """Copies the candidate artifacts of a run into a folder."""
        self._client.download_artifacts(run_id, CANDIDATE_ARTIFACTS, str(destination))


def _model_version(found: MlflowModelVersion) -> ModelVersion:
    return ModelVersion(str(found.version), str(found.run_id), dict(found.tags))
