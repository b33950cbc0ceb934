"""How a deployment comes to serve, is changed, is restored after a restart, and goes away.

Belongs here: the steps and their order, the folders of a deployment, and its logs. Does not belong
here: a single instance (`scorers`), or requests (`pools`).

A changed deployment keeps serving what it served until the new instances are ready; if they do not
get ready, it goes on serving that, and its state is Failed.
"""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from weather_assets.foundation.environments.building import build_environment, substituted
from weather_assets.foundation.environments.conda import EnvironmentBuildError, read_definition
from weather_assets.foundation.inference_server import InferenceServer
from weather_assets.foundation.log_files import add_line, tail_of
from weather_assets.local_azure.azure.errors import ProvisioningError, ServiceError
from weather_assets.local_azure.azure.faults import FaultKind, Faults
from weather_assets.local_azure.azure.resources import Deployment, Resources, now
from weather_assets.local_azure.azure.rules import check_request_settings
from weather_assets.local_azure.azure.settings import Settings, cache_folder
from weather_assets.local_azure.serving.pools import Pool
from weather_assets.local_azure.serving.scorers import MARKER_VARIABLE, Scorer
from weather_assets.local_azure.storage.assets import Assets

START_ATTEMPTS = 2
SERVER_LOG = "inference-server.log"
INITIALIZER_LOG = "storage-initializer.log"
BUILD_LOG = "environment-build.log"
_LOG_TAIL_LINES = 25
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Provisioning:
    """Brings deployments to serve, in pools that the data plane reads."""

    _settings: Settings
    _state: Path
    _resources: Resources
    _assets: Assets
    _faults: Faults
    pools: dict[str, Pool] = field(default_factory=dict[str, Pool])
    """Serving deployments by `endpoint/deployment`."""

    async def deploy(self, deployment: Deployment) -> None:
        """Brings what was last PUT to serve.

        Raises:
            ProvisioningError: with Azure's code, if it cannot.
        """
        if deployment.generation == 1:  # the logs of an earlier one of that name are not its own
            for file in (SERVER_LOG, INITIALIZER_LOG, BUILD_LOG):
                self.log(deployment, file).unlink(missing_ok=True)
        self._faults.fail(FaultKind.OUT_OF_QUOTA, deployment.key)
        pool = self.pools.get(deployment.key)
        serving = deployment.serving
        if pool is not None and serving is not None and same_but_scale(serving, deployment):
            await self._scale(pool, deployment)
            return
        fresh = await self._start(deployment, deployment.body, deployment.generation)
        self.pools[deployment.key] = fresh
        if pool is not None:
            await self._retire(pool)
        self._tidy(deployment)

    async def restore(self) -> None:
        """Starts again what served before a restart; what fails is retried by its next PUT."""
        waiting = [
            self._restore(deployment, deployment.serving)
            for deployment in self._resources.deployments()
            if deployment.serving is not None
        ]
        await asyncio.gather(*waiting)

    async def remove(self, deployment: Deployment) -> None:
        """Lets requests in flight finish, ends all processes, removes all files but the logs."""
        pool = self.pools.pop(deployment.key, None)
        if pool is not None:
            await self._retire(pool)
        await asyncio.to_thread(shutil.rmtree, self._folder(deployment), ignore_errors=True)

    async def stop(self) -> None:
        """Ends all instances; `restore` starts them again."""
        pools = list(self.pools.values())
        self.pools.clear()
        await asyncio.gather(*(pool.stop() for pool in pools))

    def log(self, deployment: Deployment, file: str) -> Path:
        """Returns a log file of a deployment."""
        folder = self._state / "logs" / deployment.endpoint.lower() / deployment.name.lower()
        folder.mkdir(parents=True, exist_ok=True)
        return folder / file

    def instances(self, key: str) -> list[dict[str, Any]]:
        """Returns the state of each instance of a deployment."""
        pool = self.pools.get(key)
        return [
            {
                "state": scorer.state,
                "pid": scorer.pid,
                "restarts": scorer.restarts,
                "exit_code": scorer.exit_code,
            }
            for scorer in (pool.scorers if pool is not None else ())
        ]

    async def _restore(self, deployment: Deployment, serving: dict[str, Any]) -> None:
        try:
            pool = await self._start(
                deployment, serving["body"], serving["generation"], restoring=True
            )
        except ProvisioningError as error:
            _LOG.error("deployment %s does not come back: %s", deployment.key, error)
            return
        self.pools[deployment.key] = pool

    async def _start(
        self,
        deployment: Deployment,
        body: dict[str, Any],
        generation: int,
        *,
        restoring: bool = False,
    ) -> Pool:
        """Starts the instances for a body, and waits until all are ready."""
        properties = body["properties"]
        server = await self._prepare(deployment, properties, generation)
        pool = Pool(
            deployment.key,
            deployment.name,
            *check_request_settings(properties.get("requestSettings")),
            self._faults,
        )
        pool.scorers = [Scorer(server) for _ in range(body["sku"]["capacity"])]
        try:
            if not restoring:
                self._faults.fail(FaultKind.RESOURCE_NOT_READY, deployment.key)
            await self._await_ready(deployment, pool.scorers)
        except BaseException:
            await pool.stop()
            raise
        return pool

    async def _await_ready(self, deployment: Deployment, scorers: list[Scorer]) -> None:
        for scorer in scorers:
            scorer.start()
        ready = await asyncio.gather(
            *(s.wait_ready(self._settings.start_seconds, START_ATTEMPTS) for s in scorers)
        )
        if not all(ready):
            tail = tail_of(self.log(deployment, SERVER_LOG), _LOG_TAIL_LINES)
            raise ProvisioningError(
                "ResourceNotReady",
                "User container has crashed or terminated, or did not get ready within "
                f"{self._settings.start_seconds:g} s. Its log ends with:\n{tail}",
            )

    async def _prepare(
        self, deployment: Deployment, properties: dict[str, Any], generation: int
    ) -> InferenceServer:
        """Fetches model and code as uploaded, and builds the environment."""
        folder = self._folder(deployment) / str(generation)
        log = self.log(deployment, INITIALIZER_LOG)
        code = properties["codeConfiguration"]
        try:
            model = await asyncio.to_thread(self._fetch_model, properties, folder, log)
            _, _, registered = self._assets.find("codes", code["codeId"])
            app_root = folder / "code"
            if not app_root.is_dir():
                await asyncio.to_thread(
                    _fetch_into, self._assets.fetch_code, registered["codeUri"], app_root, log
                )
            _, _, environment = self._assets.find("environments", properties["environmentId"])
        except (ServiceError, ValueError, OSError) as error:
            _note(log, f"failed: {error}")
            raise ProvisioningError("ResourceNotReady", f"Storage initializer: {error}") from None
        script = app_root / code["scoringScript"]
        if not script.is_file():
            raise ProvisioningError(
                "ResourceNotReady",
                f"The scoring script {code['scoringScript']!r} is not in the uploaded code; it has "
                f"{sorted(str(p.relative_to(app_root)) for p in app_root.rglob('*.py'))}.",
            )
        self._faults.fail(FaultKind.IMAGE_BUILD_FAILED, deployment.key)
        python = await self._build(environment, self.log(deployment, BUILD_LOG))
        variables: dict[str, str] = properties.get("environmentVariables") or {}
        marker = {MARKER_VARIABLE: self._settings.marker(self._state)}
        log = self.log(deployment, SERVER_LOG)
        return InferenceServer(python, script, app_root, model, log, {**variables, **marker})

    async def _build(self, environment: dict[str, Any], log: Path) -> Path:
        try:
            definition = read_definition(environment)
            if self._settings.substitute_python:
                definition = substituted(definition)
            return await build_environment(definition, cache_folder(), log)
        except EnvironmentBuildError as error:
            raise ProvisioningError("ImageBuildFailed", str(error)) from None

    def _fetch_model(self, properties: dict[str, Any], folder: Path, log: Path) -> Path | None:
        if not properties.get("model"):
            return None
        name, version, registered = self._assets.find("models", properties["model"])
        target = folder / "models" / name / version
        if not target.is_dir():
            _fetch_into(self._assets.fetch_model, registered["modelUri"], target, log)
        return target

    async def _scale(self, pool: Pool, deployment: Deployment) -> None:
        missing = deployment.instances - len(pool.scorers)
        fresh = [Scorer(pool.scorers[0].server) for _ in range(max(0, missing))]
        try:
            self._faults.fail(FaultKind.RESOURCE_NOT_READY, deployment.key)
            await self._await_ready(deployment, fresh)
        except BaseException:
            await asyncio.gather(*(scorer.stop() for scorer in fresh))
            raise
        surplus = pool.scorers[deployment.instances :]
        pool.scorers = pool.scorers[: deployment.instances] + fresh
        for scorer in surplus:
            await _drain(scorer, pool.timeout_seconds)

    async def _retire(self, pool: Pool) -> None:
        await pool.idle(pool.timeout_seconds)
        await pool.stop()

    def _folder(self, deployment: Deployment) -> Path:
        return self._state / "deployments" / deployment.endpoint.lower() / deployment.name.lower()

    def _tidy(self, deployment: Deployment) -> None:
        for folder in self._folder(deployment).iterdir():
            if folder.name != str(deployment.generation):
                shutil.rmtree(folder, ignore_errors=True)


async def _drain(scorer: Scorer, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while scorer.busy:  # noqa: ASYNC110 - seldom
                await asyncio.sleep(0.05)
    await scorer.stop()


def same_but_scale(serving: dict[str, Any], deployment: Deployment) -> bool:
    """Returns whether a PUT changes nothing of what serves but the number of instances."""
    old, new = serving["body"], deployment.body
    return old["properties"] == new["properties"] and old["sku"] != new["sku"]


def _fetch_into(fetch: Callable[[str, Path], int], uri: str, target: Path, log: Path) -> None:
    """Fills a folder completely, or leaves none: a restart may interrupt it."""
    draft = target.with_name(f".{target.name}-draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    _note(log, f"downloading {uri}")
    count = fetch(uri, draft)
    if count == 0:
        raise ValueError(f"there are no files at {uri}")
    draft.rename(target)
    _note(log, f"downloaded {count} files to {target.name}")


def _note(log: Path, line: str) -> None:
    add_line(log, f"{now()} {line}")
