"""Copies of MLflow's empty tables."""

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from weather_assets.adapters.tracking.empty_tables import (
    build_template,
    place_tables,
    template_path,
)
from weather_assets.adapters.tracking.local_store import sqlite_uri
from weather_assets.adapters.tracking.model_registry import ModelRegistry


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the root of an environment with a template."""
    root = tmp_path_factory.mktemp("environment")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "prefix", str(root))
        assert build_template() == template_path()
    return root


@pytest.fixture
def environment(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "prefix", str(prefix))
    return prefix


def test_mlflow_works_on_a_copy_as_on_tables_of_its_own(environment: Path, tmp_path: Path) -> None:
    del environment
    database = tmp_path / "mlflow.db"

    place_tables(database)

    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
    registry = ModelRegistry(sqlite_uri(database))
    client = MlflowClient(sqlite_uri(database))
    experiment = client.get_experiment(registry.ensure_experiment())
    assert experiment.artifact_location == (tmp_path / "artifacts" / experiment.name).as_uri()
    assert {each.name: each.artifact_location for each in client.search_experiments()} == {
        "Default": (tmp_path / "artifacts" / "0").as_uri(),
        experiment.name: experiment.artifact_location,
    }


def test_a_database_that_is_there_stays(environment: Path, tmp_path: Path) -> None:
    del environment
    (tmp_path / "mlflow.db").write_bytes(b"mine")
    place_tables(tmp_path / "mlflow.db")
    assert (tmp_path / "mlflow.db").read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_folder_nothing_is_placed(environment: Path, tmp_path: Path) -> None:
    del environment
    place_tables(tmp_path / "no" / "mlflow.db")
    assert list(tmp_path.iterdir()) == []


def test_without_a_template_tables_are_made_apart_and_placed_as_a_whole(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "bare"))
    database = tmp_path / "mlflow.db"
    link = os.link
    seen: list[set[str]] = []

    def looking(source: Path, target: Path) -> None:
        assert not database.exists()
        link(source, target)
        seen.append(_tables(database))

    monkeypatch.setattr(os, "link", looking)
    place_tables(database)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
    monkeypatch.setattr(sys, "prefix", str(prefix))
    assert seen == [_tables(template_path())]
    assert ModelRegistry(sqlite_uri(database)).champion() is None


def _tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in found}
