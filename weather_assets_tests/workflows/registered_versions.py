"""A data root with registered model versions, which took no training.

Belongs here: making it. Does not belong here: assertions about who answers.
"""

import json
from copy import deepcopy

import numpy as np
import numpy.typing as npt
import torch
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.tracking.model_registry import CANDIDATE_ARTIFACTS, ModelRegistry
from weather_assets.contract.schema import Contract
from weather_assets.forecasting.network import network_digest, save_network
from weather_assets.forecasting.settings import SERVED_FOLDER
from weather_assets_tests.integration.agreeing_rows import CONTRACT
from weather_assets_tests.integration.arbitrary_network import (
    arbitrary_network,
    package_of,
    plausible_statistics,
)
from weather_assets_tests.workflows.published_packages import publish_for_a_test

NETWORK = arbitrary_network(CONTRACT, plausible_statistics(CONTRACT))
SAMPLE: dict[str, object] = {
    "serial": 1, "station": "N 1", "temperature": 20.0, "when": "2020-01-01T00:00:00Z",
}  # fmt: skip


def features(contract: Contract, count: int = 100) -> npt.NDArray[np.float64]:
    """Returns what a network takes of generated rows, float64 [N, F]."""
    random = np.random.default_rng(3)
    columns = [
        random.integers(0, len(feature.categories), count)
        if feature.categories
        else random.uniform(feature.minimum or 0, feature.maximum or 0, count)
        for feature in contract.features
    ]
    features_NF = np.column_stack(columns).astype(np.float64)
    features_NF[::3, 2:-2] = np.nan
    return features_NF


class RegisteredVersions:
    """A data root with registered model versions.

    Attributes:
        root: the data root.
        registry: its registry, in which nothing is champion yet.
    """

    def __init__(self, root: DataRoot) -> None:
        self.root = root
        self.registry = ModelRegistry(root.tracking_uri)

    def add(self, version: str) -> None:
        """Registers a version, the next one, and writes its folder."""
        folder = self.root.registry / version
        folder.mkdir(parents=True)
        save_network(NETWORK, folder)
        (folder / "contract.json").write_text(json.dumps(CONTRACT.to_dict()))
        (folder / "result.json").write_text("{}")
        run = MlflowClient(self.root.tracking_uri).create_run(self.registry.ensure_experiment())
        self.registry.log_folder(run.info.run_id, folder, CANDIDATE_ARTIFACTS)
        assert self.registry.register(run.info.run_id, {}).version == version

    def refit(self, version: str) -> None:
        """Gives a version weights of its own to be served."""
        folder = self.root.registry / version
        served = folder / SERVED_FOLDER
        served.mkdir()
        network = deepcopy(NETWORK)
        with torch.no_grad():
            network.linear.bias.add_(1.0)
        save_network(network, served)
        (folder / "result.json").write_text(json.dumps({"served_weights": network_digest(served)}))

    def package(self, version: str) -> None:
        """Makes a package of a version, and publishes it."""
        probability = NETWORK.probabilities(features(CONTRACT, 1)).tolist()
        package_of(NETWORK, CONTRACT, self.root.registry / version, [SAMPLE], probability)
        publish_for_a_test(self.root, version)
