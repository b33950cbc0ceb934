"""What tests of adapters share: one Local Azure, small packages, and an untouched process."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from weather_assets.adapters.azure.client import AzureTimings
from weather_assets.adapters.azure.local import LocalAzure
from weather_assets.adapters.azure.service import AzureEndpointService
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.contract.loading import builtin_contracts
from weather_assets.local_azure import daemon
from weather_assets.local_azure.control import Control
from weather_assets.rollout.states import Release
from weather_assets.scoring.package import PackageContents, build_package
from weather_assets_tests.scoring.tiny_graph import write_graph

pytest.register_assert_rewrite("weather_assets_tests.adapters.ranks.gang_contract")

ROW: dict[str, object] = {"origin": "EWR", "temp": 50.0, "time_hour": "2013-01-01T00:00:00Z"}
FORECAST = 0.6224593312018546
"""Of that row by the tiny graph: 1 / (1 + exp(-0.01 x 50))."""


@dataclass(frozen=True)
class AzureWorld:
    """A simulator, two releases of a tiny model, and services on it."""

    local: LocalAzure
    packages: dict[str, Path]
    releases: dict[str, Release]
    control: Control

    def service(
        self,
        endpoint: str,
        *,
        local: LocalAzure | None = None,
        run_id: str = "run-1",
        timings: AzureTimings | None = None,
        **changes: str | int,
    ) -> AzureEndpointService:
        """Returns a service; `changes` are of its settings, `local` stands for another Azure."""
        reached = local or self.local
        settings = replace(reached.located(AzureSettings(endpoint=endpoint)), **changes)
        return AzureEndpointService(
            settings,
            lambda release: self.packages[release.version],
            run_id,
            timings=timings or AzureTimings.local(),
            reach=reached.reach,
            metrics_grain_seconds=reached.grain_seconds,
        )


@pytest.fixture(scope="module")
def azure_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureWorld]:
    """One simulator for the tests of a file: what another one uploaded is not uploaded again."""
    folder = tmp_path_factory.mktemp("azure")
    contract = next(c for c in builtin_contracts() if c.name == "nyc_hourly")
    write_graph(folder / "model.onnx", contract)
    packages: dict[str, Path] = {}
    releases: dict[str, Release] = {}
    for version in ("1", "2"):
        packages[version] = folder / version / "package"
        contents = PackageContents(
            folder / "model.onnx", contract, 0.5, "rain", version, [ROW], [0.5], {}
        )
        digest = build_package(packages[version], contents)
        releases[version] = Release(version, digest, AzureSettings().configuration)
    local = LocalAzure.started(
        folder / "local-azure",
        operation_seconds=0.05,
        polling_seconds=0.05,
        quota_cores=60,
        timeout=60,
    )
    yield AzureWorld(local, packages, releases, daemon.control(local.state))
    daemon.stop(local.state)


@pytest.fixture
def unchanged_environment() -> Iterator[None]:
    """Whatever a test does with Azure, the process's variables are as before."""
    before = dict(os.environ)
    before.pop("PYTEST_CURRENT_TEST", None)
    yield
    after = dict(os.environ)
    after.pop("PYTEST_CURRENT_TEST", None)
    assert after == before
