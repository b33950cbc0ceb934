"""Failures injected on purpose, so that a client's handling of them can be proved.

Belongs here: what can be made to fail, for whom and how often. Does not belong here: how the
failing part works (`operations`, `provisioning`, `serving.pools` ask here at the right moment).
"""

import asyncio
import random
import re
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

from weather_assets.local_azure.azure.errors import LocalAzureError, ProvisioningError, ServiceError
from weather_assets.local_azure.azure.state import Store


class FaultKind(StrEnum):
    """What can be made to fail."""

    IMAGE_BUILD_FAILED = "image-build-failed"
    """The next deployment fails while its environment is built."""
    OUT_OF_QUOTA = "out-of-quota"
    """The next deployment fails for lack of cores."""
    RESOURCE_NOT_READY = "resource-not-ready"
    """The next deployment fails because its containers do not get ready."""
    OPERATION_CANCELED = "operation-canceled"
    """The next long-running operation is cancelled by the service."""
    OPERATION_FAILED = "operation-failed"
    """The next long-running operation fails with InternalServerError."""
    SLOW_OPERATION = "slow-operation"
    """The next long-running operation takes `seconds` longer."""
    HTTP_ERROR = "http-error"
    """The next call to Azure Resource Manager is answered with `status` and `retry_after`."""
    SCORER_CRASH = "scorer-crash"
    """The next scoring request kills the process that would answer it."""
    SLOW_SCORER = "slow-scorer"
    """The next scoring request is answered `seconds` later."""
    SCORER_ERROR = "scorer-error"
    """The next scoring request is answered by the container with `status`."""


