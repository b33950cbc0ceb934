"""The scoring package, served over HTTP as Azure ML serves it, in its own pinned environment."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from weather_assets.adapters.scoring.environment import scoring_environment
from weather_assets.adapters.scoring.server import (
    ScoringServer,
    ScoringServerError,
    scoring_server,
)
from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract
from weather_assets.forecasting.data import feature_matrix
from weather_assets.scoring.package import CONDA_FILE
from weather_assets.scoring.score import MAX_BYTES
from weather_assets_tests.integration.arbitrary_network import (
    arbitrary_network,
    package_of,
    plausible_statistics,
    probabilities,
)
from weather_assets_tests.scoring.tiny_graph import write_graph

ROWS = 300
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def contract() -> Contract:
    return next(contract for contract in builtin_contracts() if contract.name == "nyc_hourly")


@pytest.fixture(scope="module")
def rows(contract: Contract) -> list[dict[str, object]]:
    """Raw rows over the whole range of every column, a quarter of the optional cells missing."""
    random = np.random.default_rng(11)
    found: list[dict[str, object]] = []
    for number in range(ROWS):
        row: dict[str, object] = {
            "time_hour": f"2013-{1 + number % 12:02}-{1 + number % 28:02}T{number % 24:02}:30:00Z"
        }
        for column in contract.columns:
            if column.categories:
                row[column.name] = str(random.choice(column.categories))
            elif random.random() < 0.75:
                assert column.minimum is not None
                assert column.maximum is not None
                share = random.choice([0.0, 1.0, random.random()])
                row[column.name] = column.minimum + share * (column.maximum - column.minimum)
            elif random.random() < 0.5:
                row[column.name] = None
        found.append(row)
    return found


@pytest.fixture(scope="module")
def expected(contract: Contract, rows: list[dict[str, object]]) -> list[float]:
    """What the network answers in PyTorch, from a feature matrix made without `score.py`."""
    columns: dict[str, list[Any]] = {
        column.name: [row.get(column.name) for row in rows] for column in contract.columns
    }
    columns["hour_of_day"] = [number % 24 + 0.5 for number in range(ROWS)]
    network = arbitrary_network(contract, plausible_statistics(contract))
    return probabilities(network, feature_matrix(pa.table(columns), contract))


@pytest.fixture(scope="module")
def package(
    contract: Contract,
    rows: list[dict[str, object]],
    expected: list[float],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    folder = tmp_path_factory.mktemp("served")
    network = arbitrary_network(contract, plausible_statistics(contract))
    return package_of(network, contract, folder, rows[:3], expected[:3])


@pytest.fixture(scope="module")
def python(package: Path) -> Path:
    return scoring_environment(package / CONDA_FILE)


@pytest.fixture(scope="module")
def server(python: Path, package: Path) -> Iterator[ScoringServer]:
    with scoring_server(python, package) as running:
        yield running


def test_raw_rows_get_the_probabilities_of_the_network_in_pytorch(
    server: ScoringServer, rows: list[dict[str, object]], expected: list[float]
) -> None:
    status, answer = server.score({"rows": rows})
    assert status == 200
    assert len(answer["probability"]) == ROWS
    np.testing.assert_allclose(answer["probability"], expected, rtol=0, atol=TOLERANCE)
    assert answer["event"] == [value >= 0.5 for value in answer["probability"]]
    assert np.ptp(expected) > 0.5, "a network that tells rows apart"


def test_the_sample_request_gets_the_sample_response(server: ScoringServer, package: Path) -> None:
    status, answer = server.score((package / "sample_request.json").read_bytes())
    sample = json.loads((package / "sample_response.json").read_text())
    assert status == 200
    np.testing.assert_allclose(answer["probability"], sample["probability"], rtol=0, atol=TOLERANCE)
    assert answer["model"] == sample["model"]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "not_json"),
        (b"temp=39", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"rows": [', "not_json"),
        ([], "wrong_shape"),
        ({"data": [[39.02]]}, "wrong_shape"),
        ({"rows": []}, "no_rows"),
        ({"rows": [{}] * 10_001}, "too_many_rows"),
        ({"temp": 999}, "invalid_rows"),
        ({"temp": "39"}, "invalid_rows"),
        ({"temp": math.nan}, "invalid_rows"),
        ({"origin": "SEA"}, "invalid_rows"),
        ({"origin": None}, "invalid_rows"),
        ({"time_hour": "now"}, "invalid_rows"),
        ({"temperature": 39.02}, "invalid_rows"),
    ],
)
def test_malformed_requests_are_refused_readably(
    server: ScoringServer, rows: list[dict[str, object]], payload: Any, code: str
) -> None:
    if code == "invalid_rows":  # the payload is what one cell is changed to
        payload = {"rows": [rows[0], {**rows[1], **payload}]}
    status, answer = server.score(payload)
    assert (status, answer["error"]["code"]) == (400, code)
    assert answer["error"]["message"]
    if code == "invalid_rows":
        assert [item["row"] for item in answer["error"]["details"]] == [1]


def test_the_content_type_does_not_matter(
    server: ScoringServer, rows: list[dict[str, object]]
) -> None:
    body = json.dumps({"rows": rows[:2]}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what curl -d sends
    answer = server.client.post(f"{server.url}/score", content=body, headers=form)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


def test_only_post_scores(server: ScoringServer) -> None:
    answer = server.client.get(f"{server.url}/score")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "wrong_method")


def test_the_server_goes_on_after_bad_requests(
    server: ScoringServer, rows: list[dict[str, object]]
) -> None:
    assert server.score(b"[" * 100_000)[0] == 400
    assert server.score({"rows": rows[:1]})[0] == 200


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_without_end_is_read_no_further_than_the_limit(
    server: ScoringServer, rows: list[dict[str, object]], *, chunked: bool
) -> None:
    too_much = b" " * (MAX_BYTES + 2**20)
    body = iter([too_much[: 2**20]] * 17) if chunked else too_much
    answer = server.client.post(f"{server.url}/score", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert server.score({"rows": rows[:1]})[0] == 200


def test_a_model_that_answers_nan_is_an_error_of_the_server(
    python: Path, package: Path, contract: Contract, rows: list[dict[str, object]]
) -> None:
    graph = package / "model.onnx"
    sound = graph.read_bytes()
    try:
        write_graph(graph, contract, poisoned=True)
        with scoring_server(python, package) as poisoned:
            status, answer = poisoned.score({"rows": rows[:1]})
        assert (status, answer["error"]["code"]) == (500, "model_failure")
        write_graph(graph, replace(contract, columns=contract.columns[:-1]))
        with (
            pytest.raises(ScoringServerError, match=r"model\.onnx takes"),
            scoring_server(python, package),
        ):
            pass
    finally:
        graph.write_bytes(sound)
