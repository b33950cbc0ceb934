"""An ONNX graph with the served interface whose answers are easy to compute by hand."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from weather_assets.contract.columns import Kind
from weather_assets.contract.schema import Contract

WEIGHT = 0.01
"""Weight of each observed number in the graph below; a missing one counts as 0."""
JFK_WEIGHT = 0.5


def write_graph(path: Path, contract: Contract, *, poisoned: bool = False) -> None:
    """Writes probability = sigmoid(0.01 x sum of observed numbers + 0.5 if a category is `JFK`).

    Args:
        path: where to.
        contract: names the inputs.
        poisoned: makes every answer NaN instead.
    """
    double, text = TensorProto.DOUBLE, TensorProto.STRING
    nodes: list[onnx.NodeProto] = []
    inputs: list[onnx.ValueInfoProto] = []
    terms: list[str] = []
    for number, feature in enumerate(contract.features):
        category = feature.kind is Kind.CATEGORY
        inputs.append(
            helper.make_tensor_value_info(feature.name, text if category else double, [None, 1])
        )
        term = f"term_{number}"
        if category:
            nodes += [
                helper.make_node("Equal", [feature.name, "jfk"], [f"is_{number}"]),
                helper.make_node("Cast", [f"is_{number}"], [f"one_{number}"], to=double),
                helper.make_node("Mul", [f"one_{number}", "jfk_weight"], [term]),
            ]
        else:
            nodes += [
                helper.make_node("IsNaN", [feature.name], [f"gap_{number}"]),
                helper.make_node("Where", [f"gap_{number}", "zero", feature.name], [f"x_{number}"]),
                helper.make_node("Mul", [f"x_{number}", "weight"], [term]),
            ]
        terms.append(term)
    nodes += [
        helper.make_node("Sum", terms, ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["sound"]),
        helper.make_node("Mul", ["sound", "factor"], ["probability"]),
    ]
    constants = [
        helper.make_tensor(name, double, [], [value])
        for name, value in (
            ("zero", 0.0),
            ("weight", WEIGHT),
            ("jfk_weight", JFK_WEIGHT),
            ("factor", math.nan if poisoned else 1.0),
        )
    ]
    constants.append(helper.make_tensor("jfk", text, [1, 1], np.array([b"JFK"])))
    output = helper.make_tensor_value_info("probability", double, [None, 1])
    graph = helper.make_graph(nodes, "tiny", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=10)
    onnx.save(model, path)


def expected_probability(row: Mapping[str, object], hour: float) -> float:
    """Returns what the graph must answer for a raw NYC row at an hour of the day in UTC."""
    numbers = [
        value for name, value in row.items() if name != "origin" and isinstance(value, int | float)
    ]
    logit = WEIGHT * (math.fsum(numbers) + hour) + (JFK_WEIGHT if row["origin"] == "JFK" else 0.0)
    return 1 / (1 + math.exp(-logit))
