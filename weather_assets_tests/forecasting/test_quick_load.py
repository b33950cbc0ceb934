"""A rank loads what it trains with and no more, and leaves nothing false behind."""

import json
import subprocess
import sys

PROGRAM = """
import gc, json, sys
from weather_assets.forecasting.quick_load import load_training
load_training()
loaded = sorted(name for name in sys.modules if name.startswith(("scipy.signal", "scipy.stats")))
import scipy.signal
collector = (gc.isenabled(), gc.get_freeze_count() > 0)
trains = callable(sys.modules["weather_assets.forecasting.training"].run_rank)
again = sys.modules["scipy.signal"]
load_training()
same = sys.modules["scipy.signal"] is again
print(json.dumps([loaded, collector, trains, float(scipy.signal.windows.hamming(3)[1]), same]))
"""


def test_training_is_loaded_without_signal_processing_which_is_there_afterwards() -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(answer.stdout) == [[], [True, True], True, 1.0, True]
