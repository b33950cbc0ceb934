"""A data root that an earlier version made, unpacked elsewhere than it was made, goes on.

`earlier_root.tar.xz` was made at `/srv/weather/data` by the version before documents had format
numbers and packages a record of their checks: 1,500 five-column rows, model version 1 as champion,
packaged. Pictures, logs and Local Azure's state were left out.
"""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.tracking.model_registry import ModelRegistry
from weather_assets.workflows.champions import find_champion
from weather_assets.workflows.published import PackageRefusedError, published_package

ARCHIVE = Path(__file__).with_name("earlier_root.tar.xz")
MADE_AT = "/srv/weather"
SECONDS = 240


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return DataRoot.at(tmp_path / "data")


def test_its_champion_answers(root: DataRoot) -> None:
    champion = find_champion(root)
    assert (champion.version, champion.way) == ("1", "its network")


def test_its_package_waits_for_its_checks(root: DataRoot) -> None:
    with pytest.raises(PackageRefusedError, match="materialize scoring_package again"):
        published_package(root)


@pytest.mark.timeout(SECONDS + 30)
def test_a_run_goes_on_with_it(root: DataRoot) -> None:
    command = [sys.executable, "-P", "-m", "weather_assets", "run", "--until", "model_verdict"]
    done = subprocess.run(
        [*command, "--data", str(root.path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    verdict = json.loads((root.registry / "2" / "verdict.json").read_text("utf-8"))
    assert "champion" in verdict["scores"], "the earlier champion was compared with"
    registry = ModelRegistry(root.tracking_uri)
    champion = registry.champion()
    assert champion is not None
    assert champion.version == "1"
    run = MlflowClient(root.tracking_uri).get_run(champion.run_id)
    assert run.info.artifact_uri is not None
    assert MADE_AT not in run.info.artifact_uri
