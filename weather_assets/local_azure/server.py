"""One running simulator: puts the parts together, listens, and ends all it started.

Belongs here: construction, listeners, order of starting and stopping. Does not belong here: what
any part does, or running it in the background (`daemon`).

Three listeners: the CONNECT proxy; the TLS listener that it leads to, which serves every Azure host
by its name and is always on loopback; and the control port (`admin`).
"""

import asyncio
import json
import logging
import os
import secrets
import signal
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
from aiohttp import web
from filelock import FileLock, Timeout

from weather_assets.foundation.atomic_files import PRIVATE, write_text
from weather_assets.foundation.loopback import LOOPBACK
from weather_assets.foundation.scratch import scratch
from weather_assets.local_azure.admin import Admin
from weather_assets.local_azure.arm.assets import AssetVersions
from weather_assets.local_azure.arm.deployments import OnlineDeployments
from weather_assets.local_azure.arm.endpoints import OnlineEndpoints
from weather_assets.local_azure.arm.monitor import Monitor
from weather_assets.local_azure.arm.operations import Operations
from weather_assets.local_azure.arm.routes import Routes
from weather_assets.local_azure.arm.service import ResourceManager
from weather_assets.local_azure.azure.errors import LocalAzureError
from weather_assets.local_azure.azure.faults import Faults
from weather_assets.local_azure.azure.hosts import LOGIN, MANAGEMENT, Hosts
from weather_assets.local_azure.azure.resources import Resources
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.azure.state import STATE_FILE, Store
from weather_assets.local_azure.environment_file import write_environment
from weather_assets.local_azure.identity.authority import Authority
from weather_assets.local_azure.identity.certificates import ensure_authority, server_context
from weather_assets.local_azure.proxy import ConnectProxy
from weather_assets.local_azure.serving.dataplane import DataPlane
from weather_assets.local_azure.serving.metrics import Metrics
from weather_assets.local_azure.serving.provisioning import Provisioning
from weather_assets.local_azure.serving.scorers import sweep
from weather_assets.local_azure.storage.assets import DEFAULT_CONTAINER, Assets
from weather_assets.local_azure.storage.blob import BlobService
from weather_assets.local_azure.storage.blob_store import BlobStore

