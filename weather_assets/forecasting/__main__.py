"""`python -m weather_assets.forecasting [--wait] JOB.json`: one rank; its environment says which.

Belongs here: the process, from its first sign of life to its exit code. Does not belong here:
training (`training`).
"""

import os
import sys
import time
import traceback
from pathlib import Path

from weather_assets.forecasting.events import RankEvents
from weather_assets.forecasting.quick_load import load_training
from weather_assets.forecasting.rank_environment import RankEnvironment, RankEnvironmentError
from weather_assets.forecasting.settings import (
    TrainingJob,
    TrainingSettings,
    TrainingSettingsError,
)

WAIT = "--wait"
USAGE = f"usage: python -m weather_assets.forecasting [{WAIT}] JOB.json"
_LOOK_SECONDS = 0.02


def main(arguments: list[str]) -> int:
    """Runs one rank.

    Args:
        arguments: the path of the job file; before it `--wait`, where the rank shall load its
            libraries first and then wait for the file.

    Returns:
        The exit code: 0 only if the candidate was trained.
    """
    waits = arguments[:1] == [WAIT]
    paths = arguments[1:] if waits else arguments
    if len(paths) != 1:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    path = Path(paths[0])
    events = RankEvents(rank=0)
    try:
        place = RankEnvironment.read(os.environ)
        events.rank = place.rank
        settings = TrainingSettings() if waits else TrainingJob.read(path).settings
        events.started(settings.heartbeat_interval_seconds)
        load_training()
        events.step += 1
        if waits:
            _await_job(path, events)
        job = TrainingJob.read(path)
    except (RankEnvironmentError, TrainingSettingsError) as error:
        events.failed(str(error), permanent=True)
        return 2
    return _run(job, place, events)


def _await_job(path: Path, events: RankEvents) -> None:
    """Returns when there is a job. Whoever starts a rank ends it, if there will be none."""
    while not path.exists():
        events.step += 1  # waiting is not hanging
        time.sleep(_LOOK_SECONDS)


def _run(job: TrainingJob, place: RankEnvironment, events: RankEvents) -> int:
    from weather_assets.forecasting.training import run_rank  # noqa: PLC0415 - loaded by now

    try:
        run_rank(job, place, events)
    except Exception as error:  # noqa: BLE001 - whatever it is, the launcher must hear of it
        # Users' mistakes are ValueErrors that explain themselves; others need their traceback.
        permanent = isinstance(error, ValueError)
        if not permanent:
            traceback.print_exc()
        events.failed(f"{type(error).__name__}: {error}", permanent=permanent)
        return 1
    events.finished()
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: after a failed collective, gloo's threads can keep the interpreter from ending.
    os._exit(code)
