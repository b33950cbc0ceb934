"""The network as an ONNX graph with one named input per feature, in raw units.

Belongs here: writing the graph and checking that it is valid. Does not belong here: the package
around it (`weather_assets.scoring`), or running it.

The graph is written node by node rather than traced: PyTorch's exporter takes 3 s and two more
packages, knows no strings, and writes `Asinh` and `Cos`, which onnxruntime 1.32 has in float32
only on CPUs. Twelve kinds of operator, all with float64 kernels there, are enough.

Shapes: B rows, D encoded columns, A inputs and C outputs of a layer.
"""

from collections.abc import Sequence
from math import pi, tau
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from weather_assets.contract.columns import Kind
from weather_assets.forecasting.network import MemberLinear, RainNetwork
from weather_assets.forecasting.preprocessing import FeatureEncoding, rank_table

OUTPUT_NAME = "probability"
_OPSET, _ML_OPSET, _IR_VERSION = 17, 3, 8
"""What onnxruntime has understood since 1.14 (2023): nothing here needs more."""

_Array = npt.NDArray[np.float64]


class OnnxExportError(ValueError):
    """A network has no graph in this form. The message says why."""


class _Graph:
    """Nodes and constants under construction; tensors are known by their names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: npt.NDArray[np.generic]) -> str:
        name = f"/constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"/{operator}/{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes)
        )
        return name

    def concatenated(self, parts: Sequence[str]) -> str:
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=1)

    def as_double(self, tensor: str) -> str:
        return self.add("Cast", tensor, to=TensorProto.DOUBLE)


def export_onnx(network: RainNetwork, path: Path) -> None:
    """Writes a network as one self-contained ONNX file in float64.

    Inputs: one per feature, named after it, in the contract's order. Numeric and circular ones are
    double [B, 1] with NaN for missing; categories are string [B, 1] with "" for missing. Output:
    `probability`, double [B, 1]. B is free. A category outside the contract counts as never seen;
    refusing it is the scoring script's task.

    Args:
        network: any precision, any device; it is not changed.
        path: the file to write.

    Raises:
        OnnxExportError: if a feature is called like the output.
    """
    encodings = network.preprocessing.encodings
    if OUTPUT_NAME in network.feature_names:
        raise OnnxExportError(
            f"a feature is called {OUTPUT_NAME!r}, like the output; rename that column "
            "in the contract"
        )
    graph = _Graph()
    dense, pieces = _encode(graph, encodings)
    encoded = graph.concatenated([*dense, *pieces])
    logit = _linear(graph, encoded, *_weights(network.linear))
    if len(network.perceptrons) > 0:
        logit = graph.add("Add", logit, _perceptrons(graph, encoded, network))
    graph.nodes.append(helper.make_node("Sigmoid", [logit], [OUTPUT_NAME], name="/Sigmoid"))
    inputs = [
        helper.make_tensor_value_info(
            encoding.name,
            TensorProto.STRING if encoding.kind is Kind.CATEGORY else TensorProto.DOUBLE,
            ["rows", 1],
        )
        for encoding in encodings
    ]
    output = helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.DOUBLE, ["rows", 1])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "rain_network", inputs, [output], graph.constants),
        opset_imports=[
            helper.make_opsetid("", _OPSET),
            helper.make_opsetid("ai.onnx.ml", _ML_OPSET),
        ],
        ir_version=_IR_VERSION,
        producer_name="weather_assets",
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _encode(graph: _Graph, encodings: Sequence[FeatureEncoding]) -> tuple[list[str], list[str]]:
    """Mirrors `Preprocessing.forward`: dense groups of encoded columns, then piecewise ones."""
    numeric = [encoding for encoding in encodings if encoding.kind is Kind.NUMERIC]
    circular = [encoding for encoding in encodings if encoding.kind is Kind.CIRCULAR]
    flagged = [encoding.name for encoding in encodings if encoding.flag_missing]
    dense: list[str] = []
    pieces: list[str] = []
    if numeric:
        filled, squashed = _encode_numeric(graph, numeric)
        dense.append(squashed)
        ranks, pieces = _encode_segments(graph, filled, numeric)
        dense += ranks
    if circular:
        dense += _encode_circular(graph, circular)
    if flagged:
        dense.append(graph.as_double(graph.add("IsNaN", graph.concatenated(flagged))))
    dense += [
        _encode_category(graph, encoding)
        for encoding in encodings
        if encoding.kind is Kind.CATEGORY
    ]
    return dense, pieces


def _encode_numeric(graph: _Graph, numeric: Sequence[FeatureEncoding]) -> tuple[str, str]:
    raw = graph.concatenated([encoding.name for encoding in numeric])
    fill = graph.constant(np.array([encoding.fill for encoding in numeric]))
    filled = graph.add("Where", graph.add("IsNaN", raw), fill, raw)
    scale = graph.constant(np.array([encoding.scale for encoding in numeric]))
    score = graph.add("Div", graph.add("Sub", filled, fill), scale)
    # asinh(z) = sign(z) log(|z| + sqrt(z^2 + 1)); on |z|, where nothing cancels.
    magnitude = graph.add("Abs", score)
    one = graph.constant(np.array(1.0))
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", magnitude, magnitude), one))
    logarithm = graph.add("Log", graph.add("Add", magnitude, root))
    return filled, graph.add("Mul", graph.add("Sign", score), logarithm)


def _encode_segments(
    graph: _Graph, filled: str, numeric: Sequence[FeatureEncoding]
) -> tuple[list[str], list[str]]:
    counts = [encoding.segments for encoding in numeric]
    if sum(counts) == 0:
        return [], []
    columns = graph.constant(np.repeat(np.arange(len(numeric)), counts))
    knots = [np.array(encoding.knots) for encoding in numeric if encoding.segments]
    start = graph.constant(np.concatenate([knot[:-1] for knot in knots]))
    width = graph.constant(np.concatenate([np.diff(knot) for knot in knots]))
    repeated = graph.add("Gather", filled, columns, axis=1)
    share = graph.add("Div", graph.add("Sub", repeated, start), width)
    bounds = graph.constant(np.array(0.0)), graph.constant(np.array(1.0))
    passed = graph.add("Clip", share, *bounds)
    lowest_R, steps_SR = rank_table(numeric)
    rank = _linear(graph, passed, steps_SR, lowest_R)
    return [rank], [passed] if any(encoding.piecewise for encoding in numeric) else []


def _encode_circular(graph: _Graph, circular: Sequence[FeatureEncoding]) -> list[str]:
    raw = graph.concatenated([encoding.name for encoding in circular])
    missing = graph.add("IsNaN", raw)
    zero = graph.constant(np.array(0.0))
    turn = graph.constant(tau / np.array([encoding.period for encoding in circular]))
    angle = graph.add("Mul", raw, turn)
    ahead = graph.add("Add", angle, graph.constant(np.array(pi / 2)))  # cos(a) = sin(a + pi/2)
    return [graph.add("Where", missing, zero, graph.add("Sin", part)) for part in (angle, ahead)]


def _encode_category(graph: _Graph, encoding: FeatureEncoding) -> str:
    names = [*encoding.categories, ""]
    code = graph.as_double(
        graph.add(
            "LabelEncoder",
            encoding.name,
            domain="ai.onnx.ml",
            keys_strings=names,
            values_int64s=list(range(len(names))),
            default_int64=-1,
        )
    )
    chosen = graph.add("Equal", code, graph.constant(np.arange(len(names), dtype=np.float64)))
    known = graph.constant(np.array(encoding.known, dtype=np.float64))
    return graph.add("Mul", graph.as_double(chosen), known)


def _perceptrons(graph: _Graph, encoded: str, network: RainNetwork) -> str:
    """Returns the mean of all members' outputs, [B, 1].

    Side by side the members are one wide perceptron whose hidden weights are block-diagonal, and
    whose first weights are zero where a member does not see a column.
    """
    seeing, plain = _values(network.seeing.weight), _values(network.plain.weight)
    unseen = network.preprocessing.width - network.preprocessing.dense_width
    plain = np.pad(plain, ((0, 0), (0, unseen), (0, 0)))
    first = np.concatenate([*seeing, *plain], axis=1)
    biases = np.concatenate([_values(network.seeing.bias), _values(network.plain.bias)])
    hidden = graph.add("Relu", _linear(graph, encoded, first, biases.reshape(-1)))
    *middle, last = (layer for layer in network.perceptrons if isinstance(layer, MemberLinear))
    for layer in middle:
        weight = _block_diagonal(_values(layer.weight))
        hidden = graph.add("Relu", _linear(graph, hidden, weight, _values(layer.bias).reshape(-1)))
    weight = np.concatenate(_values(last.weight)) / network.architecture.members
    return _linear(graph, hidden, weight, _values(last.bias).mean(axis=0).reshape(-1))


def _block_diagonal(weight_KAC: _Array) -> _Array:
    members, inputs, outputs = weight_KAC.shape
    joined = np.zeros((members, inputs, members, outputs))
    joined[np.arange(members), :, np.arange(members), :] = weight_KAC
    return joined.reshape(members * inputs, members * outputs)


def _linear(graph: _Graph, inputs: str, weight_AC: _Array, bias_C: _Array) -> str:
    return graph.add("Gemm", inputs, graph.constant(weight_AC), graph.constant(bias_C))


def _weights(layer: torch.nn.Linear) -> tuple[_Array, _Array]:
    return _values(layer.weight).T, _values(layer.bias)


def _values(tensor: torch.Tensor) -> _Array:
    return tensor.detach().to(device="cpu", dtype=torch.float64).numpy()
