"""Entry script of the other side of the benchmark `scorers`: the same network in PyTorch.

Belongs here: `score.py` with the network of `load_network` in place of the ONNX session. Does not
belong here: reading and checking requests, or composing answers: those are `score.py`'s own, which
lies beside this file when it is served.

It runs in the package's environment, to which the platform's packages are appended: torch and what
it needs come from there, and all that the server is pinned to comes first.
"""

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

PLATFORM_VARIABLE = "BENCHMARK_PLATFORM_PATH"
NETWORK_FOLDER = "network"


@dataclass(frozen=True)
class TorchScorer:
    """Stands for `score.Scorer`."""

    signature: Any
    network: Any
    codes: tuple[Mapping[str, float], ...]
    """Position of each category by name, for each of the network's inputs."""

    @classmethod
    def of(cls, signature: Any, network: Any) -> "TorchScorer":
        """Returns the scorer of a `score.Signature` and a loaded network."""
        codes = [
            {name: float(code) for code, name in enumerate(column.categories)}
            for column in signature.columns
        ]
        codes += [{} for _ in range(len(signature.features) - len(codes))]
        return cls(signature, network, tuple(codes))

    def probabilities(self, readings: Sequence[tuple[float | str, ...]]) -> Any:
        """Returns the probability of the event for each reading, float64 [rows]."""
        torch: Any = import_module("torch")
        rows = [
            [
                known.get(value, math.nan) if isinstance(value, str) else value
                for known, value in zip(self.codes, reading, strict=True)
            ]
            for reading in readings
        ]
        with torch.inference_mode():
            features_NF = torch.from_numpy(np.array(rows, dtype=np.float64))
            answer = torch.sigmoid(self.network(features_NF)).numpy()
        if not np.all((answer >= 0) & (answer <= 1)):
            raise ArithmeticError("the model answered something that is no probability")
        return answer


def _scorer(folder: Path) -> TorchScorer:
    sys.path.extend(os.environ[PLATFORM_VARIABLE].split(os.pathsep))
    # As the ONNX session: one thread for a network this small.
    import_module("torch").set_num_threads(1)
    network = import_module("weather_assets.forecasting.network").load_network(
        folder / NETWORK_FOLDER
    )
    signature = json.loads((folder / "signature.json").read_text("utf-8"))
    return TorchScorer.of(_score.Signature.from_dict(signature), network)


_HERE = Path(__file__).parent
if (_HERE / "score.py").is_file():  # served, not imported by a test
    sys.path.insert(0, str(_HERE))
    _score: Any = import_module("score")
    _loaded: list[TorchScorer] = []
    _score.served = lambda: _loaded[0]
    run = _score.run

    def init() -> None:
        """Loads the network, once a worker."""
        _loaded.append(_scorer(_HERE))