_ERRORS = {
    FaultKind.OPERATION_CANCELED: (
        "OperationCanceled",
        "The operation was canceled by another operation that has a higher priority.",
    ),
    FaultKind.OPERATION_FAILED: ("InternalServerError", "Encountered an internal server error."),
    FaultKind.IMAGE_BUILD_FAILED: (
        "ImageBuildFailed",
        "The environment image could not be built. Look at the image build log.",
    ),
    FaultKind.OUT_OF_QUOTA: (
        "OutOfQuota",
        "Not enough quota available. Please see https://aka.ms/oe-tsg#error-outofquota",
    ),
    FaultKind.RESOURCE_NOT_READY: (
        "ResourceNotReady",
        "User container has crashed. Please see https://aka.ms/oe-tsg#error-resourcenotready",
    ),
}
_NEEDS_SECONDS = frozenset({FaultKind.SLOW_OPERATION, FaultKind.SLOW_SCORER})
_NEEDS_STATUS = frozenset({FaultKind.HTTP_ERROR, FaultKind.SCORER_ERROR})


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected failure."""

    kind: FaultKind
    target: str = "*"
    """`endpoint`, `endpoint/deployment`, or with `*` for any run of characters. Calls to Azure
    Resource Manager are matched by their path."""
    times: int | None = 1
    """How often it strikes; None: until it is cleared."""
    seconds: float = 0.0
    """How much longer slow things take."""
    status: int = 0
    """HTTP status: of http-error and scorer-error."""
    retry_after: float | None = None
    """Seconds in the Retry-After header of http-error; None: no such header."""
    method: str = "*"
    """HTTP method that http-error strikes."""
    percent: float = 100.0
    """Share of the requests that match which it strikes (scoring faults)."""
    id: str = ""

    def __post_init__(self) -> None:
        """Checks the fault.

        Raises:
            LocalAzureError: if it could not strike as it says.
        """
        if self.kind in _NEEDS_SECONDS and not self.seconds > 0:
            raise LocalAzureError(f"{self.kind} needs more than 0 seconds, not {self.seconds:g}")
        if self.kind in _NEEDS_STATUS and not 300 <= self.status <= 599:
            raise LocalAzureError(f"{self.kind} needs a status of 300 to 599, not {self.status}")
        if self.times is not None and self.times < 1:
            raise LocalAzureError(f"a fault strikes once or more, not {self.times} times")
        if not 0 < self.percent <= 100:
            raise LocalAzureError(f"percent is {self.percent:g}; give more than 0, at most 100")

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Self:
        """Returns the fault whose fields `document` has, as JSON leaves them.

        Raises:
            LocalAzureError: if it is none.
        """
        fields = dict(document)
        kind = fields.pop("kind", "")
        if kind not in set(FaultKind):
            raise LocalAzureError(
                f"{kind!r} is no kind of fault; choose one of {', '.join(FaultKind)}"
            )
        try:
            return cls(kind=FaultKind(kind), **fields)
        except TypeError as error:
            raise LocalAzureError(f"not a fault: {error}") from None

    def concerns(self, target: str) -> bool:
        """Returns whether a target matches."""
        pattern = ".*".join(re.escape(part) for part in self.target.lower().split("*"))
        return re.fullmatch(pattern, target.lower()) is not None


class Faults:
    """The faults that wait to strike; they survive a restart."""

    def __init__(self, store: Store) -> None:
        """Keeps them in `store`, and in memory, as every scoring request asks."""
        self._store, self._random = store, random.Random()  # noqa: S311 - chance, not secrets
        self._waiting = [Fault.from_dict(document) for _, document in store.items("fault")]

    def add(self, document: dict[str, Any]) -> Fault:
        """Adds a fault.

        Args:
            document: the fields of a `Fault`; `id` is given here.

        Raises:
            LocalAzureError: if it is no fault.
        """
        # Faults of one kind strike in the order in which they were added, after a restart too.
        number = 1 + max((int(fault.id.partition("-")[0]) for fault in self._waiting), default=0)
        identity = f"{number:04d}-{uuid.uuid4().hex[:8]}"
        fault = Fault.from_dict({**document, "id": identity})
        self._waiting.append(fault)
        self._store.put("fault", fault.id, asdict(fault))
        return fault

    def clear(self, identity: str | None = None) -> int:
        """Removes one fault, or all; returns how many."""
        gone = [fault for fault in self._waiting if identity in {None, fault.id}]
        for fault in gone:
            self._forget(fault)
        return len(gone)

    def __iter__(self) -> Iterator[Fault]:
        """Yields the waiting faults, oldest first."""
        return iter(tuple(self._waiting))

    def strike(self, kind: FaultKind, target: str, *, method: str = "*") -> Fault | None:
        """Returns the fault that strikes now, counting it, or None."""
        for index, fault in enumerate(self._waiting):
            if fault.kind is not kind or not fault.concerns(target):
                continue
            if "*" not in {fault.method, method} and fault.method.upper() != method.upper():
                continue
            if fault.percent < 100 and self._random.random() * 100 >= fault.percent:
                continue
            if fault.times is not None:
                self._count(index, fault, fault.times - 1)
            return fault
        return None

    async def on_operation(self, target: str) -> None:
        """Delays or fails a long-running operation."""
        slow = self.strike(FaultKind.SLOW_OPERATION, target)
        if slow is not None:
            await asyncio.sleep(slow.seconds)
        self.fail(FaultKind.OPERATION_CANCELED, target)
        self.fail(FaultKind.OPERATION_FAILED, target)

    def fail(self, kind: FaultKind, target: str) -> None:
        """Fails an operation at the point that stands for `kind`."""
        if self.strike(kind, target) is not None:
            code, message = _ERRORS[kind]
            raise ProvisioningError(code, f"{message} (injected)")

    def on_management_call(self, method: str, path: str) -> None:
        """Answers a call to Azure Resource Manager with an error."""
        fault = self.strike(FaultKind.HTTP_ERROR, path, method=method)
        if fault is None:
            return
        codes = {409: "Conflict", 429: "TooManyRequests", 500: "InternalServerError"}
        code = codes.get(fault.status, "ServiceUnavailable")
        message = f"{method} {path} is refused by an injected fault."
        pause = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        raise ServiceError(fault.status, code, message, headers=pause)

    def _count(self, index: int, fault: Fault, left: int) -> None:
        if left == 0:
            self._forget(fault)
            return
        changed = replace(fault, times=left)
        self._waiting[index] = changed
        self._store.put("fault", fault.id, asdict(changed))

    def _forget(self, fault: Fault) -> None:
        self._waiting.remove(fault)
        self._store.delete("fault", fault.id)
