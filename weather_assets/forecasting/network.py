"""The network that forecasts rain, and its files.

Belongs here: the architecture, raw units to logit and probability, and saving and loading without
pickles. Does not belong here: how it is trained (`lightning_module`), or ONNX (`onnx_export`).

Shapes: N rows, F features, D encoded columns, K members, A inputs and B outputs of a layer.
"""

import hashlib
import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from itertools import pairwise
from math import log, sqrt
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.forecasting.preprocessing import FeatureEncoding, Preprocessing, fit_encodings
from weather_assets.forecasting.settings import Architecture

WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "network.json"
_FORMAT = 1
_AT_ONCE = 4_096
"""Rows that are forecast together: encoding one numeric feature of them takes some 3 MB."""


class NetworkFileError(ValueError):
    """A saved network is incomplete or of another format. The message names the file."""


class MemberLinear(nn.Module):
    """One linear layer per member, computed together: [K, N, A] or [N, A] in, [K, N, B] out."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        """Draws weights and biases as `nn.Linear` does.

        Args:
            members: K.
            inputs: A.
            outputs: B.
        """
        super().__init__()
        bound = 1.0 / sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs).uniform_(-bound, bound))

    def forward(self, inputs: Tensor) -> Tensor:
        """Applies each member's layer to its own rows, or to those that all members share."""
        return torch.baddbmm(self.bias, inputs.expand(len(self.weight), -1, -1), self.weight)


