"""A gang started before there is anything to train on: its ranks load their libraries early.

Belongs here: starting it in a thread, giving it the job, ending it where there is none. Does not
belong here: watching ranks (`gang`), or when it is worth it (`defs.warm_up`).

Importing torch and Lightning takes each rank 6 s of processor time, which is as long as training on
a small file takes.
"""

import queue
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from weather_assets.adapters.ranks.gang import GangOutcome, run_gang
from weather_assets.adapters.ranks.protocol import RankBackend, RankEvent
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.forecasting.settings import TrainingJob

_LOOK_SECONDS = 0.5
_END_SECONDS = 60.0


def rank_command(python: str, job_file: Path, *, wait: bool = False) -> tuple[str, ...]:
    """Returns the command of a rank.

    Args:
        python: the interpreter where the ranks run, as the backend names it.
        job_file: what `TrainingJob.write` writes.
        wait: whether the rank waits for that file, where it is not there yet.
    """
    options = ("--wait",) if wait else ()
    return (python, "-m", "weather_assets.forecasting", *options, str(job_file))


class EarlyGang:
    """A gang whose ranks wait for their job. Either `train` or `cancel` must follow."""

    def __init__(self, settings: GangSettings, backend: RankBackend) -> None:
        """Starts the ranks and returns at once.

        Args:
            settings: of the gang.
            backend: where it runs; its ranks see this machine's temporary folder.
        """
        self.settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="gang-"))
        self._job_file = self._folder / "job.json"
        self._events: queue.SimpleQueue[RankEvent | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._outcome: GangOutcome | BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(backend,), name="early-gang", daemon=True
        )
        self._thread.start()

    def train(self, job: TrainingJob, on_event: Callable[[RankEvent], None]) -> GangOutcome:
        """Gives the ranks their job and waits until they have finished.

        Args:
            job: what to train.
            on_event: called in this thread with every event, those from before the job included.

        Raises:
            GangFailed: as `run_gang`; so does everything else that this raises.
        """
        draft = self._folder / "draft.json"
        job.write(draft)
        draft.replace(self._job_file)
        try:
            while (event := self._next_event()) is not None:
                on_event(event)
        finally:
            self.cancel()  # does nothing to a gang that has ended
        if isinstance(self._outcome, GangOutcome):
            return self._outcome
        raise self._outcome or RuntimeError("the gang ended without an outcome")

    def cancel(self) -> None:
        """Ends all ranks, waits for that, and removes what was made for them; safe to repeat."""
        self._cancelled.set()
        self._thread.join(timeout=_END_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _next_event(self) -> RankEvent | None:
        while True:
            try:
                return self._events.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue  # a bounded wait lets Ctrl-C and Dagster's interrupt through

    def _run(self, backend: RankBackend) -> None:
        try:
            self._outcome = run_gang(
                rank_command(backend.python, self._job_file, wait=True),
                environment={},
                settings=self.settings,
                backend=backend,
                on_event=self._events.put,
                cancelled=self._cancelled,
            )
        except BaseException as error:  # noqa: BLE001 - `train` raises it in its own thread
            self._outcome = error
        finally:
            self._events.put(None)
