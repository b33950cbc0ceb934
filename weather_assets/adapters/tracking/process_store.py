"""Which store MLflow knows in this process: the one that it is told, and no other.

Belongs here: MLflow's environment variables and its process-wide settings. Does not belong here:
runs and models (`model_registry`).
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import mlflow

from weather_assets.foundation.child_environment import inherited

TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"
_ALWAYS = ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_LOGGING_LEVEL", "MLFLOW_CONFIGURE_LOGGING")
_WITH_A_SERVER = (
    *("MLFLOW_TRACKING_*", "MLFLOW_WORKSPACE", "MLFLOW_HTTP_*", "MLFLOW_KERBEROS_*"),
    *("MLFLOW_S3_*", "MLFLOW_BOTO_*", "MLFLOW_GCS_*", "MLFLOW_*MULTIPART*"),
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT",
)
"""How the server that MLFLOW_TRACKING_URI names is reached, and its artifacts."""


def forget_leftovers() -> None:
    """Removes what a shell or another program left for MLflow in this process's environment.

    MLFLOW_RUN_ID would have a training go on in a stranger's run, MLFLOW_REGISTRY_URI keep its
    model in another registry, MLFLOW_ENABLE_ASYNC_LOGGING write it after this process has ended.
    """
    kept = (*_ALWAYS, *_WITH_A_SERVER) if os.environ.get(TRACKING_VARIABLE) else _ALWAYS
    for name in inherited(os.environ, "MLFLOW_*", "_MLFLOW_*").keys() - inherited(
        os.environ, *kept
    ):
        del os.environ[name]


@contextmanager
def process_store() -> Generator[None]:
    """Lets MLflow's process-wide functions be pointed to a store, and forgets it afterwards.

    MLflow writes the address into the environment of this process, where the next data root would
    take it for the user's.
    """
    forget_leftovers()
    named = os.environ.get(TRACKING_VARIABLE)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(cast("Any", None))  # as it was before anything was set
        if named is not None:
            os.environ[TRACKING_VARIABLE] = named
        forget_leftovers()
