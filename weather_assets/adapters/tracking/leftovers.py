"""MLflow's environment variables: which are meant for this product, and which were left behind.

Belongs here: the lists. Does not belong here: MLflow itself, which takes 2 s to import.
"""

import os
from collections.abc import MutableMapping

from weather_assets.foundation.child_environment import inherited

TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"
"""Names the server; unset, a data root is its own store."""
_ALWAYS = (
    "MLFLOW_DISABLE_TELEMETRY",
    "MLFLOW_LOGGING_LEVEL",
    "MLFLOW_CONFIGURE_LOGGING",
    "MLFLOW_SERVER_*",
)
_WITH_A_SERVER = (
    *("MLFLOW_TRACKING_*", "MLFLOW_WORKSPACE", "MLFLOW_HTTP_*", "MLFLOW_KERBEROS_*"),
    *("MLFLOW_S3_*", "MLFLOW_BOTO_*", "MLFLOW_GCS_*", "MLFLOW_*MULTIPART*"),
    "MLFLOW_ARTIFACT_UPLOAD_DOWNLOAD_TIMEOUT",
)
"""How that server is reached, and its artifacts."""


def forget_leftovers(environ: MutableMapping[str, str] = os.environ) -> None:
    """Removes what a shell or another program left behind for MLflow.

    MLFLOW_RUN_ID would have a training go on in a stranger's run, MLFLOW_REGISTRY_URI keep its
    model in another registry, MLFLOW_ENABLE_ASYNC_LOGGING write it after this process has ended.

    Args:
        environ: this process's environment, or one that a child will get.
    """
    kept = (*_ALWAYS, *_WITH_A_SERVER) if environ.get(TRACKING_VARIABLE) else _ALWAYS
    meant = inherited(environ, *kept)
    for name in inherited(environ, "MLFLOW_*", "_MLFLOW_*"):
        if name not in meant:
            del environ[name]
