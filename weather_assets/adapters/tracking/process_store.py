"""Which store MLflow's process-wide functions know: the one that they are told, and for how long.

Belongs here: pointing MLflow's fluent API somewhere, and undoing that. Does not belong here: runs
and models (`model_registry`).
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import mlflow

from weather_assets.adapters.tracking.leftovers import TRACKING_VARIABLE, forget_leftovers


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
