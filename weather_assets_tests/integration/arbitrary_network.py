"""A network with arbitrary weights: what matters is that every copy of it answers the same."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from weather_assets.contract.columns import Kind
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import FeatureStatistics, TrainingStatistics
from weather_assets.forecasting.network import RainNetwork
from weather_assets.forecasting.onnx_export import export_onnx
from weather_assets.forecasting.settings import Architecture
from weather_assets.scoring.package import PackageContents, build_package
from weather_assets_tests.forecasting.example_rows import example_network


def arbitrary_network(contract: Contract, statistics: TrainingStatistics) -> RainNetwork:
    """Returns a network of every part there is, with fitted preprocessing, in float64."""
    architecture = Architecture("any", hidden_units=(16, 8), members=2, piecewise=True)
    return example_network(architecture, contract, statistics).double().eval()


def plausible_statistics(contract: Contract) -> TrainingStatistics:
    """Returns statistics as if training rows filled the bounds evenly, with gaps."""
    features: list[FeatureStatistics] = []
    for feature in contract.features:
        if feature.kind is Kind.CATEGORY:
            counts = dict.fromkeys(feature.categories, 300)
            features.append(FeatureStatistics(feature.name, 900, 100, level_counts=counts))
            continue
        assert feature.minimum is not None
        assert feature.maximum is not None
        bounds = (feature.minimum, feature.maximum)
        spread = feature.maximum - feature.minimum
        middle = feature.minimum + spread / 2
        quantiles = tuple(feature.minimum + spread * k / 32 for k in range(33))
        features.append(
            FeatureStatistics(
                feature.name, 900, 100, middle, spread / 4, *bounds, quantiles=quantiles
            )
        )
    return TrainingStatistics(1000, 200, tuple(features))


def probabilities(
    network: RainNetwork,
    features_NF: npt.NDArray[np.float64],
) -> list[float]:
    """Returns the network's own answer in PyTorch, float64 [N]."""
    with torch.no_grad():
        return torch.sigmoid(network(torch.from_numpy(features_NF))).tolist()


def package_of(
    network: RainNetwork,
    contract: Contract,
    folder: Path,
    sample_rows: Sequence[dict[str, object]],
    sample_probabilities: Sequence[float],
) -> Path:
    """Returns the scoring package of a network, made in `folder`."""
    graph = folder / "network.onnx"
    export_onnx(network, graph)
    contents = PackageContents(
        graph=graph,
        contract=contract,
        threshold=0.5,
        model_name="rain",
        model_version="1",
        sample_rows=sample_rows,
        sample_probabilities=sample_probabilities,
        verdict={},
    )
    build_package(folder / "package", contents)
    return folder / "package"
