"""Who answers: the champion of the registry, by its package or by its network."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.forecasting.settings import SERVED_FOLDER
from weather_assets.workflows.champions import NoChampionError, find_champion
from weather_assets_tests.integration.agreeing_rows import CONTRACT
from weather_assets_tests.workflows.registered_versions import RegisteredVersions, features

TOLERANCE = 1e-6


@pytest.fixture
def registered(tmp_path: Path) -> RegisteredVersions:
    registered = RegisteredVersions(DataRoot.at(tmp_path / "data").create())
    registered.add("1")
    return registered


def test_nothing_is_champion_before_a_promotion(registered: RegisteredVersions) -> None:
    registered.package("1")
    with pytest.raises(NoChampionError, match="no champion yet: run `weather-assets run"):
        find_champion(registered.root)


def test_a_champion_answers_before_and_after_it_is_packaged(registered: RegisteredVersions) -> None:
    registered.registry.promote("1")
    network = find_champion(registered.root)
    registered.package("1")
    package = find_champion(registered.root)

    assert (network.version, network.way) == ("1", "its network")
    assert (package.version, package.way) == ("1", "its scoring package")
    assert network.contract == package.contract == CONTRACT
    features_NF = features(CONTRACT)
    expected = network.probabilities(features_NF)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(package.probabilities(features_NF), expected, 0, TOLERANCE)


def test_the_package_of_another_version_does_not_answer(registered: RegisteredVersions) -> None:
    registered.package("1")
    registered.add("2")
    registered.registry.promote("2")
    found = find_champion(registered.root)
    assert (found.version, found.way) == ("2", "its network")


def test_a_folder_that_is_gone_is_fetched_from_mlflow(registered: RegisteredVersions) -> None:
    registered.registry.promote("1")
    shutil.rmtree(registered.root.registry / "1")
    assert find_champion(registered.root).version == "1"
    shutil.rmtree(registered.root.registry / "1")
    shutil.rmtree(registered.root.mlflow / "artifacts")
    with pytest.raises(NoChampionError, match="bring it back"):
        find_champion(registered.root)


def test_without_mlflow_what_was_packaged_answers(registered: RegisteredVersions) -> None:
    registered.package("1")
    shutil.rmtree(registered.root.mlflow)
    assert find_champion(registered.root).way == "its scoring package"
    assert not registered.root.mlflow.exists()
    (registered.root.registry / "1" / "contract.json").unlink()
    with pytest.raises(NoChampionError, match="bring the folder back"):
        find_champion(registered.root)


def test_asking_an_empty_folder_leaves_it_empty(tmp_path: Path) -> None:
    with pytest.raises(NoChampionError, match="no champion yet"):
        find_champion(DataRoot.at(tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_weights_of_every_row_answer_and_not_those_that_were_judged(
    registered: RegisteredVersions,
) -> None:
    registered.registry.promote("1")
    features_NF = features(CONTRACT)
    judged = find_champion(registered.root).probabilities(features_NF)
    registered.refit("1")
    served = find_champion(registered.root).probabilities(features_NF)
    assert np.abs(served - judged).max() > 0.01
    shutil.rmtree(registered.root.registry / "1" / SERVED_FOLDER)
    with pytest.raises(NoChampionError, match="no readable network"):
        find_champion(registered.root)


def test_damaged_weights_are_named(registered: RegisteredVersions) -> None:
    registered.registry.promote("1")
    (registered.root.registry / "1" / "model.safetensors").write_bytes(b"")
    with pytest.raises(NoChampionError, match="no readable network"):
        find_champion(registered.root)


def test_weights_that_were_not_trained_for_the_champion_do_not_answer(
    registered: RegisteredVersions,
) -> None:
    registered.refit("1")
    registered.registry.promote("1")
    folder = registered.root.registry / "1"
    shutil.copyfile(folder / "model.safetensors", folder / SERVED_FOLDER / "model.safetensors")
    with pytest.raises(NoChampionError, match="not those that were trained for this model version"):
        find_champion(registered.root)
