"""The runs of a data root are kept in it, whatever it is called and wherever it is moved."""

import os
import shutil
from pathlib import Path

import dagster as dg
import pytest

from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.adapters.files.user_cache import CACHE_VARIABLE
from weather_assets.commands.instance import open_instance
from weather_assets_tests.awkward_names import ALL_OF_THEM

REPOSITORY = Path(__file__).resolve().parents[2]
SETTINGS = ("dagster.yaml", "workspace.yaml")


@pytest.fixture(autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv(DATA_ROOT_VARIABLE, os.devnull)


@dg.asset
def rain(context: dg.AssetExecutionContext) -> None:
    context.log.info("it rains")


def run_on(root: DataRoot) -> str:
    """Materializes an asset on the instance of a data root; returns the run."""
    with open_instance(root) as instance:
        return dg.materialize([rain], instance=instance).run_id


def runs_of(root: DataRoot) -> list[str]:
    """Returns the runs that a data root knows with all of their events, newest first."""
    with open_instance(root) as instance:
        runs = [run.run_id for run in instance.get_runs()]
        assert all(instance.all_logs(run) for run in runs)
        event = instance.get_latest_materialization_event(dg.AssetKey("rain"))
        assert event is not None
        assert event.run_id in runs
        return runs


@pytest.mark.parametrize("name", ["feature%2Frain", ALL_OF_THEM])
def test_any_folder_keeps_its_own_runs(tmp_path: Path, name: str) -> None:
    root = DataRoot.at(tmp_path / name)
    run = run_on(root)
    assert runs_of(root) == [run]
    assert (root.dagster_home / "history" / "runs" / f"{run}.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name], "nothing lies beside it"


def test_a_moved_root_knows_its_runs_and_a_copy_goes_its_own_way(tmp_path: Path) -> None:
    before = run_on(DataRoot.at(tmp_path / "a"))
    (tmp_path / "a").rename(tmp_path / "b")
    moved = DataRoot.at(tmp_path / "b")
    after = run_on(moved)
    assert runs_of(moved) == [after, before]
    assert not (tmp_path / "a").exists()
    shutil.copytree(moved.path, tmp_path / "c")
    in_copy = run_on(DataRoot.at(tmp_path / "c"))
    assert runs_of(DataRoot.at(tmp_path / "c")) == [in_copy, after, before]
    assert runs_of(moved) == [after, before]


def test_no_settings_of_a_root_name_a_place(tmp_path: Path) -> None:
    root = DataRoot.at(tmp_path)
    run_on(root)
    for name in SETTINGS:
        assert str(tmp_path) not in (root.dagster_home / name).read_text()


def test_settings_are_written_once(tmp_path: Path) -> None:
    root = DataRoot.at(tmp_path)
    root.dagster_home.mkdir()
    (root.dagster_home / "dagster.yaml").write_text("telemetry: {enabled: true}")
    open_instance(root).dispose()
    for name in SETTINGS:
        assert (REPOSITORY / name).is_symlink()
        assert (REPOSITORY / name).read_text() == (root.dagster_home / name).read_text()


def test_dagster_started_in_the_repository_uses_the_named_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(tmp_path))
    with dg.DagsterInstance.from_config(str(REPOSITORY)) as instance:
        run = dg.materialize([rain], instance=instance).run_id
    assert runs_of(DataRoot.at(tmp_path)) == [run]
    assert not instance.telemetry_enabled