LOCK_FILE = "server.lock"
RUNNING_FILE = "server.json"
ACCESS_LOG = "access.jsonl"
_METRICS_SECONDS = 1.0
_BODY_BYTES = 256 * 2**20
_LOG = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """One simulator on one state folder."""

    def __init__(self, state: Path, settings: Settings) -> None:
        """Reads the state; nothing runs before `start`."""
        self._state, self._settings = state, settings
        self._hosts = Hosts.of(settings)
        self._store = Store(state / STATE_FILE)
        self._token = secrets.token_urlsafe(24)
        self._runners: list[web.AppRunner] = []
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Listens, writes the environment file, and begins to restore what served before."""
        self._compose()
        await self._listen()
        self._background = [
            asyncio.create_task(self._restore(), name="restore"),
            asyncio.create_task(self._keep_metrics(), name="metrics"),
        ]
        self._admin.restoring = lambda: not self._background[0].done()

    def _compose(self) -> None:
        """Puts the parts together."""
        settings, state, store = self._settings, self._state, self._store
        logs = state / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        resources, faults = Resources(store), Faults(store)
        self._authority = Authority(settings, state)
        blobs = BlobStore(state / "blobs", store, settings.signing_secret)
        blobs.create_container(DEFAULT_CONTAINER)
        self._metrics = Metrics(store.get("metrics", "all"), settings.metrics_grain_seconds)
        self._operations = Operations(store, settings, faults)
        assets = Assets(store, blobs)
        self._provisioning = Provisioning(settings, state, resources, assets, faults)
        endpoints = OnlineEndpoints(
            settings, resources, self._operations, self._provisioning, self._authority
        )
        deployments = OnlineDeployments(
            settings, resources, self._operations, self._provisioning, assets, self._metrics
        )
        versions = AssetVersions(settings, store, blobs)
        monitor = Monitor(settings, resources, self._metrics.rates)
        self._manager = ResourceManager(
            settings, self._authority, self._operations, faults, monitor,
            Routes(settings, self._operations, blobs, versions, endpoints, deployments, monitor),
        )  # fmt: skip
        self._blob = BlobService(blobs, self._authority)
        log = (logs / ACCESS_LOG).open("a", encoding="utf-8", buffering=1)
        self._dataplane = DataPlane(
            resources, self._authority, self._provisioning.pools, self._metrics, log
        )
        self._admin = Admin(
            self._token, settings.subscription_id, resources, self._provisioning, faults,
            self._metrics, self._dataplane,
        )  # fmt: skip

    async def stop(self) -> None:
        """Ends listeners, operations and processes; what ran is resumed at the next start."""
        await self._proxy.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._operations.stop()
        await self._dataplane.stop()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        await self._provisioning.stop()
        self._store.put("metrics", "all", self._metrics.to_document())
        self._store.close()
        (self._state / RUNNING_FILE).unlink(missing_ok=True)

    async def _listen(self) -> None:
        settings = self._settings
        context = server_context(self._state, self._hosts.certified)
        address = settings.listen_address
        backend = await self._serve(self._azure, LOOPBACK, 0, context)
        control = await self._serve(self._admin.handle, address, settings.control_port)
        self._proxy = ConnectProxy(self._hosts.known, backend)
        try:
            proxy = await self._proxy.start(address, settings.proxy_port)
        except OSError:  # another program took the port while this one was down
            proxy = await self._proxy.start(address, 0)
        self._settings = settings.replace(proxy_port=proxy, control_port=control)
        self._settings.save(self._state)
        write_environment(self._state, self._settings)
        running = {
            "pid": os.getpid(),
            "created": psutil.Process().create_time(),
            "url": f"http://{settings.reached_as}:{control}",
            "token": self._token,
            "state": str(self._state),
            "folder": self._state.stat().st_ino,
        }
        write_text(self._state / RUNNING_FILE, json.dumps(running) + "\n", PRIVATE)

    async def _serve(
        self, handler: Handler, address: str, port: int, context: ssl.SSLContext | None = None
    ) -> int:
        application = web.Application(client_max_size=_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, address, port, ssl_context=context)
        try:
            await site.start()
        except OSError:
            await web.TCPSite(runner, address, 0, ssl_context=context).start()
        return runner.addresses[0][1]

    async def _azure(self, request: web.Request) -> web.StreamResponse:
        """Answers a request to one of Azure's hosts."""
        host = request.host.partition(":")[0].lower()
        if host == MANAGEMENT:
            return await self._manager.handle(request)
        if host == LOGIN:
            return await self._authority.handle(request)
        if host == self._hosts.storage:
            return await self._blob.handle(request)
        endpoint = self._hosts.endpoint(host)
        if endpoint is not None:
            return await self._dataplane.handle(request, endpoint)
        return web.Response(status=421, text=f"Local Azure has no host {host!r}.\n")

    async def _restore(self) -> None:
        await self._provisioning.restore()
        self._operations.resume()

    async def _keep_metrics(self) -> None:
        kept = 0
        while True:
            await asyncio.sleep(_METRICS_SECONDS)
            if kept != self._metrics.counted:
                kept = self._metrics.counted
                self._store.put("metrics", "all", self._metrics.to_document())


def serve(state: Path, **options: Any) -> None:
    """Runs a simulator in the foreground until SIGTERM or SIGINT.

    Args:
        state: its state folder; made, with settings, where it is missing.
        options: fields of `Settings` to set; None leaves one as it is.

    Raises:
        LocalAzureError: if another process serves this folder, or an option cannot work.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = state.resolve()
    try:
        with FileLock(state / LOCK_FILE, timeout=0):
            settings = (Settings.load(state) or Settings.generate()).replace(**options)
            settings.save(state)
            left = sweep(settings.marker(state))
            if left:
                _LOG.warning("ended processes of an earlier run: %s", left)
            ensure_authority(state)
            with scratch():
                asyncio.run(_serve(state, settings))
            sweep(settings.marker(state))
    except Timeout:
        raise LocalAzureError(
            f"{state}: Local Azure serves this folder already; stop it first, or give another one"
        ) from None


async def _serve(state: Path, settings: Settings) -> None:
    server, stopping = Server(state, settings), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await server.start()
    await stopping.wait()
    await server.stop()
