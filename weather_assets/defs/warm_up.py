"""Uses the core that is idle while Spark works: loads what the assets below it are going to need.

Belongs here: starting those imports early, in the run's own process. Does not belong here: anything
that an asset depends on: whatever is not ready when an asset needs it, the asset loads itself.

Spark runs in the JVM and keeps one core of two busy, while this process waits for it. Importing
MLflow, scores and torch, and making MLflow's tables on a new data root, takes about 10 s of CPU.
"""

import importlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from weather_assets.adapters.model_registry import ModelRegistry

_NEEDED_BELOW = (
    "weather_assets.adapters.candidates",
    "weather_assets.adapters.judgement",
    "weather_assets.adapters.packaging",
)
_PATIENCE_SECONDS = 120.0
_LOGGER = logging.getLogger(__name__)


class WarmUp:
    """Early loading in a thread of its own; a failure here will show where the thing is needed."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def begin(self, registry: "Callable[[], ModelRegistry]") -> None:
        """Starts loading, once per process.

        Args:
            registry: gives the model registry, whose tables and experiment are made.
        """
        if self._thread is None:
            self._thread = threading.Thread(
                target=_load, args=(registry,), name="warm-up", daemon=True
            )
            self._thread.start()

    def finish(self) -> None:
        """Waits until everything is loaded: two threads must not make MLflow's tables at once."""
        if self._thread is not None:
            self._thread.join(timeout=_PATIENCE_SECONDS)
            self._thread = None


class WarmUpResource(dg.ConfigurableResource["WarmUp"]):
    """What loads libraries while Spark works; one per run."""

    def get(self) -> WarmUp:
        """Returns the warm-up of this process."""
        return _OF_THIS_PROCESS


_OF_THIS_PROCESS = WarmUp()


def _load(registry: "Callable[[], ModelRegistry]") -> None:
    try:
        registry().ensure_experiment()
        for name in _NEEDED_BELOW:
            importlib.import_module(name)
    except Exception:
        _LOGGER.debug("early loading ended; assets load what they need", exc_info=True)
