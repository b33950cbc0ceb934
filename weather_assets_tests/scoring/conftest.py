"""A small scoring package of the NYC contract, around a graph that is easy to compute by hand."""

from pathlib import Path

import pytest

from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract
from weather_assets.scoring.package import PackageContents, build_package
from weather_assets.scoring.score import Scorer
from weather_assets_tests.scoring.tiny_graph import expected_probability, write_graph


@pytest.fixture(scope="session")
def nyc() -> Contract:
    return next(contract for contract in builtin_contracts() if contract.name == "nyc_hourly")


@pytest.fixture
def nyc_row() -> dict[str, object]:
    """A raw row as a client would send it, observed at 06:30 UTC."""
    return {
        "origin": "JFK",
        "temp": 39.02,
        "dewp": 26.06,
        "humid": 59.37,
        "wind_dir": 270,
        "wind_speed": 10.5,
        "wind_gust": None,
        "precip": 0,
        "pressure": 1012,
        "visib": 10,
        "time_hour": "2013-01-01T06:30:00Z",
    }


@pytest.fixture
def contents(nyc: Contract, nyc_row: dict[str, object], tmp_path: Path) -> PackageContents:
    graph = tmp_path / "exported.onnx"
    write_graph(graph, nyc)
    return PackageContents(
        graph=graph,
        contract=nyc,
        threshold=0.5,
        model_name="rain",
        model_version="7",
        sample_rows=[nyc_row],
        sample_probabilities=[expected_probability(nyc_row, 6.5)],
        verdict={},
        training_period=("2013-01-01T06:00:00Z", "2013-08-31T23:00:00Z"),
    )


@pytest.fixture
def package(contents: PackageContents, tmp_path: Path) -> Path:
    target = tmp_path / "package"
    build_package(target, contents)
    return target


@pytest.fixture(scope="session")
def shared_package(nyc: Contract, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that tests only read."""
    folder = tmp_path_factory.mktemp("shared")
    write_graph(folder / "exported.onnx", nyc)
    row = {"origin": "EWR", "temp": 50.0, "time_hour": "2013-01-01T00:00:00Z"}
    contents = PackageContents(folder / "exported.onnx", nyc, 0.5, "rain", "7", [row], [0.5], {})
    build_package(folder / "package", contents)
    return folder / "package"


@pytest.fixture(scope="session")
def scorer(shared_package: Path) -> Scorer:
    """A loaded scorer; it has no state, so tests may share it."""
    return Scorer.load(shared_package)
