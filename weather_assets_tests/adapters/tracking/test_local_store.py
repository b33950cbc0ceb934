"""A store is found and goes on wherever its folder lies, and two stores never meet."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.user_cache import CACHE_VARIABLE
from weather_assets.adapters.tracking.local_store import database_of
from weather_assets.adapters.tracking.model_registry import CANDIDATE_ARTIFACTS, ModelRegistry
from weather_assets_tests.awkward_names import ALL_OF_THEM


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))


@dataclass(frozen=True)
class Store:
    """A store in a folder, as a data root has it."""

    folder: Path

    @property
    def uri(self) -> str:
        return DataRoot(self.folder.parent).tracking_uri

    def train(self, text: str) -> str:
        """Keeps a candidate as a training does; returns the run."""
        registry = ModelRegistry(self.uri)
        client = MlflowClient(self.uri, self.uri)
        run = client.create_run(registry.ensure_experiment()).info.run_id
        trained = self.folder.parent / "trained"
        trained.mkdir(exist_ok=True)
        (trained / "weights").write_text(text)
        registry.log_folder(run, trained, CANDIDATE_ARTIFACTS)
        shutil.rmtree(trained)
        registry.promote(registry.register(run, {}).version)
        return run

    def fetched(self, run: str) -> str:
        """Returns what a training kept."""
        target = self.folder / "fetched"
        target.mkdir()
        try:
            ModelRegistry(self.uri).download_candidate(run, target)
            return (target / CANDIDATE_ARTIFACTS / "weights").read_text()
        finally:
            shutil.rmtree(target)

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}


def made(folder: Path) -> Store:
    folder.mkdir(parents=True)
    return Store(folder)


@pytest.mark.parametrize("name", ["a%20b", "a?b", "it's", "year=2024", ALL_OF_THEM])
def test_any_folder_holds_a_store_of_its_own(tmp_path: Path, name: str) -> None:
    store = made(tmp_path / name / "mlflow")
    assert database_of(store.uri) == store.folder / "mlflow.db"
    run = store.train("a")
    assert store.fetched(run) == "a"
    assert {"mlflow.db", "artifacts"} <= store.files()
    assert [path.name for path in tmp_path.iterdir()] == [name], "nothing lies beside it"


def test_a_name_and_what_it_would_mean_unescaped_are_two_stores(tmp_path: Path) -> None:
    plain, escaped = made(tmp_path / "a b" / "mlflow"), made(tmp_path / "a%20b" / "mlflow")
    plain.train("plain")
    assert ModelRegistry(escaped.uri).champion() is None
    escaped.train("escaped")
    assert [each.folder.joinpath("mlflow.db").exists() for each in (plain, escaped)] == [True] * 2


def test_a_moved_store_goes_on_and_writes_nothing_at_its_old_place(tmp_path: Path) -> None:
    store = made(tmp_path / "a" / "mlflow")
    run = store.train("before")
    (tmp_path / "a").rename(tmp_path / "b%41")
    moved = Store(tmp_path / "b%41" / "mlflow")
    assert moved.fetched(run) == "before"
    assert moved.fetched(moved.train("after")) == "after"
    assert not (tmp_path / "a").exists()
    locations = [each.artifact_location for each in MlflowClient(moved.uri).search_experiments()]
    artifacts = (moved.folder / "artifacts").as_uri()
    assert all(str(location).startswith(f"{artifacts}/") for location in locations)


def test_a_copy_and_its_original_live_on_independently(tmp_path: Path) -> None:
    store = made(tmp_path / "a" / "mlflow")
    run = store.train("shared")
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    copy = Store(tmp_path / "c" / "mlflow")
    in_copy, in_original = copy.train("in the copy"), store.train("in the original")
    assert copy.fetched(run) == store.fetched(run) == "shared"
    assert copy.fetched(in_copy) == "in the copy"
    assert store.fetched(in_original) == "in the original"
    for one, other, own in ((store, copy, in_original), (copy, store, in_copy)):
        assert any(own in name for name in one.files())
        assert not any(own in name for name in other.files())


def test_a_store_that_was_moved_before_anything_was_kept_starts_in_its_new_place(
    tmp_path: Path,
) -> None:
    store = made(tmp_path / "a" / "mlflow")
    ModelRegistry(store.uri).ensure_experiment()
    (tmp_path / "a").rename(tmp_path / "b")
    moved = Store(tmp_path / "b" / "mlflow")
    assert moved.fetched(moved.train("first")) == "first"
    assert not (tmp_path / "a").exists()


def test_artifacts_that_were_meant_to_lie_elsewhere_stay_there(tmp_path: Path) -> None:
    store = made(tmp_path / "a" / "mlflow")
    ModelRegistry(store.uri)
    (tmp_path / "big disk").mkdir()
    client = MlflowClient(store.uri)
    elsewhere = [(tmp_path / "big disk").as_uri(), "s3://bucket/weather"]
    made_here = [client.create_experiment(each, artifact_location=each) for each in elsewhere]
    ModelRegistry(store.uri)
    assert [client.get_experiment(each).artifact_location for each in made_here] == elsewhere


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "postgresql://u@h/mlflow"])
def test_a_server_has_no_database_here(uri: str) -> None:
    assert database_of(uri) is None
