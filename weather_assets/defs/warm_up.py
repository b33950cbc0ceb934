"""Uses the core that is idle while Spark works: loads what the assets below it are going to need.

Belongs here: starting those imports early, in the run's own process and in the training ranks. Does
not belong here: anything that an asset depends on: whatever is not ready when an asset needs it,
the asset loads or starts itself.

Spark runs in the JVM and keeps one core of two busy, while this process waits for it. Importing
MLflow, scores and torch, and making MLflow's tables on a new data root, takes about 10 s of CPU.
"""

import importlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field, PrivateAttr

if TYPE_CHECKING:
    from weather_assets.adapters.ranks.protocol import RankBackend
    from weather_assets.adapters.ranks.settings import GangSettings
    from weather_assets.adapters.ranks.waiting_gang import EarlyGang
    from weather_assets.adapters.tracking.model_registry import ModelRegistry

_NEEDED_BELOW = (
    "weather_assets.workflows.candidates",
    "weather_assets.workflows.judgement",
    "weather_assets.workflows.packaging",
)
_PATIENCE_SECONDS = 120.0
_LOGGER = logging.getLogger(__name__)


class WarmUp:
    """Early loading in a thread of its own; a failure here will show where the thing is needed."""

    def __init__(self, *, starts_ranks: bool) -> None:
        """Begins nothing yet.

        Args:
            starts_ranks: whether training ranks may wait for their job on this machine.
        """
        self._starts_ranks = starts_ranks
        self._thread: threading.Thread | None = None
        self._gang: EarlyGang | None = None

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

    def begin_ranks(self, settings: "GangSettings", backend: "RankBackend") -> None:
        """Starts the training ranks, which then wait for their job.

        Args:
            settings: of the gang that is probably going to be asked for.
            backend: where it runs.
        """
        from weather_assets.adapters.ranks.waiting_gang import EarlyGang

        if self._starts_ranks and self._gang is None:
            self._gang = EarlyGang(settings, backend)

    def ranks(self) -> "EarlyGang | None":
        """Returns the ranks that wait, if there are some; once."""
        gang, self._gang = self._gang, None
        return gang

    def end(self) -> None:
        """Ends ranks that nobody had a job for."""
        gang = self.ranks()
        if gang is not None:
            gang.cancel()

    def finish(self) -> None:
        """Waits until everything is loaded: two threads must not make MLflow's tables at once."""
        if self._thread is not None:
            self._thread.join(timeout=_PATIENCE_SECONDS)
            self._thread = None


class WarmUpResource(dg.ConfigurableResource["WarmUp"]):
    """What loads libraries while Spark works; one per run."""

    starts_ranks: bool = Field(
        default=True,
        description="Whether training ranks are started early; for ranks that are processes here.",
    )
    _warm_up: WarmUp | None = PrivateAttr(default=None)

    def get(self) -> WarmUp:
        """Returns the warm-up of this run."""
        if self._warm_up is None:
            self._warm_up = WarmUp(starts_ranks=self.starts_ranks)
        return self._warm_up

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Ends with the run what was begun and not used."""
        del context
        if self._warm_up is not None:
            self._warm_up.end()


def _load(registry: "Callable[[], ModelRegistry]") -> None:
    try:
        registry().ensure_experiment()
        for name in _NEEDED_BELOW:
            importlib.import_module(name)
    except Exception:
        _LOGGER.debug("early loading ended; assets load what they need", exc_info=True)
