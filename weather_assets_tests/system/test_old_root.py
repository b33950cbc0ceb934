"""A data root that an earlier version made, at another place, opens and goes on.

`old_root.tar.xz` was made by the code before formats had numbers, at /srv/weather/data: 1,500 rows
of the five columns, champion 1, its package on a Local Azure that is gone. It is as that left it,
but for pictures, the log of the run and the list of installed packages.
"""

import json
import tarfile
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.tracking.model_registry import ModelRegistry
from weather_assets.cli import main
from weather_assets.commands.instance import open_instance
from weather_assets.rollout.journal import FileJournal
from weather_assets.workflows.published import PackageRefusedError, published_package
from weather_assets.workflows.rollouts import JOURNAL

ARCHIVE = Path(__file__).with_name("old_root.tar.xz")


WHERE_IT_WAS_MADE = Path("/srv/weather")


def listing(folder: Path) -> dict[str, int]:
    """Returns what is below a folder, which need not exist, and when it was last changed."""
    return {str(path): path.lstat().st_mtime_ns for path in folder.rglob("*")}


def unpacked(folder: Path) -> DataRoot:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return DataRoot.at(folder / "data")


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def champion(root: DataRoot) -> str | None:
    version = ModelRegistry(root.tracking_uri).champion()
    return None if version is None else version.version


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> DataRoot:
    return unpacked(tmp_path_factory.mktemp("moved here"))


def test_its_champion_forecasts(root: DataRoot, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("Pressure,Temperature,Humidity,Wind_Speed,Cloud_Cover\n1000,15,95,5,90\n")
    done = call("predict", "--data", root.path, "--input", rows, "--output", tmp_path / "out.csv")
    assert done.exit_code == 0, done.output
    assert "by champion 1" in done.output
    assert pd.read_csv(tmp_path / "out.csv").probability[0] > 0.5


def test_what_it_remembers_is_there(root: DataRoot) -> None:
    assert champion(root) == "1"
    (experiment,) = MlflowClient(root.tracking_uri).search_experiments(
        filter_string="name = 'weather_assets'"
    )
    assert str(experiment.artifact_location).startswith(root.mlflow.as_uri())
    kinds = {entry["kind"] for entry in FileJournal(root.registry / JOURNAL).entries()}
    assert {"deploying", "passed"} <= kinds
    with open_instance(root) as instance:
        assert len(instance.get_runs()) == 1
        event = instance.get_latest_materialization_event(dg.AssetKey("champion_model"))
        assert event is not None
    assert pd.read_parquet(root.processed / "weather.parquet").shape[0] == 1500


def test_its_package_waits_for_its_checks(root: DataRoot) -> None:
    with pytest.raises(PackageRefusedError, match="materialize scoring_package again"):
        published_package(root)


def test_it_goes_on_where_it_is_now(root: DataRoot) -> None:
    before = listing(WHERE_IT_WAS_MADE)
    done = call("run", "--data", root.path, "--until", "model_verdict")
    assert done.exit_code in (0, 3), done.output
    assert champion(root) == "1", "nothing was promoted"
    verdicts = sorted(root.registry.glob("*/verdict.json"))
    newest = json.loads(verdicts[-1].read_text())
    if newest["identity"]["model_version"] != "1":  # training code has changed since
        assert newest["identity"]["champion_version"] == "1"
    for document in (root.snapshot_file, root.processed / "current" / "manifest.json"):
        assert json.loads(document.read_text())["format"] >= 1
    assert listing(WHERE_IT_WAS_MADE) == before


@pytest.mark.parametrize("name", ["processed/current/manifest.json", "registry/champion.json"])
def test_what_a_newer_version_wrote_is_refused_with_what_to_do(tmp_path: Path, name: str) -> None:
    root = unpacked(tmp_path)
    document = json.loads((root.path / name).read_text())
    (root.path / name).write_text(json.dumps({**document, "format": 99}))
    rows = tmp_path / "rows.csv"
    rows.write_text("Pressure,Temperature,Humidity,Wind_Speed,Cloud_Cover\n1000,15,95,5,90\n")
    done = (
        call("predict", "--data", root.path, "--input", rows, "--output", tmp_path / "out.csv")
        if name.startswith("registry")
        else call("run", "--data", root.path, "--until", "processed_weather")
    )
    assert done.exit_code == 1
    assert "has format 99" in done.output
    assert "Install the version that wrote it" in done.output
    assert "Traceback" not in done.output
