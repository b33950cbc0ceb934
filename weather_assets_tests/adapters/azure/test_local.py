"""Local Azure stands in where no subscription is named, and only there."""

import os
from dataclasses import replace

import pytest

from weather_assets.adapters.azure.local import LocalAzure, endpoint_service
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.rollout.service import AccessDenied
from weather_assets.rollout.states import Release
from weather_assets_tests.adapters.conftest import AzureWorld

pytestmark = pytest.mark.usefixtures("unchanged_environment")


def never(release: Release) -> object:
    raise AssertionError(f"{release} is not asked for")


def test_a_simulator_that_runs_is_used_as_it_is(azure_world: AzureWorld) -> None:
    again = LocalAzure.started(azure_world.local.state, quota_cores=1)
    assert again == azure_world.local
    assert again.url.startswith("http://127.0.0.1:")
    assert again.variables["AZURE_CLIENT_SECRET"] not in repr(again)


def test_without_a_subscription_the_data_roots_simulator_serves(azure_world: AzureWorld) -> None:
    root = DataRoot.at(azure_world.local.state.parent)
    assert root.local_azure == azure_world.local.state
    service = endpoint_service(AzureSettings(), root, never, "run")  # pyright: ignore[reportArgumentType]
    assert (service.name, service.observe()) == ("weather-assets", None)


def test_with_a_subscription_nothing_is_simulated(
    azure_world: AzureWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    # Nothing of this test may reach the network: the simulator's proxy refuses what is not its own.
    for name, value in azure_world.local.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "of the user, and wrong here")
    settings = replace(AzureSettings(), subscription_id="s", resource_group="g", workspace="w")
    root = DataRoot.at(azure_world.local.state.parent / "no-such-root")
    service = endpoint_service(settings, root, never, "run")  # pyright: ignore[reportArgumentType]
    with pytest.raises(AccessDenied, match="AADSTS7000215"):
        service.observe()
    assert not root.local_azure.exists()
