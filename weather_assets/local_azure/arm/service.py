"""Azure Resource Manager: authenticates calls and leads them to the workspace they are about.

Belongs here: who may call, which subscriptions, groups and workspaces exist, and what is asked of
them as a whole. Does not belong here: the resources of a workspace (`routes`).
"""

import re
import uuid
from dataclasses import dataclass

from aiohttp import web

from weather_assets.local_azure.arm.monitor import Monitor
from weather_assets.local_azure.arm.operations import FINISHED, Operations
from weather_assets.local_azure.arm.routes import Routes
from weather_assets.local_azure.azure.errors import ServiceError, not_found
from weather_assets.local_azure.azure.faults import Faults
from weather_assets.local_azure.azure.hosts import LOGIN
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.identity.authority import MANAGEMENT_AUDIENCES, Authority

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


@dataclass(frozen=True, slots=True)
class ResourceManager:
    """Answers requests to the management host."""

    _settings: Settings
    _authority: Authority
    _operations: Operations
    _faults: Faults
    _monitor: Monitor
    _routes: Routes

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one request; errors as Azure Resource Manager words them."""
        try:
            self._authority.check(request.headers.get("Authorization"), MANAGEMENT_AUDIENCES)
            self._faults.on_management_call(request.method, request.path)
            response = await self._lead(request)
        except ServiceError as error:
            response = web.json_response(error.body(), status=error.status, headers=error.headers)
            if error.status == 401:
                authority = f"https://{LOGIN}/{self._settings.tenant_id}"
                response.headers["WWW-Authenticate"] = f'Bearer authorization_uri="{authority}"'
        response.headers["x-ms-request-id"] = str(uuid.uuid4())
        client = request.headers.get("x-ms-client-request-id")
        if client:
            response.headers["x-ms-client-request-id"] = client
        return response

    async def _lead(self, request: web.Request) -> web.Response:
        if "api-version" not in request.query:
            message = (
                "The api-version query parameter (?api-version=) is required for all requests."
            )
            raise ServiceError(400, "MissingApiVersionParameter", message)
        operation = _OPERATION.fullmatch(request.path)
        if operation is not None:
            return self._operation(operation[2].lower(), operation[3])
        usages = _USAGES.fullmatch(request.path)
        if usages is not None:
            return self._usages(usages[1], usages[2])
        found = _WORKSPACE.fullmatch(request.path)
        if found is None:
            raise not_found(f"Local Azure has no {request.path}.", "InvalidResourceType")
        workspace = self._known_workspace(found[1], found[2], found[3])
        return await self._routes.answer(request, workspace, found[4] or "")

    def _known_workspace(self, subscription: str, group: str, workspace: str) -> str:
        settings = self._settings
        self._check_subscription(subscription)
        if group.lower() != settings.resource_group.lower():
            raise not_found(
                f"Resource group '{group}' could not be found.", "ResourceGroupNotFound"
            )
        known = {name.lower(): name for name in settings.workspaces}
        if workspace.lower() not in known:
            raise not_found(
                "The Resource 'Microsoft.MachineLearningServices/workspaces/"
                f"{workspace}' under resource group '{group}' was not found."
            )
        return known[workspace.lower()]

    def _check_subscription(self, subscription: str) -> None:
        if subscription.lower() != self._settings.subscription_id.lower():
            message = f"The subscription '{subscription}' could not be found."
            raise not_found(message, "SubscriptionNotFound")

    def _usages(self, subscription: str, location: str) -> web.Response:
        self._check_subscription(subscription)
        if location.lower() != self._settings.region.lower():
            region = self._settings.region
            message = f"The location '{location}' is not available; the region is here: {region}."
            raise ServiceError(400, "NoRegisteredProviderFound", message)
        return web.json_response(self._monitor.usages())

    def _operation(self, view: str, name: str) -> web.Response:
        operation = self._operations.get(name)
        if operation is None:
            raise not_found(f"There is no operation {name!r}.", "NotFound")
        headers = self._operations.polling_headers()
        if view == "mfeoperationsstatus":
            return web.json_response(self._operations.document(operation), headers=headers)
        if operation.status not in FINISHED:
            headers = self._operations.delete_headers(operation)
            return web.json_response(None, status=202, headers=headers)
        if operation.error is not None:
            raise ServiceError(409, operation.error["code"], operation.error["message"])
        return web.Response(status=204)
