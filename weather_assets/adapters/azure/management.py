"""Azure Resource Manager itself, for what the SDK cannot be asked for.

Belongs here: a client that signs in, and a PUT that is followed to its end. Does not belong here:
which resources (`deployments`, `metrics`).

`MLClient` has no route to Azure Monitor. Its PUT of a deployment writes a dot to standard output at
each look at the operation, and its upload of code makes clients of its own that read proxy and
certificates from the process's environment; neither has an option.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from azure.core import PipelineClient
from azure.core.pipeline import Pipeline
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    ProxyPolicy,
    RequestIdPolicy,
    RetryPolicy,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.core.polling import LROPoller
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core.polling.arm_polling import ARMPolling

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

MANAGEMENT = "https://management.azure.com"
_SCOPE = f"{MANAGEMENT}/.default"
_POLLING_SECONDS = 5.0
"""Between two looks at an operation, where the service does not say."""


@dataclass(frozen=True, slots=True)
class ResourceManager:
    """A client of Azure Resource Manager."""

    _pipeline: Pipeline[Any, Any]
    _client: PipelineClient[Any, Any]

    @classmethod
    def of(
        cls, credential: "TokenCredential", limits: Mapping[str, Any], transport: Mapping[str, Any]
    ) -> Self:
        """Returns a client.

        Args:
            credential: proves who asks.
            limits: retries and time limits, as azure-core takes them.
            transport: how it is reached (`Reach.transport`).
        """
        policies: list[Any] = [
            RequestIdPolicy(),
            ProxyPolicy(**transport),
            RetryPolicy(**limits),
            BearerTokenCredentialPolicy(credential, _SCOPE),
        ]
        pipeline = Pipeline[Any, Any](RequestsTransport(**limits, **transport), policies)
        return cls(pipeline, PipelineClient(MANAGEMENT, pipeline=pipeline))

    def get(self, path: str, query: Mapping[str, str]) -> Any:
        """Returns a document, or raises AzureError."""
        return self._send(HttpRequest("GET", f"{MANAGEMENT}{path}", params=query)).json()

    def put(self, path: str, api_version: str, document: Mapping[str, Any]) -> Any:
        """Puts a resource that is there when the call returns, or raises AzureError."""
        return self._send(_put(path, api_version, document)).json()

    def begin_put(
        self, path: str, api_version: str, document: Mapping[str, Any]
    ) -> LROPoller[None]:
        """Puts what a long operation makes; returns what follows that, or raises AzureError."""
        response = self._pipeline.run(_put(path, api_version, document))
        response.http_response.raise_for_status()
        return LROPoller(
            self._client, response, lambda _response: None, ARMPolling(_POLLING_SECONDS)
        )

    def _send(self, request: HttpRequest) -> HttpResponse:
        response = self._client.send_request(request)
        response.raise_for_status()
        return response


def _put(path: str, api_version: str, document: Mapping[str, Any]) -> HttpRequest:
    query = {"api-version": api_version}
    return HttpRequest("PUT", f"{MANAGEMENT}{path}", params=query, json=dict(document))
