"""The resources of a workspace by path and method, as Azure Resource Manager has them.

Belongs here: paths, methods, status codes and headers of answers. Does not belong here: who may
call and which workspaces exist (`service`), or what a call does to a resource (the other modules of
this package).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web

from weather_assets.local_azure.arm.assets import AssetVersions
from weather_assets.local_azure.arm.deployments import OnlineDeployments
from weather_assets.local_azure.arm.endpoints import OnlineEndpoints
from weather_assets.local_azure.arm.monitor import Monitor
from weather_assets.local_azure.arm.operations import Operation, Operations
from weather_assets.local_azure.arm.workspace import (
    DATASTORE,
    datastore_document,
    datastore_secrets,
    workspace_document,
)
from weather_assets.local_azure.azure.errors import ServiceError, not_found
from weather_assets.local_azure.azure.hosts import Hosts
from weather_assets.local_azure.azure.resources import Deployment, Endpoint
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.storage.blob_store import BlobStore

_DATASTORES = r"/datastores"
_ASSETS = r"/(?P<kind>models|environments|codes)"
_NAMED = rf"{_ASSETS}/(?P<name>[^/]+)"
_VERSION = rf"{_NAMED}/versions/(?P<version>[^/]+)"
_ENDPOINT = r"/onlineEndpoints/(?P<endpoint>[^/]+)"
_DEPLOYMENT = rf"{_ENDPOINT}/deployments/(?P<deployment>[^/]+)"
_UPLOAD = r"/codes/[^/]+/versions/[^/]+/startPendingUpload"
_METRICS = rf"{_ENDPOINT}/providers/Microsoft\.Insights/metrics"
_LOGS = rf"{_DEPLOYMENT}/getLogs"


@dataclass(frozen=True, slots=True)
class Call:
    """One call."""

    workspace: str
    parts: dict[str, str]
    """What the path names."""
    query: dict[str, str]
    body: dict[str, Any]
    """Empty where there is none."""


Handler = Callable[[Call], dict[str, Any] | web.Response]
"""Returns the document of an answer with status 200, or an answer of another kind."""


class Routes:
    """Answers calls to a workspace."""

    def __init__(
        self,
        settings: Settings,
        operations: Operations,
        blobs: BlobStore,
        assets: AssetVersions,
        endpoints: OnlineEndpoints,
        deployments: OnlineDeployments,
        monitor: Monitor,
    ) -> None:
        """Leads calls to the resources given."""
        self._settings, self._operations, self._blobs = settings, operations, blobs
        self._assets, self._endpoints, self._deployments = assets, endpoints, deployments
        routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "", lambda call: workspace_document(settings, call.workspace)),
            ("GET", _DATASTORES, self._datastores),
            ("GET", rf"{_DATASTORES}/(?P<name>[^/]+)", self._datastore),
            ("POST", rf"{_DATASTORES}/(?P<name>[^/]+)/listSecrets", self._secrets),
            ("GET", _ASSETS, lambda call: assets.containers(call.workspace, **call.parts)),
            ("GET", _NAMED, lambda call: assets.container(call.workspace, **call.parts)),
            ("GET", f"{_NAMED}/versions", self._asset_versions),
            ("GET", _VERSION, lambda call: assets.get(call.workspace, **call.parts)),
            ("PUT", _VERSION, self._put_asset),
            ("POST", _UPLOAD, lambda _call: assets.start_upload(Hosts.of(settings))),
            ("GET", r"/onlineEndpoints", self._list_endpoints),
            ("GET", _ENDPOINT, lambda call: endpoints.document(self._endpoint(call))),
            ("PUT", _ENDPOINT, self._put_endpoint),
            ("DELETE", _ENDPOINT, self._delete_endpoint),
            ("POST", rf"{_ENDPOINT}/listKeys", lambda call: endpoints.keys(self._endpoint(call))),
            ("POST", rf"{_ENDPOINT}/regenerateKeys", self._regenerate_keys),
            ("POST", rf"{_ENDPOINT}/token", lambda call: endpoints.token(self._endpoint(call))),
            ("GET", _METRICS, lambda call: monitor.metrics(self._endpoint(call), call.query)),
            ("GET", rf"{_ENDPOINT}/deployments", self._list_deployments),
            ("GET", _DEPLOYMENT, lambda call: deployments.document(self._deployment(call))),
            ("PUT", _DEPLOYMENT, self._put_deployment),
            ("DELETE", _DEPLOYMENT, self._delete_deployment),
            ("POST", _LOGS, lambda call: deployments.logs(self._deployment(call), call.body)),
        )
        self._routes = [
            (method, re.compile(path, re.IGNORECASE), handler) for method, path, handler in routes
        ]

    async def answer(self, request: web.Request, workspace: str, rest: str) -> web.Response:
        """Answers a call to what `rest` names below a workspace.

        Raises:
            ServiceError: 404 or 405 where there is no such route; else what the resource refuses.
        """
        methods: set[str] = set()
        for method, pattern, handler in self._routes:
            parts = pattern.fullmatch(rest)
            if parts is None:
                continue
            if method == request.method:
                body = await _body(request) if method in {"PUT", "POST"} else {}
                found = handler(Call(workspace, parts.groupdict(), dict(request.query), body))
                return found if isinstance(found, web.Response) else web.json_response(found)
            methods.add(method)
        if methods:
            message = f"{request.path} takes {', '.join(sorted(methods))}, not {request.method}."
            raise ServiceError(405, "MethodNotAllowed", message)
        raise not_found(f"Local Azure has no {rest} in a workspace.", "InvalidResourceType")

    def _datastores(self, call: Call) -> dict[str, Any]:
        return {"value": [datastore_document(self._settings, call.workspace, DATASTORE)]}

    def _datastore(self, call: Call) -> dict[str, Any]:
        return datastore_document(self._settings, call.workspace, call.parts["name"])

    def _secrets(self, call: Call) -> dict[str, Any]:
        self._datastore(call)  # refuses another name
        return datastore_secrets(self._blobs)

    def _asset_versions(self, call: Call) -> dict[str, Any]:
        return self._assets.page(call.workspace, **call.parts, query=call.query)

    def _put_asset(self, call: Call) -> web.Response:
        status, document = self._assets.put(call.workspace, **call.parts, body=call.body)
        return web.json_response(document, status=status)

    def _list_endpoints(self, call: Call) -> dict[str, Any]:
        found = self._endpoints.all_of(call.workspace)
        return {"value": [self._endpoints.document(each) for each in found]}

    def _put_endpoint(self, call: Call) -> web.Response:
        status, endpoint, operation = self._endpoints.put(
            call.workspace, call.parts["endpoint"], call.body
        )
        return self._put(status, self._endpoints.document(endpoint), operation)

    def _delete_endpoint(self, call: Call) -> web.Response:
        return self._accepted(self._endpoints.delete(call.workspace, call.parts["endpoint"]))

    def _regenerate_keys(self, call: Call) -> web.Response:
        return self._accepted(self._endpoints.regenerate(self._endpoint(call), call.body))

    def _list_deployments(self, call: Call) -> dict[str, Any]:
        found = self._deployments.all_of(self._endpoint(call))
        return {"value": [self._deployments.document(each) for each in found]}

    def _put_deployment(self, call: Call) -> web.Response:
        status, deployment, operation = self._deployments.put(
            self._endpoint(call), call.parts["deployment"], call.body
        )
        return self._put(status, self._deployments.document(deployment), operation)

    def _delete_deployment(self, call: Call) -> web.Response:
        return self._accepted(
            self._deployments.delete(self._endpoint(call), call.parts["deployment"])
        )

    def _endpoint(self, call: Call) -> Endpoint:
        return self._endpoints.get(call.workspace, call.parts["endpoint"])

    def _deployment(self, call: Call) -> Deployment:
        return self._deployments.get(self._endpoint(call), call.parts["deployment"])

    def _put(self, status: int, document: dict[str, Any], operation: Operation) -> web.Response:
        headers = self._operations.put_headers(operation)
        return web.json_response(document, status=status, headers=headers)

    def _accepted(self, operation: Operation | None) -> web.Response:
        if operation is None:
            return web.Response(status=204)
        return web.Response(status=202, headers=self._operations.delete_headers(operation))


async def _body(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    try:
        document: Any = json.loads(text) if text else {}
    except ValueError as error:
        message = f"The request content was invalid and could not be deserialized: {error}."
        raise ServiceError(400, "InvalidRequestContent", message) from None
    if not isinstance(document, dict):
        raise ServiceError(400, "InvalidRequestContent", "The request content is no JSON object.")
    return cast("dict[str, Any]", document)