class RainNetwork(nn.Module):
    """Raw features in, logit of the probability of the event out.

    logit = linear(all encoded columns) + mean over members of perceptron(encoded columns).

    The linear path is a generalised additive model, which is all that a few hundred events support;
    the perceptrons add interactions (Cheng et al. 2016, "Wide & Deep Learning", arXiv:1606.07792).
    Some members see the piecewise-linear columns and some do not: with them, thresholds are found
    sharply; without them, less is learned by heart. Together they do better than either alone.

    The encoding is computed in float64 and handed to the learned layers in their own precision:
    float32 while training, float64 for every forecast that anyone sees.
    """

    def __init__(self, architecture: Architecture, encodings: Sequence[FeatureEncoding]) -> None:
        """Builds the layers; weights are drawn from torch's global generator.

        Args:
            architecture: the shape.
            encodings: fitted preprocessing, one per feature in the contract's order.
        """
        super().__init__()
        self.architecture = architecture
        self.preprocessing = Preprocessing(encodings)
        self.linear = nn.Linear(self.preprocessing.width, 1)
        # Zeros are a saddle for no layer here: the linear path is convex, and the perceptrons'
        # last layer sees random features.
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.perceptrons = nn.ModuleList()
        if architecture.hidden_units:
            self._add_perceptrons(architecture)

    def _add_perceptrons(self, architecture: Architecture) -> None:
        members, seeing = architecture.members, architecture.piecewise_members
        first, *_ = sizes = architecture.hidden_units
        # The first layers, one per width of input; the rest is computed for all at once.
        self.seeing = MemberLinear(seeing, self.preprocessing.width, first)
        self.plain = MemberLinear(members - seeing, self.preprocessing.dense_width, first)
        for inputs, outputs in pairwise(sizes):
            self.perceptrons.append(MemberLinear(members, inputs, outputs))
        last = MemberLinear(members, sizes[-1], 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.perceptrons.append(last)

    @classmethod
    def fitted(
        cls, architecture: Architecture, contract: Contract, statistics: TrainingStatistics
    ) -> Self:
        """Returns an untrained network with fitted preprocessing that forecasts the base rate.

        Args:
            architecture: the shape.
            contract: names the features and their order.
            statistics: of the training rows, in the same order.

        Raises:
            PreprocessingError: if the statistics belong to other features.
        """
        network = cls(
            architecture, fit_encodings(contract, statistics, piecewise=architecture.piecewise)
        )
        positive, rows = statistics.training_positive, statistics.training_rows
        nn.init.constant_(network.linear.bias, log((positive + 0.5) / (rows - positive + 0.5)))
        return network

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order of the columns of the feature matrix."""
        return tuple(encoding.name for encoding in self.preprocessing.encodings)

    def encode(self, features_NF: Tensor) -> Tensor:
        """Returns the encoded columns [N, D], in the precision of the weights."""
        return self.preprocessing(features_NF).to(self.linear.weight.dtype)

    def member_logits(self, encoded_ND: Tensor) -> Tensor:
        """Returns each member's logits [K, N] for encoded rows: what training fits."""
        linear_N = self.linear(encoded_ND).squeeze(1)
        if len(self.perceptrons) == 0:
            return linear_N.unsqueeze(0)
        dense_ND = encoded_ND[:, : self.preprocessing.dense_width]
        hidden_KNA = torch.cat((self.seeing(encoded_ND), self.plain(dense_ND)))
        for layer in self.perceptrons:
            hidden_KNA = layer(torch.relu(hidden_KNA))
        return hidden_KNA.squeeze(2) + linear_N

    def forward(self, features_NF: Tensor) -> Tensor:
        """Returns logits [N] for raw features float64 [N, F]: the mean over members."""
        return self.member_logits(self.encode(features_NF)).mean(0)

    def probabilities(self, features_NF: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Forecasts rows, in float64 whatever precision the network was trained in.

        Args:
            features_NF: float64 [N, F], raw units, NaN for missing, categories as codes.

        Returns:
            Probability of the event, float64 [N].
        """
        exact = deepcopy(self).to(device="cpu", dtype=torch.float64)
        with torch.inference_mode():
            parts = [
                torch.sigmoid(exact(torch.from_numpy(features_NF[first : first + _AT_ONCE])))
                for first in range(0, max(len(features_NF), 1), _AT_ONCE)
            ]
            return torch.cat(parts).numpy()


def save_network(network: RainNetwork, folder: Path) -> None:
    """Writes `model.safetensors` and `network.json` into `folder`: data only, no code.

    Args:
        network: any precision, any device.
        folder: existing folder.
    """
    weights = {
        name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()
    }
    save_file(weights, str(folder / WEIGHTS_FILE))
    description = {
        "format": _FORMAT,
        "architecture": asdict(network.architecture),
        "features": [encoding.to_dict() for encoding in network.preprocessing.encodings],
    }
    text = json.dumps(description, indent=1, sort_keys=True, allow_nan=False) + "\n"
    (folder / DESCRIPTION_FILE).write_text(text, encoding="utf-8")


def network_digest(folder: Path) -> str:
    """Returns the SHA-256 of a saved network, weights and then description, in hexadecimal digits.

    Raises:
        OSError: if one of the two is missing.
    """
    digest = hashlib.sha256()
    for name in (WEIGHTS_FILE, DESCRIPTION_FILE):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def load_network(folder: Path) -> RainNetwork:
    """Reads what `save_network` wrote.

    Args:
        folder: holds `model.safetensors` and `network.json`.

    Returns:
        The network in float64 on the CPU, ready to forecast.

    Raises:
        NetworkFileError: if a file is missing, of another format, or the two do not match.
    """
    try:
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        weights = load_file(str(folder / WEIGHTS_FILE))
    except (OSError, ValueError, SafetensorError) as error:
        raise NetworkFileError(
            f"{folder} holds no readable network ({error}); it needs {WEIGHTS_FILE} and "
            f"{DESCRIPTION_FILE} of one training run: train again"
        ) from error
    if description.get("format") != _FORMAT:
        raise NetworkFileError(
            f"{folder / DESCRIPTION_FILE}: format {description.get('format')!r} is not "
            f"{_FORMAT}, the one that this version reads; train again"
        )
    architecture = Architecture.from_dict(description["architecture"])
    encodings = [FeatureEncoding.from_dict(feature) for feature in description["features"]]
    network = RainNetwork(architecture, encodings).to(torch.float64)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise NetworkFileError(
            f"{folder}: weights and description do not match: {error}"
        ) from error
    return network.eval().requires_grad_(requires_grad=False)
