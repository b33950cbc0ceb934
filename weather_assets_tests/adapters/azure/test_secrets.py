"""Nothing secret is told: not in logs at their most talkative, nor in exceptions, nor in reprs."""

import logging
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from weather_assets.adapters.azure.client import AzureTimings
from weather_assets.adapters.azure.service import AzureEndpointService
from weather_assets.local_azure.azure.faults import Fault, FaultKind
from weather_assets.rollout.service import ServiceError
from weather_assets_tests.adapters.conftest import ROW, AzureWorld
from weather_assets_tests.local_azure.plain_client import PlainClient

NAME = "adapter-secret"
PLANTED_KEY = "planted-endpoint-key-0123456789"
PLANTED_SECRET = "planted-client-secret-0123456789"  # noqa: S105 - looked for, not used
QUICK = replace(AzureTimings.local(), conflict_seconds=0.1, retries=1, backoff_seconds=0.01)


@pytest.fixture
def everything_logged() -> Iterator[list[str]]:
    """What any logger of this process would write at DEBUG, tracebacks included."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keeper, root = Keeper(logging.DEBUG), logging.getLogger()
    before = root.level
    root.addHandler(keeper)
    root.setLevel(logging.DEBUG)
    yield lines
    root.setLevel(before)
    root.removeHandler(keeper)


@pytest.fixture
def service(azure_world: AzureWorld) -> Iterator[AzureEndpointService]:
    """A service on an endpoint whose key is known to this test."""
    service = azure_world.service(NAME, timings=QUICK)
    service.create_endpoint()
    client = PlainClient(azure_world.local.state)
    body = {"keyType": "Primary", "keyValue": PLANTED_KEY}
    client.wait(client.arm("POST", f"/onlineEndpoints/{NAME}/regenerateKeys", body))
    assert client.key(NAME) == PLANTED_KEY
    client.close()
    yield service
    azure_world.control.clear_faults()
    service.close()


def test_nothing_secret_is_told(
    azure_world: AzureWorld, service: AzureEndpointService, everything_logged: list[str]
) -> None:
    told: list[str] = []
    told += [repr(service.ask([ROW], None)), repr(service.ask([ROW], "blue"))]
    azure_world.control.add_fault(Fault(FaultKind.IMAGE_BUILD_FAILED, f"{NAME}/blue"))
    told += failure_of(lambda: service.deploy("blue", azure_world.releases["1"]))
    for status in (401, 403, 409, 429, 500):
        target = f"*/onlineEndpoints/{NAME}*"
        azure_world.control.add_fault(
            Fault(FaultKind.HTTP_ERROR, target, status=status, times=None)
        )
        told += failure_of(service.observe)
        told += [repr(azure_world.service(NAME, timings=QUICK).ask([ROW], None))]
        azure_world.control.clear_faults()
    variables = {**azure_world.local.variables, "AZURE_CLIENT_SECRET": PLANTED_SECRET}
    other = replace(azure_world.local, variables=variables)
    told += failure_of(azure_world.service(NAME, local=other, timings=QUICK).observe)
    told += [repr(thing) for thing in (azure_world.local, other, service, vars(service))]
    told += everything_logged
    assert any("AADSTS7000215" in text for text in told), "exceptions were looked at"
    assert any("/blockblob" in text or "blob.core" in text for text in told), "so were uploads"
    secrets = {
        PLANTED_KEY, PLANTED_SECRET, azure_world.local.variables["AZURE_CLIENT_SECRET"], "eyJ",
    }  # fmt: skip
    found = [(secret, text) for secret in secrets for text in told if secret in text]
    assert found == []
    signatures = [found for text in told for found in re.findall(r"sig=([^&\s'\"]+)", text)]
    assert set(signatures) == {"***", "REDACTED"}, "uploads were signed, and no line says how"


def failure_of(call: Callable[[], object]) -> list[str]:
    """Returns all that an exception of a call would show, with everything that it holds."""
    with pytest.raises(ServiceError) as caught:
        call()
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None, "the SDK's exception has the request with its token"
    shown = "".join(traceback.format_exception(error))
    return [shown, repr(error), str(error), repr(vars(error))]
