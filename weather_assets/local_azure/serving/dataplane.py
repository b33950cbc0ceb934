"""The scoring side of endpoints: authenticates, routes, mirrors, counts.

Belongs here: one scoring request from its arrival to its answer. Does not belong here: the choice
(`routing`), the instances (`pools`), or how an endpoint is changed (`arm`).
"""

import asyncio
import hmac
import json
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import TextIO

from aiohttp import web

from weather_assets.local_azure.azure.errors import ServiceError, not_found
from weather_assets.local_azure.azure.resources import Endpoint, Resources, now
from weather_assets.local_azure.azure.routing import choose
from weather_assets.local_azure.identity.authority import DATA_AUDIENCES, Authority
from weather_assets.local_azure.serving.metrics import Metrics
from weather_assets.local_azure.serving.pools import Answer, Pool, ScoringRequest

DEPLOYMENT_HEADER = "azureml-model-deployment"
ROUTES = frozenset({("POST", "/score"), ("GET", "/swagger.json"), ("GET", "/")})


@dataclass(frozen=True)
class DataPlane:
    """Answers scoring requests to all endpoints."""

    _resources: Resources
    _authority: Authority
    _pools: dict[str, Pool]
    """Serving deployments by `endpoint/deployment`; shared with `provisioning`."""
    _metrics: Metrics
    _log: TextIO
    """Gets one JSON object a request; closed by `stop`."""
    _chance: random.Random = field(default_factory=random.Random)
    """Draws shares of traffic."""
    _mirrors: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def handle(self, request: web.Request, name: str) -> web.StreamResponse:
        """Answers one request to the endpoint `name`."""
        started = time.perf_counter()
        headers = {"x-ms-request-id": request.headers.get("x-ms-request-id") or str(uuid.uuid4())}
        if "x-ms-client-request-id" in request.headers:
            headers["x-ms-client-request-id"] = request.headers["x-ms-client-request-id"]
        try:
            endpoint = self._admit(request, name)
            answer, deployment = await self._answer(request, endpoint)
        except ServiceError as error:
            self._write(name, None, "refused", error.status, started, **headers)
            refusal = web.json_response(error.body(), status=error.status, headers=error.headers)
            refusal.headers.update(headers)
            return refusal
        headers[DEPLOYMENT_HEADER] = deployment
        return web.Response(
            status=answer.status, body=answer.body, headers={**answer.headers, **headers}
        )

    async def stop(self) -> None:
        """Ends mirrored requests that are on their way."""
        for task in tuple(self._mirrors):
            task.cancel()
        await asyncio.gather(*self._mirrors, return_exceptions=True)
        self._log.close()

    async def _answer(self, request: web.Request, endpoint: Endpoint) -> tuple[Answer, str]:
        # Read before anything is chosen: the deployment may be replaced while a body arrives.
        message = ScoringRequest(
            request.method, request.path_qs, dict(request.headers), await request.read()
        )
        endpoint = self._resources.endpoint(endpoint.name) or endpoint
        start = f"{endpoint.key}/"
        serving = {key[len(start) :] for key in self._pools if key.startswith(start)}
        pinned = request.headers.get(DEPLOYMENT_HEADER)
        choice = choose(pinned, endpoint.traffic, endpoint.mirror, serving, self._chance)
        pool = self._pools.get(start + choice.deployment)
        if pool is None:
            raise ServiceError(
                424, "ModelError", f"Deployment {choice.deployment!r} is being restored."
            )
        started = time.perf_counter()  # the time of a slow upload is not the deployment's
        if choice.mirror is not None:
            copy = self._mirror(endpoint.name, self._pools[start + choice.mirror], message)
            task = asyncio.create_task(copy)
            self._mirrors.add(task)
            task.add_done_callback(self._mirrors.discard)
        answer = await pool.score(message)
        self._count(endpoint.name, pool, choice.route, answer, started)
        return answer, pool.name

    async def _mirror(self, endpoint: str, pool: Pool, message: ScoringRequest) -> None:
        started = time.perf_counter()
        answer = await pool.score(message)
        self._count(endpoint, pool, "mirrored", answer, started)

    def _count(self, endpoint: str, pool: Pool, route: str, answer: Answer, started: float) -> None:
        seconds = time.perf_counter() - started
        self._metrics.add(pool.key, route, answer.status, answer.model_status, seconds)
        facts = {"model_status": answer.model_status, "instance": answer.instance}
        self._write(endpoint, pool.name, route, answer.status, started, **facts)

    def _write(
        self,
        endpoint: str,
        deployment: str | None,
        route: str,
        status: int,
        started: float,
        **facts: str | int | None,
    ) -> None:
        record = {
            "time": now(), "endpoint": endpoint, "deployment": deployment, "route": route,
            "status": status, "seconds": round(time.perf_counter() - started, 6), **facts,
        }  # fmt: skip
        if not self._log.closed:
            self._log.write(json.dumps(record) + "\n")

    def _admit(self, request: web.Request, name: str) -> Endpoint:
        """Returns the endpoint, where it exists and the caller may ask it."""
        endpoint = self._resources.endpoint(name)
        if endpoint is None:
            raise not_found(f"There is no endpoint {name!r}.", "NotFound")
        self._authenticate(request, endpoint)
        if (request.method, request.path) not in ROUTES:
            raise not_found(f"No route {request.method} {request.path}.", "NotFound")
        return endpoint

    def _authenticate(self, request: web.Request, endpoint: Endpoint) -> None:
        authorization = request.headers.get("Authorization", "")
        scheme, _, secret = authorization.partition(" ")
        if endpoint.auth_mode == "key":
            keys = (endpoint.primary_key, endpoint.secondary_key)
            given = secret.strip().encode() if scheme.lower() == "bearer" else b""
            if not any(hmac.compare_digest(given, key.encode()) for key in keys):
                raise ServiceError(
                    401, "Unauthorized", "key_auth_access_denied: give a key of the endpoint."
                )
            return
        audiences = DATA_AUDIENCES
        if endpoint.auth_mode == "amltoken":
            audiences = (f"endpoint:{endpoint.key}",)
        self._authority.check(authorization or None, audiences)
