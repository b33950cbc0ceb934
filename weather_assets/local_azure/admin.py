"""The simulator's own routes, over plain HTTP on loopback: steering it, and scoring with curl.

Belongs here: health, status, faults, metrics, and `/endpoints/NAME/score`. Does not belong here:
anything that Azure has (`arm`, `dataplane`).

`/health` is open: it tells which subscription this is, so that nobody takes a stranger on the same
port for it, and whether all serves. Scoring asks for the endpoint's own key or token, as its
scoring URI does; everything else for the control token, which lies in the state folder.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from weather_assets.local_azure.azure.errors import (
    LocalAzureError,
    ServiceError,
    bad_request,
    not_found,
)
from weather_assets.local_azure.azure.faults import Faults
from weather_assets.local_azure.azure.resources import Resources
from weather_assets.local_azure.serving.dataplane import DataPlane
from weather_assets.local_azure.serving.metrics import Metrics
from weather_assets.local_azure.serving.provisioning import Provisioning

_SCORING = re.compile(r"/endpoints/([^/]+)(/.*)")


@dataclass(slots=True)
class Admin:
    """Answers requests to the control port, of callers with the token; steers the other parts."""

    _token: str
    _subscription: str
    _resources: Resources
    _provisioning: Provisioning
    _faults: Faults
    _metrics: Metrics
    _dataplane: DataPlane
    restoring: Callable[[], bool] = lambda: False
    """Says whether deployments of an earlier run are still coming back."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one request."""
        scoring = _SCORING.fullmatch(request.path)
        if scoring is not None:
            return await self._dataplane.handle(
                request.clone(rel_url=request.rel_url.with_path(scoring[2])), scoring[1]
            )
        if request.path == "/health":
            health = {"subscription": self._subscription, "restoring": self.restoring()}
            return web.json_response(health)
        try:
            self._authorize(request)
            return web.json_response(await self._answer(request))
        except LocalAzureError as error:
            return web.json_response(bad_request(str(error)).body(), status=400)
        except ServiceError as error:
            return web.json_response(error.body(), status=error.status)

    def _authorize(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise ServiceError(401, "Unauthorized", "Give the control token of the state folder.")

    async def _answer(self, request: web.Request) -> Any:
        match (request.method, request.path.strip("/").split("/")):
            case ("GET", ["status"]):
                return self._status()
            case ("GET", ["faults"]):
                return [asdict(fault) for fault in self._faults]
            case ("POST", ["faults"]):
                return asdict(self._faults.add(await request.json()))
            case ("DELETE", ["faults"]):
                return {"cleared": self._faults.clear()}
            case ("DELETE", ["faults", identity]):
                return {"cleared": self._faults.clear(identity)}
            case ("GET", ["metrics", endpoint, deployment]):
                return self._metrics.of(f"{endpoint}/{deployment}".lower())
            case _:
                raise not_found(f"No {request.method} {request.path} here.", "NotFound")

    def _status(self) -> dict[str, Any]:
        endpoints = {}
        for endpoint in self._resources.endpoints():
            deployments = {
                deployment.name: {
                    "state": deployment.state,
                    "traffic_percent": endpoint.traffic.get(deployment.name, 0),
                    "mirror_percent": endpoint.mirror.get(deployment.name, 0),
                    "instances": self._provisioning.instances(deployment.key),
                    "metrics": self._metrics.of(deployment.key),
                }
                for deployment in self._resources.deployments(endpoint.name)
            }
            endpoints[endpoint.name] = {"state": endpoint.state, "deployments": deployments}
        return {
            "restoring": self.restoring(),
            "metrics_since": self._metrics.since,
            "faults": [asdict(fault) for fault in self._faults],
            "endpoints": endpoints,
        }
