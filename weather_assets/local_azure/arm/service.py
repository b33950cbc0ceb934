"""Azure Resource Manager: authenticates calls and leads them to the resource they are about.

Belongs here: paths, methods, status codes and headers. Does not belong here: what a call does to a
resource (the other modules of this package).
"""

import json
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web

from weather_assets.local_azure.arm.assets import AssetVersions
from weather_assets.local_azure.arm.deployments import OnlineDeployments
from weather_assets.local_azure.arm.endpoints import OnlineEndpoints
from weather_assets.local_azure.arm.operations import FINISHED, Operation, Operations
from weather_assets.local_azure.arm.workspace import (
    DATASTORE,
    datastore_document,
    datastore_secrets,
    workspace_document,
)
from weather_assets.local_azure.azure.errors import ServiceError
from weather_assets.local_azure.azure.faults import Faults
from weather_assets.local_azure.azure.hosts import Hosts
from weather_assets.local_azure.azure.resources import Deployment, Endpoint
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.identity.authority import MANAGEMENT_AUDIENCES, Authority
from weather_assets.local_azure.storage.blob_store import BlobStore

_PROVIDER = "/providers/Microsoft.MachineLearningServices"
_OPERATION = re.compile(
    rf"/subscriptions/([^/]+){_PROVIDER}/locations/[^/]+/(mfeOperation(?:sStatus|Results))/([^/]+)",
    re.IGNORECASE,
)
_USAGES = re.compile(rf"/subscriptions/([^/]+){_PROVIDER}/locations/([^/]+)/usages", re.IGNORECASE)
_WORKSPACE = re.compile(
    rf"/subscriptions/([^/]+)/resourceGroups/([^/]+){_PROVIDER}/workspaces/([^/]+)(/.*)?",
    re.IGNORECASE,
)
_ASSET = r"/(?P<kind>models|environments|codes)"
_ENDPOINT = r"/onlineEndpoints(?:/(?P<endpoint>[^/]+))"
_DEPLOYMENT = rf"{_ENDPOINT}/deployments(?:/(?P<deployment>[^/]+))"

Parts = dict[str, str]
Handler = Callable[[web.Request, str, Parts], Awaitable[web.Response]]


