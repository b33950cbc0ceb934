"""The ONNX graph answers as the network does."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.contract.columns import Column, Kind
from weather_assets.contract.schema import Contract, Label
from weather_assets.contract.statistics import FeatureStatistics, TrainingStatistics
from weather_assets.forecasting.network import RainNetwork
from weather_assets.forecasting.onnx_export import OnnxExportError, export_onnx
from weather_assets.forecasting.settings import CANDIDATES
from weather_assets_tests.forecasting.example_rows import (
    CONTRACT,
    example_network,
    example_statistics,
    example_table,
)

STATISTICS = example_statistics(example_table())
NAN = float("nan")
ROW = st.tuples(
    st.sampled_from([0.0, 1.0, 2.0, NAN]),
    st.floats(-60, 60) | st.just(NAN),
    st.floats(0, 360) | st.just(NAN),
    st.floats(0, 100) | st.just(NAN),
)


def _feed(features: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.generic]]:
    feed: dict[str, npt.NDArray[np.generic]] = {}
    for index, feature in enumerate(CONTRACT.features):
        column = features[:, [index]]
        if feature.kind is Kind.CATEGORY:
            names = [
                "" if np.isnan(code) else feature.categories[int(code)] for code in column[:, 0]
            ]
            column = np.array(names, dtype=object)[:, None]
        feed[feature.name] = column
    return feed


@pytest.fixture(scope="module", params=CANDIDATES, ids=lambda candidate: candidate.name)
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RainNetwork, Path, onnxruntime.InferenceSession]:
    network = example_network(request.param, CONTRACT, STATISTICS)
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export_onnx(network, path)
    return network, path, onnxruntime.InferenceSession(path)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=20))
def test_onnxruntime_and_torch_agree_on_every_valid_row(
    exported: tuple[RainNetwork, Path, onnxruntime.InferenceSession],
    rows: list[tuple[float, ...]],
) -> None:
    network, _, session = exported
    features = np.array(rows)
    answer = np.asarray(session.run(["probability"], _feed(features))[0])
    assert answer.dtype == np.float64
    np.testing.assert_allclose(answer[:, 0], network.probabilities(features), rtol=0, atol=1e-9)


def test_the_graph_names_its_inputs_after_the_features_and_needs_no_other_file(
    exported: tuple[RainNetwork, Path, onnxruntime.InferenceSession],
) -> None:
    _, path, session = exported
    assert [node.name for node in session.get_inputs()] == [f.name for f in CONTRACT.features]
    assert [node.type for node in session.get_inputs()] == [
        "tensor(string)",
        *["tensor(double)"] * 3,
    ]
    onnx.checker.check_model(onnx.load(path), full_check=True)
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_single_feature_of_any_kind_can_be_exported(tmp_path: Path, kind: Kind) -> None:
    index = [feature.kind for feature in CONTRACT.features].index(kind)
    contract = Contract(
        "one", "one", (CONTRACT.columns[index],), CONTRACT.label, split=CONTRACT.split
    )
    fitted = TrainingStatistics(400, 100, (STATISTICS.features[index],))
    network = example_network(CANDIDATES[-1], contract, fitted)
    export_onnx(network, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    feature = contract.features[0]
    feed = np.array([["JFK"]], dtype=object) if kind is Kind.CATEGORY else np.array([[30.0]])
    raw = np.array([[1.0]]) if kind is Kind.CATEGORY else np.array([[30.0]])
    answer = np.asarray(session.run(None, {feature.name: feed})[0])
    np.testing.assert_allclose(answer[:, 0], network.probabilities(raw), rtol=0, atol=1e-9)


def test_a_feature_called_like_the_output_is_refused(tmp_path: Path) -> None:
    contract = Contract(
        "clash",
        "clash",
        (Column("probability", "cloud_area_fraction", "1", minimum=0, maximum=1),),
        Label("Rain", positive=("rain",), negative=("no rain",)),
        split=CONTRACT.split,
    )
    fitted = TrainingStatistics(9, 3, (FeatureStatistics("probability", 9, 0, 0.5, 0.2),))
    with pytest.raises(OnnxExportError, match="rename"):
        export_onnx(example_network(CANDIDATES[0], contract, fitted), tmp_path / "model.onnx")
