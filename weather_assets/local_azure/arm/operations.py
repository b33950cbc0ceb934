"""Long-running operations: what clients poll.

Belongs here: an operation's life from accepted to Succeeded, Failed or Canceled, its headers and
its status document, and resuming it after a restart. Does not belong here: what an operation does
(`arm`).

Reference: the asynchronous API reference of the Azure Resource Manager RPC,
https://github.com/Azure/azure-resource-manager-rpc/blob/master/v1.0/async-api-reference.md
"""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from weather_assets.local_azure.azure.errors import ProvisioningError, error_document
from weather_assets.local_azure.azure.faults import Faults
from weather_assets.local_azure.azure.hosts import MANAGEMENT
from weather_assets.local_azure.azure.resources import now
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.azure.state import Store

FINISHED = frozenset({"Succeeded", "Failed", "Canceled"})
_CLIENT_TIMEOUT = "PT1H"
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Operation:
    """One long-running operation."""

    id: str
    action: str
    """What it does: a name that `Operations` has a runner for."""
    target: str
    """What it does it to: the resource's name in the store."""
    status: str
    started: str
    ended: str = ""
    error: dict[str, Any] | None = None


Runner = Callable[[str], Awaitable[None]]
"""Does the work on the target; raises ProvisioningError to fail."""
Settle = Callable[[str, str], None]
"""Writes the final status (Succeeded, Failed, Canceled) to the target."""


class Operations:
    """Runs operations, and keeps them across restarts."""

    def __init__(self, store: Store, settings: Settings, faults: Faults) -> None:
        """Keeps operations in `store`, with the timings of `settings` and injected `faults`."""
        self._store, self._settings, self._faults = store, settings, faults
        self._runners: dict[str, tuple[Runner, Settle]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[str] = set()
        self._open = asyncio.Event()
        """Set once what served before is restored: an operation must not meet that half done."""

    def register(self, action: str, runner: Runner, settle: Settle) -> None:
        """Says how an action is done, and how its end is recorded."""
        self._runners[action] = (runner, settle)

    def start(self, action: str, target: str) -> Operation:
        """Accepts an operation and runs it in the background."""
        operation = Operation(str(uuid.uuid4()), action, target, "Updating", now())
        self._save(operation)
        self._spawn(operation)
        return operation

    def get(self, name: str) -> Operation | None:
        """Returns an operation by its id, or None."""
        document = self._store.get("operation", name)
        return None if document is None else Operation(**document)

    def resume(self) -> None:
        """Lets operations run, and runs again what a restart interrupted.

        Every runner is idempotent. Operations that were accepted since the start wait for this.
        """
        self._open.set()
        for _, document in self._store.items("operation"):
            operation = Operation(**document)
            if operation.status not in FINISHED and operation.id not in self._running:
                self._spawn(operation)

    async def stop(self) -> None:
        """Interrupts what runs; it is resumed at the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def put_headers(self, operation: Operation) -> dict[str, str]:
        """Returns the headers of an accepted PUT."""
        return {
            "Azure-AsyncOperation": self._url("mfeOperationsStatus", operation.id),
            "x-ms-async-operation-timeout": _CLIENT_TIMEOUT,
            **self.polling_headers(),
        }

    def delete_headers(self, operation: Operation) -> dict[str, str]:
        """Returns the headers of an accepted DELETE or POST."""
        return {
            "Location": self._url("mfeOperationResults", operation.id),
            "x-ms-async-operation-timeout": _CLIENT_TIMEOUT,
            **self.polling_headers(),
        }

    def polling_headers(self) -> dict[str, str]:
        """Returns how long to wait before the next look.

        Retry-After takes whole seconds (the SDK parses it as an integer); below one second
        azure-core honours the millisecond header, and would ignore a Retry-After of 0.
        """
        seconds = self._settings.polling_seconds
        if seconds >= 1:
            return {"Retry-After": str(round(seconds))}
        return {"x-ms-retry-after-ms": str(max(1, round(1000 * seconds)))}

    def document(self, operation: Operation) -> dict[str, Any]:
        """Returns the status document."""
        document: dict[str, Any] = {
            "id": self._path("mfeOperationsStatus", operation.id),
            "name": operation.id,
            "status": operation.status,
            "startTime": operation.started,
        }
        if operation.ended:
            document["endTime"] = operation.ended
        if operation.error is not None:
            document["error"] = operation.error
        return document

    def _spawn(self, operation: Operation) -> None:
        self._running.add(operation.id)
        task = asyncio.create_task(self._run(operation), name=f"operation {operation.action}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, operation: Operation) -> None:
        runner, settle = self._runners[operation.action]
        await self._open.wait()
        try:
            await asyncio.sleep(self._settings.operation_seconds)
            await self._faults.on_operation(operation.target)
            await runner(operation.target)
            operation.status = "Succeeded"
        except ProvisioningError as error:
            operation.status = "Canceled" if error.code == "OperationCanceled" else "Failed"
            operation.error = error_document(error.code, error.message)
        except Exception as error:  # noqa: BLE001 - a client must see the operation end
            _LOG.exception("operation %s on %s", operation.action, operation.target)
            operation.status = "Failed"
            operation.error = error_document("InternalServerError", f"Local Azure: {error!r}")
        settle(operation.target, operation.status)
        operation.ended = now()
        self._save(operation)

    def _save(self, operation: Operation) -> None:
        self._store.put("operation", operation.id, asdict(operation))

    def _path(self, kind: str, name: str) -> str:
        settings = self._settings
        return (
            f"/subscriptions/{settings.subscription_id}/providers/"
            f"Microsoft.MachineLearningServices/locations/{settings.region}/{kind}/{name}"
        )

    def _url(self, kind: str, name: str) -> str:
        return f"https://{MANAGEMENT}{self._path(kind, name)}?api-version=2023-04-01-preview"