class ResourceManager:
    """Answers requests to the management host."""

    def __init__(
        self,
        settings: Settings,
        authority: Authority,
        operations: Operations,
        faults: Faults,
        blobs: BlobStore,
        assets: AssetVersions,
        endpoints: OnlineEndpoints,
        deployments: OnlineDeployments,
    ) -> None:
        """Leads calls to the resources given."""
        self._settings, self._authority = settings, authority
        self._operations, self._faults, self._blobs = operations, faults, blobs
        self._assets, self._endpoints, self._deployments = assets, endpoints, deployments
        routes: tuple[tuple[str, str, Handler], ...] = (
            ("GET", r"", self._workspace),
            ("GET", r"/datastores", self._datastores),
            ("GET", r"/datastores/(?P<name>[^/]+)", self._datastore),
            ("POST", r"/datastores/(?P<name>[^/]+)/listSecrets", self._secrets),
            ("GET", _ASSET, self._asset_containers),
            ("GET", rf"{_ASSET}/(?P<name>[^/]+)", self._asset_container),
            ("GET", rf"{_ASSET}/(?P<name>[^/]+)/versions", self._asset_versions),
            ("GET", rf"{_ASSET}/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", self._asset),
            ("PUT", rf"{_ASSET}/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", self._put_asset),
            ("POST", r"/codes/[^/]+/versions/[^/]+/startPendingUpload", self._start_upload),
            ("GET", r"/onlineEndpoints", self._list_endpoints),
            ("GET", _ENDPOINT, self._get_endpoint),
            ("PUT", _ENDPOINT, self._put_endpoint),
            ("DELETE", _ENDPOINT, self._delete_endpoint),
            ("POST", rf"{_ENDPOINT}/listKeys", self._list_keys),
            ("POST", rf"{_ENDPOINT}/regenerateKeys", self._regenerate_keys),
            ("POST", rf"{_ENDPOINT}/token", self._get_token),
            ("GET", rf"{_ENDPOINT}/providers/Microsoft\.Insights/metrics", self._get_metrics),
            ("GET", rf"{_ENDPOINT}/deployments", self._list_deployments),
            ("GET", _DEPLOYMENT, self._get_deployment),
            ("PUT", _DEPLOYMENT, self._put_deployment),
            ("DELETE", _DEPLOYMENT, self._delete_deployment),
            ("POST", rf"{_DEPLOYMENT}/getLogs", self._get_logs),
        )
        self._routes = [
            (method, re.compile(path, re.IGNORECASE), handler) for method, path, handler in routes
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one request; errors as Azure Resource Manager words them."""
        try:
            self._authority.check(request.headers.get("Authorization"), MANAGEMENT_AUDIENCES)
            self._faults.on_management_call(request.method, request.path)
            response = await self._lead(request)
        except ServiceError as error:
            response = web.json_response(error.body(), status=error.status, headers=error.headers)
            if error.status == 401:
                challenge = f'Bearer authorization_uri="https://login.microsoftonline.com/{self._settings.tenant_id}"'
                response.headers["WWW-Authenticate"] = challenge
        response.headers["x-ms-request-id"] = str(uuid.uuid4())
        client = request.headers.get("x-ms-client-request-id")
        if client:
            response.headers["x-ms-client-request-id"] = client
        return response

    async def _lead(self, request: web.Request) -> web.Response:
        if "api-version" not in request.query:
            raise ServiceError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        operation = _OPERATION.fullmatch(request.path)
        if operation is not None:
            return self._operation(operation[2].lower(), operation[3])
        usages = _USAGES.fullmatch(request.path)
        if usages is not None:
            return self._usages(usages[1], usages[2])
        found = _WORKSPACE.fullmatch(request.path)
        if found is None:
            raise ServiceError(404, "InvalidResourceType", f"Local Azure has no {request.path}.")
        workspace = self._known_workspace(found[1], found[2], found[3])
        rest, methods = found[4] or "", set[str]()
        for method, pattern, handler in self._routes:
            parts = pattern.fullmatch(rest)
            if parts is not None:
                if method == request.method:
                    return await handler(request, workspace, parts.groupdict())
                methods.add(method)
        if methods:
            message = f"{request.path} takes {', '.join(sorted(methods))}, not {request.method}."
            raise ServiceError(405, "MethodNotAllowed", message)
        raise ServiceError(404, "InvalidResourceType", f"Local Azure has no {rest} in a workspace.")

    def _known_workspace(self, subscription: str, group: str, workspace: str) -> str:
        settings = self._settings
        self._check_subscription(subscription)
        if group.lower() != settings.resource_group.lower():
            message = f"Resource group '{group}' could not be found."
            raise ServiceError(404, "ResourceGroupNotFound", message)
        known = {name.lower(): name for name in settings.workspaces}
        if workspace.lower() not in known:
            raise ServiceError(
                404,
                "ResourceNotFound",
                "The Resource 'Microsoft.MachineLearningServices/workspaces/"
                f"{workspace}' under resource group '{group}' was not found.",
            )
        return known[workspace.lower()]

    def _check_subscription(self, subscription: str) -> None:
        if subscription.lower() != self._settings.subscription_id.lower():
            message = f"The subscription '{subscription}' could not be found."
            raise ServiceError(404, "SubscriptionNotFound", message)

    def _usages(self, subscription: str, location: str) -> web.Response:
        self._check_subscription(subscription)
        if location.lower() != self._settings.region.lower():
            message = f"The location '{location}' is not available; the region is here: "
            raise ServiceError(
                400, "NoRegisteredProviderFound", f"{message}{self._settings.region}."
            )
        return web.json_response(self._deployments.monitor.usages())

    def _operation(self, view: str, name: str) -> web.Response:
        operation = self._operations.get(name)
        if operation is None:
            raise ServiceError(404, "NotFound", f"There is no operation {name!r}.")
        headers = self._operations.polling_headers()
        if view == "mfeoperationsstatus":
            return web.json_response(self._operations.document(operation), headers=headers)
        if operation.status not in FINISHED:
            headers = self._operations.delete_headers(operation)
            return web.json_response(None, status=202, headers=headers)
        if operation.error is not None:
            raise ServiceError(409, operation.error["code"], operation.error["message"])
        return web.Response(status=204)

    async def _workspace(self, request: web.Request, workspace: str, parts: Parts) -> web.Response:
        del request, parts
        return web.json_response(workspace_document(self._settings, workspace))

    async def _datastores(self, request: web.Request, workspace: str, parts: Parts) -> web.Response:
        del request, parts
        return web.json_response(
            {"value": [datastore_document(self._settings, workspace, DATASTORE)]}
        )

    async def _datastore(self, request: web.Request, workspace: str, parts: Parts) -> web.Response:
        del request
        return web.json_response(datastore_document(self._settings, workspace, parts["name"]))

    async def _secrets(self, request: web.Request, workspace: str, parts: Parts) -> web.Response:
        del request
        datastore_document(self._settings, workspace, parts["name"])  # refuses another name
        return web.json_response(datastore_secrets(self._blobs))

    async def _asset_containers(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        del request
        return web.json_response(self._assets.containers(workspace, parts["kind"]))

    async def _asset_container(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        del request
        return web.json_response(self._assets.container(workspace, parts["kind"], parts["name"]))

    async def _asset_versions(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        query = dict(request.query)
        return web.json_response(self._assets.page(workspace, parts["kind"], parts["name"], query))

    async def _asset(self, request: web.Request, workspace: str, parts: Parts) -> web.Response:
        del request
        return web.json_response(self._assets.get(workspace, **parts))

    async def _put_asset(self, request: web.Request, workspace: str, parts: Parts) -> web.Response:
        status, document = self._assets.put(workspace, **parts, body=await _json(request))
        return web.json_response(document, status=status)

    async def _start_upload(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        del request, workspace, parts
        return web.json_response(self._assets.start_upload(Hosts.of(self._settings)))

    async def _list_endpoints(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        del request, parts
        found = [self._endpoints.document(item) for item in self._endpoints.all_of(workspace)]
        return web.json_response({"value": found})

    async def _get_endpoint(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        del request
        return web.json_response(self._endpoints.document(self._endpoint(workspace, parts)))

    async def _put_endpoint(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        body = await _json(request)
        status, endpoint, operation = self._endpoints.put(workspace, parts["endpoint"], body)
        headers = self._operations.put_headers(operation)
        return web.json_response(self._endpoints.document(endpoint), status=status, headers=headers)

    async def _delete_endpoint(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        del request
        return self._accepted(self._endpoints.delete(workspace, parts["endpoint"]))

    async def _list_keys(self, request: web.Request, workspace: str, parts: Parts) -> web.Response:
        del request
        return web.json_response(self._endpoints.keys(self._endpoint(workspace, parts)))

    async def _regenerate_keys(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        endpoint = self._endpoint(workspace, parts)
        return self._accepted(self._endpoints.regenerate(endpoint, await _json(request)))

    async def _get_token(self, request: web.Request, workspace: str, parts: Parts) -> web.Response:
        del request
        return web.json_response(self._endpoints.token(self._endpoint(workspace, parts)))

    async def _get_metrics(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        endpoint = self._endpoint(workspace, parts)
        return web.json_response(self._deployments.monitor.metrics(endpoint, request.query))

    async def _list_deployments(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        del request
        found = self._deployments.all_of(self._endpoint(workspace, parts))
        return web.json_response({"value": [self._deployments.document(d) for d in found]})

    async def _get_deployment(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        del request
        return web.json_response(self._deployments.document(self._deployment(workspace, parts)))

    async def _put_deployment(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        endpoint, body = self._endpoint(workspace, parts), await _json(request)
        status, deployment, operation = self._deployments.put(endpoint, parts["deployment"], body)
        document = self._deployments.document(deployment)
        headers = self._operations.put_headers(operation)
        return web.json_response(document, status=status, headers=headers)

    async def _delete_deployment(
        self, request: web.Request, workspace: str, parts: Parts
    ) -> web.Response:
        del request
        endpoint = self._endpoint(workspace, parts)
        return self._accepted(self._deployments.delete(endpoint, parts["deployment"]))

    async def _get_logs(self, request: web.Request, workspace: str, parts: Parts) -> web.Response:
        deployment, body = self._deployment(workspace, parts), await _json(request)
        return web.json_response(self._deployments.logs(deployment, body))

    def _endpoint(self, workspace: str, parts: Parts) -> Endpoint:
        return self._endpoints.get(workspace, parts["endpoint"])

    def _deployment(self, workspace: str, parts: Parts) -> Deployment:
        return self._deployments.get(self._endpoint(workspace, parts), parts["deployment"])

    def _accepted(self, operation: Operation | None) -> web.Response:
        if operation is None:
            return web.Response(status=204)
        return web.Response(status=202, headers=self._operations.delete_headers(operation))


async def _json(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    try:
        document: Any = json.loads(text) if text else {}
    except ValueError as error:
        message = f"The request content was invalid and could not be deserialized: {error}."
        raise ServiceError(400, "InvalidRequestContent", message) from None
    if not isinstance(document, dict):
        raise ServiceError(400, "InvalidRequestContent", "The request content is no JSON object.")
    return cast("dict[str, Any]", document)
