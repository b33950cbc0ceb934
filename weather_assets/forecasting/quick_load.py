"""Loading torch and Lightning in a process that does nothing else until they are there.

Belongs here: what makes that quicker, each with its measured gain. Does not belong here: what is
done with them (`training`).
"""

import gc
import importlib
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType

_SIGNAL = "scipy.signal"


def load_training() -> None:
    """Imports `training`; a fifth quicker without the collector, since nothing of it is garbage."""
    gc.disable()
    try:
        with _without_signal_processing():
            importlib.import_module("weather_assets.forecasting.training")
    finally:
        gc.enable()
    gc.freeze()


@contextmanager
def _without_signal_processing() -> Generator[None]:
    """Keeps torchmetrics from loading scipy.signal: 0.45 of 1.95 s of processor time, 580 modules.

    Lightning imports torchmetrics, and that imports scipy.signal for one thing alone: to give it
    back a name that it had before (`hamming`). torchmetrics finds that name in a stand-in; whoever
    imports scipy.signal afterwards gets the real one.
    """
    if _SIGNAL in sys.modules:
        yield
        return
    stand_in = ModuleType(_SIGNAL)
    stand_in.hamming = None  # pyright: ignore[reportAttributeAccessIssue] - the name looked for
    sys.modules[_SIGNAL] = stand_in
    try:
        yield
    finally:
        del sys.modules[_SIGNAL]
