"""The network and its files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from weather_assets.forecasting import network
from weather_assets.forecasting.data import feature_matrix
from weather_assets.forecasting.network import (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    MemberLinear,
    NetworkFileError,
    RainNetwork,
    load_network,
    save_network,
)
from weather_assets.forecasting.settings import CANDIDATES, Architecture
from weather_assets_tests.forecasting.example_rows import (
    CONTRACT,
    example_network,
    example_statistics,
    example_table,
)

TABLE = example_table()
FEATURES = feature_matrix(TABLE, CONTRACT)


def _network(architecture: Architecture) -> RainNetwork:
    return example_network(architecture, CONTRACT, example_statistics(TABLE))


@pytest.mark.parametrize("architecture", CANDIDATES, ids=lambda candidate: candidate.name)
def test_an_untrained_network_forecasts_the_base_rate(architecture: Architecture) -> None:
    statistics = example_statistics(TABLE)
    network = RainNetwork.fitted(architecture, CONTRACT, statistics)
    rate = (statistics.training_positive + 0.5) / (statistics.training_rows + 1)
    assert network.probabilities(FEATURES) == pytest.approx(rate)


@pytest.mark.parametrize("architecture", CANDIDATES, ids=lambda candidate: candidate.name)
def test_a_saved_network_answers_the_same(architecture: Architecture, tmp_path: Path) -> None:
    network = _network(architecture)
    before = network.probabilities(FEATURES)
    save_network(network, tmp_path)
    again = load_network(tmp_path)
    np.testing.assert_array_equal(again.probabilities(FEATURES), before)
    assert again.feature_names == tuple(feature.name for feature in CONTRACT.features)
    assert before.dtype == np.float64
    assert np.ptp(before) > 0.1


def test_a_logit_is_the_mean_over_members_of_path_and_perceptron() -> None:
    network = _network(Architecture("a", (3,), 2, piecewise=True, piecewise_members=1)).double()
    encoded = network.encode(torch.from_numpy(FEATURES[:5]))
    dense = network.preprocessing.dense_width
    expected = network.linear(encoded)[:, 0]
    output = network.perceptrons[-1]
    assert isinstance(output, MemberLinear)
    for member, (first, width) in enumerate(
        [(network.seeing, encoded.shape[1]), (network.plain, dense)]
    ):
        hidden = torch.relu(encoded[:, :width] @ first.weight[0] + first.bias[0])
        expected = expected + (hidden @ output.weight[member] + output.bias[member])[:, 0] / 2
    torch.testing.assert_close(network(torch.from_numpy(FEATURES[:5])), expected)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, DESCRIPTION_FILE])
@pytest.mark.parametrize("content", [None, b"garbage"])
def test_a_missing_or_damaged_file_is_an_error_that_names_the_folder(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    save_network(_network(CANDIDATES[0]), tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(NetworkFileError, match=tmp_path.name):
        load_network(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_network(_network(CANDIDATES[1]), tmp_path)
    weights = (tmp_path / WEIGHTS_FILE).read_bytes()
    save_network(_network(CANDIDATES[0]), tmp_path)
    (tmp_path / WEIGHTS_FILE).write_bytes(weights)
    with pytest.raises(NetworkFileError, match="do not match"):
        load_network(tmp_path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    save_network(_network(CANDIDATES[0]), tmp_path)
    description = json.loads((tmp_path / DESCRIPTION_FILE).read_text())
    (tmp_path / DESCRIPTION_FILE).write_text(json.dumps({**description, "format": 99}))
    with pytest.raises(NetworkFileError, match="format 99"):
        load_network(tmp_path)


def test_forecasts_of_many_rows_are_those_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    forecaster = _network(CANDIDATES[1])
    together = forecaster.probabilities(FEATURES)
    monkeypatch.setattr(network, "_AT_ONCE", 70)
    np.testing.assert_allclose(forecaster.probabilities(FEATURES), together, rtol=1e-12)
    assert forecaster.probabilities(FEATURES[:0]).shape == (0,)
