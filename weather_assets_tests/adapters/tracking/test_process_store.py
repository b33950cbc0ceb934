"""MLflow knows the store that it is told, whatever was left over in the environment."""

import os
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from weather_assets.adapters.tracking.leftovers import forget_leftovers
from weather_assets.adapters.tracking.model_registry import CANDIDATE_ARTIFACTS, ModelRegistry
from weather_assets.adapters.tracking.process_store import process_store


@pytest.fixture(autouse=True)
def restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Works in an empty folder, and gives the process back the variables that it had."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def variables() -> dict[str, str]:
    """Returns the environment, without what MLflow notes for itself as soon as it is imported."""
    return {name: value for name, value in os.environ.items() if not name.startswith("_MLFLOW_")}


def leftovers(folder: Path) -> dict[str, str]:
    """Returns what other work with MLflow may have left, all of it leading elsewhere."""
    elsewhere = f"sqlite:///{folder / 'elsewhere.db'}"
    return {
        "MLFLOW_REGISTRY_URI": elsewhere,
        "MLFLOW_RUN_ID": "0123456789abcdef0123456789abcdef",
        "MLFLOW_EXPERIMENT_ID": "77",
        "MLFLOW_EXPERIMENT_NAME": "somebody else's",
        "MLFLOW_ENABLE_ASYNC_LOGGING": "true",
        "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "true",
        "MLFLOW_ENABLE_WORKSPACES": "true",
        "MLFLOW_READ_REPLICA_BACKEND_STORE_URI": elsewhere,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": str(folder / "elsewhere"),
    }


def test_a_training_is_kept_in_the_named_store_alone(tmp_path: Path) -> None:
    os.environ.update(leftovers(tmp_path))
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    registry = ModelRegistry(uri)
    experiment = registry.ensure_experiment()
    with process_store():
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment(experiment_id=experiment)
        with mlflow.start_run() as run:
            run_id = run.info.run_id
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / "weights").touch()
    registry.log_folder(run_id, tmp_path / "trained", CANDIDATE_ARTIFACTS)
    registry.promote(registry.register(run_id, {}).version)
    champion = ModelRegistry(uri).champion()
    assert champion is not None
    assert champion.run_id == run_id
    assert not list(tmp_path.glob("elsewhere*"))
    assert not list((tmp_path / "here").iterdir()), "nothing is left in the current folder"


def test_afterwards_the_process_knows_no_store(tmp_path: Path) -> None:
    before = variables()
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    experiment = ModelRegistry(uri).ensure_experiment()
    with process_store():
        mlflow.set_tracking_uri(uri)
        mlflow.set_experiment(experiment_id=experiment)
        assert "MLFLOW_EXPERIMENT_ID" in os.environ
    assert variables() == before
    assert not mlflow.is_tracking_uri_set()


def test_the_server_that_was_named_stays_named(tmp_path: Path) -> None:
    server = {
        "MLFLOW_TRACKING_URI": "http://mlflow:5000",
        "MLFLOW_TRACKING_TOKEN": "secret",
        "MLFLOW_S3_ENDPOINT_URL": "http://s3",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    os.environ.update(server)
    before = variables()
    with process_store():
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'a.db'}")
    assert variables() == before
    os.environ.update(leftovers(tmp_path))
    forget_leftovers()
    assert variables() == before


def test_without_a_server_its_settings_mean_nothing() -> None:
    os.environ.update(dict.fromkeys(("MLFLOW_TRACKING_TOKEN", "MLFLOW_WORKSPACE"), "x"))
    os.environ["MLFLOW_TRACKING_URI"] = ""
    forget_leftovers()
    left = {name for name in os.environ if name.startswith("MLFLOW_")}
    assert left <= {"MLFLOW_DISABLE_TELEMETRY"}, "which the product itself sets"
