"""Steering a running simulator from Python: its status, its faults, its counters.

Belongs here: a small client of the control port. Does not belong here: starting it (`daemon`).
"""

import http.client
import json
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from weather_assets.local_azure.azure.errors import LocalAzureError
from weather_assets.local_azure.azure.faults import Fault

_SECONDS = 30.0


class Control:
    """A running simulator. Get one from `daemon.control`."""

    def __init__(self, url: str, token: str) -> None:
        """Keeps the address of the control port, and the token that it asks for."""
        self._address, self._token = urlsplit(url), token

    def status(self) -> dict[str, Any]:
        """Returns endpoints, deployments, instances, traffic, counters and waiting faults."""
        return self._call("GET", "/status")

    def add_fault(self, fault: Fault) -> Fault:
        """Injects a fault; returns it with its id.

        Raises:
            LocalAzureError: if it could not strike as it says.
        """
        return Fault.from_dict(self._call("POST", "/faults", asdict(fault)))

    def faults(self) -> list[Fault]:
        """Returns the faults that wait to strike, oldest first."""
        return [Fault.from_dict(document) for document in self._call("GET", "/faults")]

    def clear_faults(self, identity: str | None = None) -> int:
        """Removes one fault, or all; returns how many there were."""
        path = "/faults" if identity is None else f"/faults/{identity}"
        return int(self._call("DELETE", path)["cleared"])

    def metrics(self, endpoint: str, deployment: str) -> dict[str, Any]:
        """Returns a deployment's counters by route: `live`, `pinned` and `mirrored`.

        Each has `requests`, `statuses`, `model_statuses` and `latency_seconds` (`sum`, `bounds`,
        `buckets`, `p50`, `p90`, `p95`, `p99`). They only grow while the deployment exists.
        """
        return self._call("GET", f"/metrics/{endpoint}/{deployment}")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        host, port = self._address.hostname or "", self._address.port
        connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            document = json.loads(response.read())
        except OSError as error:
            raise LocalAzureError(
                f"Local Azure does not answer at {self._address.geturl()}: {error}"
            ) from None
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise LocalAzureError(document["error"]["message"])
        return document
