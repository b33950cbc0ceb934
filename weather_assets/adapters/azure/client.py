"""The SDK's client, made fit for a service: quiet, bounded in time, leaving no trace behind.

Belongs here: making `MLClient`, waiting and retrying. Does not belong here: how Azure is reached
(`reach`), or what is done with the client (`service`).
"""

import functools
import importlib
import logging
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from azure.core.exceptions import AzureError, HttpResponseError
from marshmallow.warnings import Marshmallow4Warning

from weather_assets.adapters.azure.errors import (
    CONFLICT,
    is_absence,
    retry_after_seconds,
    service_error,
    status_of,
    without_signatures,
)
from weather_assets.adapters.azure.reach import Reach
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.foundation.waiting import WaitedTooLongError, wait_until
from weather_assets.rollout.service import OperationTimedOut

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.core.credentials import TokenCredential
    from azure.core.polling import LROPoller

_CLOUD_VARIABLE = "AZUREML_CURRENT_CLOUD"
_QUIETER = {
    "azure.ai.ml": logging.WARNING,  # "Check: endpoint X exists", at INFO on a handler of its own
    "azure.ai.ml._utils._experimental": logging.ERROR,  # "This is an experimental class"
    "azure.ai.ml._telemetry": logging.CRITICAL,  # each call that fails, which we report ourselves
}
_LOOK_SECONDS = 2.0
"""Longest pause between two looks at what the service reports."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AzureTimings:
    """How long to wait for what. Defaults fit Azure."""

    deployment_seconds: float = 3600.0
    """A deployment: building an image takes up to half an hour, starting machines ten minutes."""
    endpoint_seconds: float = 900.0
    """Any other long operation; a change of traffic takes half a minute."""
    conflict_seconds: float = 300.0
    """How long a call is repeated that another operation stands in the way of (409)."""
    conflict_pause_seconds: float = 5.0
    """Pause between two such calls, where the service names none."""
    visible_seconds: float = 60.0
    """How long a change may take to be seen in what the service reports."""
    retries: int = 6
    """How often the SDK repeats a call after 408, 429, 5xx or a broken connection."""
    backoff_seconds: float = 0.8
    """First pause between such calls, doubled at each; Retry-After goes before. All six: 50 s."""
    connect_seconds: float = 20.0
    """Longest time to connect."""
    read_seconds: float = 60.0
    """Longest silence of a connection."""

    @classmethod
    def local(cls) -> Self:
        """Returns timings for Local Azure, which answers at once."""
        return cls(
            deployment_seconds=900.0,  # building the environment over a slow network
            endpoint_seconds=60.0,
            conflict_seconds=20.0,
            conflict_pause_seconds=0.1,
            visible_seconds=5.0,
            retries=4,
            backoff_seconds=0.1,
        )

    def limits(self) -> dict[str, Any]:
        """Returns what clients of azure-core take."""
        return {
            "retry_total": self.retries,
            "retry_connect": self.retries,
            "retry_read": self.retries,
            "retry_status": self.retries,
            "retry_backoff_factor": self.backoff_seconds,
            "connection_timeout": self.connect_seconds,
            "read_timeout": self.read_seconds,
        }


@functools.cache
def azure_ml() -> Any:
    """Returns the SDK's module `azure.ai.ml`, quiet. Loading it takes up to three seconds."""
    with warnings.catch_warnings():
        # azure-ai-ml 1.35 is written for marshmallow 3, which announces version 4 at each schema.
        warnings.simplefilter("ignore", Marshmallow4Warning)
        module = importlib.import_module("azure.ai.ml")
        importlib.import_module("azure.ai.ml.entities")
    # At DEBUG it writes each address with its query; azure-core masks signatures in its own lines.
    logging.getLogger("urllib3.connectionpool").addFilter(_mask_signatures)
    return module


def ml_client(
    settings: AzureSettings, credential: "TokenCredential", timings: AzureTimings, reach: Reach
) -> "MLClient":
    """Returns the SDK's client of a workspace."""
    before = os.environ.get(_CLOUD_VARIABLE)
    try:
        client = azure_ml().MLClient(
            credential,
            settings.subscription_id,
            settings.resource_group,
            settings.workspace,
            show_progress=False,
            enable_telemetry=False,
            **timings.limits(),
            **reach.transport,
            **reach.cloud,
        )
    finally:  # it names its cloud to the whole process
        if before is None:
            os.environ.pop(_CLOUD_VARIABLE, None)
        else:
            os.environ[_CLOUD_VARIABLE] = before
    for name, level in _QUIETER.items():  # the client sets some of them
        logging.getLogger(name).setLevel(level)
    return client


@dataclass(frozen=True, slots=True)
class Calls:
    """Runs calls of the SDK: repeats, waits, and says what went wrong."""

    timings: AzureTimings

    def run(self, action: str, call: Callable[[], T]) -> T:
        """Returns what an idempotent call returns; repeats it while another one is in its way.

        Args:
            action: what it does, for messages.
            call: a call of the SDK.

        Raises:
            ServiceError: what the failure means.
        """
        deadline = time.monotonic() + self.timings.conflict_seconds
        while True:
            try:
                return call()
            except AzureError as error:
                in_the_way = status_of(error) == CONFLICT and time.monotonic() < deadline
                pause = retry_after_seconds(error) or self.timings.conflict_pause_seconds
                failure = service_error(action, error)
            if not in_the_way:
                raise failure  # outside `except`: see azure_errors
            time.sleep(min(pause, self.timings.conflict_seconds))

    def find(self, action: str, call: Callable[[], T]) -> T | None:
        """Returns what a call returns, or None where the service says that it does not exist.

        Raises:
            ServiceError: anything else; no other failure is taken for absence.
        """

        def or_none() -> T | None:
            try:
                return call()
            except HttpResponseError as error:
                if is_absence(error):
                    return None
                raise

        return self.run(action, or_none)

    def operation(
        self, action: str, begin: Callable[[], "LROPoller[Any]"], seconds: float
    ) -> AzureError | None:
        """Runs a long operation; returns how it failed after it was accepted, or None.

        Args:
            action: what it does, for messages.
            begin: starts it, idempotently.
            seconds: longest time for all of it.

        Raises:
            ServiceError: if it was not accepted.
            OperationTimedOut: if it has not ended in time.
        """
        poller = self.run(action, begin)
        try:
            poller.wait(seconds)  # `result(timeout)` breaks while it is pending
        except AzureError as error:
            return error
        if not poller.done():
            raise OperationTimedOut(
                f"{action}: not after {seconds:g} s. Azure goes on with it; run again to resume"
            )
        return None

    def until(self, what: str, seconds: float, condition: Callable[[], bool]) -> None:
        """Waits for a condition.

        Raises:
            OperationTimedOut: if it does not come true in time.
        """
        pause = min(self.timings.conflict_pause_seconds, _LOOK_SECONDS)
        try:
            wait_until(condition, seconds, what, pause_seconds=pause)
        except WaitedTooLongError:
            raise OperationTimedOut(
                f"{what}: not after {seconds:g} s. Azure goes on with it; run again to resume"
            ) from None


def _mask_signatures(record: logging.LogRecord) -> bool:
    """Masks signatures in a log record, and lets it pass."""
    text = record.getMessage()
    masked = without_signatures(text)
    if masked != text:
        record.msg, record.args = masked, ()
    return True
