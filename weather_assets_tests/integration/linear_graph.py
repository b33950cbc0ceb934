"""An ONNX graph that forecasts rain of five-column rows with skill: a line and a sigmoid."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from weather_assets_tests.synthetic import COLUMNS

CENTRES = {"Temperature": 22.5, "Humidity": 65.0, "Cloud_Cover": 50.0}
WEIGHTS = {"Temperature": -0.2, "Humidity": 0.07, "Cloud_Cover": 0.05}
"""Of the quantities that matter in `synthetic.rains`; the other two are taken and not used."""
BIAS = -3.2


def write_linear_graph(path: Path, *, prefix: str = "") -> None:
    """Writes probability = sigmoid(bias + sum of weight x (value - centre)).

    Args:
        path: where to.
        prefix: begins the names of the inputs: those of a contract with other columns.
    """
    double = TensorProto.DOUBLE
    names = [f"{prefix}{name}" for name in COLUMNS[:-1]]
    nodes: list[onnx.NodeProto] = []
    constants = [helper.make_tensor("bias", double, [], [BIAS])]
    for name, weight in WEIGHTS.items():
        constants += [
            helper.make_tensor(f"centre_{name}", double, [], [CENTRES[name]]),
            helper.make_tensor(f"weight_{name}", double, [], [weight]),
        ]
        nodes += [
            helper.make_node("Sub", [f"{prefix}{name}", f"centre_{name}"], [f"centred_{name}"]),
            helper.make_node("Mul", [f"centred_{name}", f"weight_{name}"], [f"term_{name}"]),
        ]
    nodes += [
        helper.make_node("Sum", ["bias", *(f"term_{name}" for name in WEIGHTS)], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    inputs = [helper.make_tensor_value_info(name, double, [None, 1]) for name in names]
    output = helper.make_tensor_value_info("probability", double, [None, 1])
    graph = helper.make_graph(nodes, "line", inputs, [output], constants)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=10), path
    )


def linear_forecast(quantities_N5: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns what the graph answers, [N], for quantities in the order of `synthetic.COLUMNS`."""
    logit = np.full(len(quantities_N5), BIAS)
    for name, weight in WEIGHTS.items():
        logit += weight * (quantities_N5[:, COLUMNS.index(name)] - CENTRES[name])
    return 1 / (1 + np.exp(-logit))
