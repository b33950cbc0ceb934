"""`python -m weather_assets.forecasting JOB.json`: one rank; its environment says which.

Belongs here: the process, from its first sign of life to its exit code. Does not belong here:
training (`training`).
"""

import gc
import os
import sys
import traceback
from pathlib import Path

from weather_assets.forecasting.events import RankEvents
from weather_assets.forecasting.rank_environment import RankEnvironment, RankEnvironmentError
from weather_assets.forecasting.settings import TrainingJob
from weather_assets.foundation.settings import SettingError

USAGE = "usage: python -m weather_assets.forecasting JOB.json"


def main(arguments: list[str]) -> int:
    """Runs one rank.

    Args:
        arguments: the path of the job file.

    Returns:
        The exit code: 0 only if the candidate was trained.
    """
    if len(arguments) != 1:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    events = RankEvents(rank=0)
    try:
        place = RankEnvironment.read(os.environ)
        events.rank = place.rank
        job = TrainingJob.read(Path(arguments[0]))
    except (RankEnvironmentError, SettingError) as error:
        events.failed(str(error), permanent=True)
        return 2
    events.started(job.settings.heartbeat_interval_seconds)
    return _run(job, place, events)


def _run(job: TrainingJob, place: RankEnvironment, events: RankEvents) -> int:
    # What torch and Lightning make when they are imported is no garbage; looking through it again
    # and again took 1.0 of 3.4 s of processor time.
    gc.disable()
    from weather_assets.forecasting.training import run_rank  # noqa: PLC0415 - after "started"

    gc.freeze()
    gc.enable()
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
