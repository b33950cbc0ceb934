"""Failures that may heal are told from those that cannot by what they are, not by their words."""

import errno
import socket
import sqlite3
import subprocess

import pytest
import requests
import sqlalchemy.exc
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from docker.errors import APIError
from filelock import Timeout
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, TEMPORARILY_UNAVAILABLE

from weather_assets.adapters.files.raw_snapshot import RawDataError, RawFilesChangedError
from weather_assets.adapters.ranks.attempt import RankFailure
from weather_assets.adapters.ranks.gang import GangFailed
from weather_assets.adapters.ranks.protocol import RankLaunchError
from weather_assets.adapters.ranks.watch import FailureCause
from weather_assets.adapters.scoring.environment import ScoringEnvironmentError
from weather_assets.contract.columns import ContractError
from weather_assets.foundation.documents import DocumentError
from weather_assets.foundation.healing import may_heal
from weather_assets.foundation.settings import SettingError
from weather_assets.processing.files.raw_file import RawFileError
from weather_assets.rollout.convergence import RolloutRefused
from weather_assets.rollout.service import (
    AccessDenied,
    DeploymentFailed,
    OperationTimedOut,
    ServiceBusy,
    ServiceRefused,
    ServiceUnavailable,
    Superseded,
)
from weather_assets.workflows.judgement import OutrunError, VerdictError
from weather_assets.workflows.preparation import RefusedError
from weather_assets.workflows.published import PackageChangedError


def http(status: int) -> HttpResponseError:
    error = HttpResponseError("said no")
    error.status_code = status
    return error


def engine(status: int) -> APIError:
    response = requests.Response()
    response.status_code = status
    return APIError("said no", response=response)


def sqlite(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("said no")
    error.sqlite_errorcode = code
    return error


def gang(*, permanent: bool) -> GangFailed:
    return GangFailed([RankFailure(1, 0, FailureCause.KILLED, "was killed", 1.0, permanent, ())])


HEALING: list[BaseException] = [
    *(
        OSError(code, "")
        for code in (errno.ENOSPC, errno.EIO, errno.EMFILE, errno.ENOMEM, errno.ENETUNREACH)
    ),
    ConnectionResetError(), TimeoutError(), Timeout("lock"), MemoryError(), socket.gaierror(-3, ""),
    subprocess.TimeoutExpired("pip", 1), requests.ConnectionError(), requests.ReadTimeout(),
    *(http(status) for status in (408, 409, 425, 429, 500, 503)), engine(500), engine(409),
    ServiceRequestError("no route"), MlflowException("locked", TEMPORARILY_UNAVAILABLE),
    sqlite(sqlite3.SQLITE_BUSY), sqlite(sqlite3.SQLITE_IOERR_WRITE), sqlite(sqlite3.SQLITE_FULL),
    ServiceUnavailable(), OperationTimedOut(), ServiceBusy(), Superseded(), RankLaunchError(""),
    gang(permanent=False), ScoringEnvironmentError(), RawFilesChangedError(), OutrunError(),
]  # fmt: skip
FINAL: list[BaseException] = [
    ValueError(), KeyError("x"), OSError(errno.ENOENT, ""), OSError(errno.EACCES, ""),
    *(http(status) for status in (400, 401, 403, 404)), engine(404),
    MlflowException("no such model", RESOURCE_DOES_NOT_EXIST), sqlite(sqlite3.SQLITE_ERROR),
    AccessDenied(), ServiceRefused(), DeploymentFailed("it crashes"), RolloutRefused(),
    SettingError(), RankLaunchError("", permanent=True), gang(permanent=True), RawDataError(),
    RawFileError(), RefusedError(), ContractError(), DocumentError(), VerdictError(),
    PackageChangedError(),
]  # fmt: skip


@pytest.mark.parametrize("error", HEALING, ids=lambda error: type(error).__name__)
def test_what_may_heal(error: BaseException) -> None:
    assert may_heal(error)


@pytest.mark.parametrize("error", FINAL, ids=lambda error: type(error).__name__)
def test_what_cannot(error: BaseException) -> None:
    assert not may_heal(error)


def chained(
    error: BaseException,
    *,
    cause: BaseException | None = None,
    while_handling: BaseException | None,
) -> BaseException:
    """Returns an exception as `raise error [from cause]` leaves it, within an `except` block."""
    error.__context__ = while_handling
    if cause is not None:
        error.__cause__ = cause
    return error


def hidden(error: BaseException, while_handling: BaseException) -> BaseException:
    """Returns an exception as `raise error from None` leaves it, within an `except` block."""
    error.__context__, error.__cause__ = while_handling, None
    assert error.__suppress_context__
    return error


def test_a_cause_tells_it_where_what_was_raised_does_not() -> None:
    locked = sqlite(sqlite3.SQLITE_LOCKED)
    statement = chained(
        sqlalchemy.exc.OperationalError("INSERT", {}, locked), cause=locked, while_handling=locked
    )
    assert may_heal(chained(RuntimeError(), cause=statement, while_handling=None))
    assert may_heal(chained(RuntimeError(), while_handling=OSError(errno.ENOSPC, "full")))
    assert not may_heal(hidden(ValueError("not within the limits"), TimeoutError()))
    missing = RankLaunchError("the image is missing", permanent=True)
    assert not may_heal(chained(missing, cause=TimeoutError(), while_handling=None))


def test_a_circle_of_causes_ends() -> None:
    first, second = RuntimeError("first"), RuntimeError("second")
    first.__cause__, second.__cause__ = second, first
    assert not may_heal(first)
