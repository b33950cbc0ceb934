"""Azure is reached as somebody says, by arguments: no variable of this process is swapped."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from weather_assets.adapters.azure.client import AzureTimings
from weather_assets.adapters.azure.reach import Reach
from weather_assets_tests.adapters.conftest import ROW, AzureWorld

OF_THE_USER = {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "NO_PROXY": "*",
    "REQUESTS_CA_BUNDLE": "/no/such/file",
    "AZURE_TENANT_ID": "of the user",
    "AZURE_CLIENT_ID": "of the user",
    "AZURE_CLIENT_SECRET": "of the user",
    "AZURE_AUTHORITY_HOST": "login.chinacloudapi.cn",
}


@contextmanager
def watched(names: set[str]) -> Generator[set[str | None]]:
    """Yields every value that other threads see in some variables meanwhile."""
    seen: set[str | None] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.001):
            seen.update(os.environ.get(name) for name in names)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_what_the_users_environment_says_neither_matters_nor_changes(
    azure_world: AzureWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in OF_THE_USER.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "AzureChinaCloud")
    service = azure_world.service("adapter-reach")
    began = datetime.now(UTC)
    with watched(set(OF_THE_USER)) as seen:
        service.create_endpoint()
        service.deploy("blue", azure_world.releases["1"])
        service.set_traffic({"blue": 100}, {})
        assert service.ask([ROW], None).status == 200
        service.live_counts("blue", began)
        assert "inference-server" in service.logs("blue")
    assert seen == set(OF_THE_USER.values())
    assert os.environ["AZUREML_CURRENT_CLOUD"] == "AzureChinaCloud"
    service.close()


def test_where_nothing_is_said_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reach = Reach()
    assert (reach.transport, reach.cloud, reach.session().trust_env) == ({}, {}, True)
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "of-the-user")
    limits = AzureTimings().limits()
    assert type(reach.credential(limits)).__name__ == "EnvironmentCredential"
    monkeypatch.delenv("AZURE_CLIENT_SECRET")
    assert type(reach.credential(limits)).__name__ == "DefaultAzureCredential"


def test_the_secret_is_not_shown(azure_world: AzureWorld) -> None:
    assert azure_world.local.variables["AZURE_CLIENT_SECRET"] not in repr(azure_world.local.reach)
