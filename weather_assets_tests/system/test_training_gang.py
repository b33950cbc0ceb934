"""Real ranks under the gang launcher: whatever happens to them, the weights come out the same."""

import os
import signal
import socket
import stat
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from weather_assets.adapters.ranks.gang import GangOutcome, launched_gang
from weather_assets.adapters.ranks.processes import ProcessBackend
from weather_assets.adapters.ranks.protocol import RankEvent
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.ranks.watch import FailureCause
from weather_assets.foundation.loopback import LOOPBACK
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.integration.small_training import job_file, weights, write_processed

MID_TRAINING_STEPS = 70
"""Steps into an attempt at which a rank is harmed: three checkpoints old, far from the end."""

SETTINGS = GangSettings(
    start_timeout_seconds=60,
    heartbeat_timeout_seconds=6,
    progress_timeout_seconds=60,
    stop_grace_seconds=1,
    max_relaunches=3,
)


@pytest.fixture(scope="module")
def processed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A processed directory."""
    folder = tmp_path_factory.mktemp("processed")
    write_processed(folder)
    return folder


def train(
    job: Path,
    on_event: Callable[[RankEvent], None],
    *,
    settings: GangSettings = SETTINGS,
) -> GangOutcome:
    with launched_gang(
        [sys.executable, "-m", "weather_assets.forecasting", str(job)],
        settings=settings,
        backend=ProcessBackend(),
        on_event=on_event,
    ) as gang:
        return gang.finish()


@dataclass
class Saboteur:
    """Sends one signal in each attempt, when the ranks are well into it."""

    signals: dict[int, tuple[int, signal.Signals]]
    """By attempt: the rank to harm, and how."""
    pids: dict[tuple[int, int | None], int] = field(default_factory=dict)
    harmed: set[int] = field(default_factory=set)
    steps: dict[int, int] = field(default_factory=dict)

    def __call__(self, event: RankEvent) -> None:
        if event.name == "started":
            self.pids[event.attempt, event.rank] = int(str(event.fields["pid"]))
        if event.name != "heartbeat" or event.rank != 0:
            return
        step = int(str(event.fields["step"]))
        self.steps[event.attempt] = step
        plan = self.signals.get(event.attempt)
        if plan and step >= MID_TRAINING_STEPS and event.attempt not in self.harmed:
            self.harmed.add(event.attempt)
            os.kill(self.pids[event.attempt, plan[0]], plan[1])


def alive(pids: list[int]) -> list[int]:
    """Those that are neither gone nor zombies."""
    found = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    return [process.pid for process in found if process.status() != psutil.STATUS_ZOMBIE]


def test_recovers_from_every_fault_with_the_weights_of_an_undisturbed_run(
    processed: Path, tmp_path: Path
) -> None:
    jobs: list[Path] = []
    for name in ("undisturbed", "disturbed"):
        (tmp_path / name).mkdir()
        jobs.append(job_file(processed, tmp_path / name))
    watcher = Saboteur({})
    assert train(jobs[0], watcher).failures == ()
    assert watcher.steps[1] > 3 * MID_TRAINING_STEPS

    saboteur = Saboteur(
        {1: (0, signal.SIGKILL), 2: (1, signal.SIGKILL), 3: (1, signal.SIGSTOP)},
    )
    outcome = train(jobs[1], saboteur)

    assert [(failure.rank, failure.cause) for failure in outcome.failures] == [
        (0, FailureCause.KILLED),
        (1, FailureCause.KILLED),
        (1, FailureCause.FROZEN),
    ]
    assert outcome.attempts == 4
    # It went on where it was, and did not start over.
    assert saboteur.steps[4] < watcher.steps[1] - 2 * MID_TRAINING_STEPS
    assert weights(jobs[1]) == weights(jobs[0])
    assert alive(list(saboteur.pids.values())) == []


def test_nobody_else_reaches_or_disturbs_the_ranks(processed: Path, tmp_path: Path) -> None:
    pids: list[int] = []
    listeners: set[tuple[str, int]] = set()
    strangers: list[socket.socket] = []

    def look(event: RankEvent) -> None:
        if event.name == "started":
            pids.append(int(str(event.fields["pid"])))
        if event.name != "heartbeat":
            return
        for connection in (each for pid in pids for each in sockets_of(pid)):
            if connection.status == psutil.CONN_LISTEN and connection.laddr not in listeners:
                listeners.add(connection.laddr)
                # What a caller of gloo begins with: the number of the peer that it claims to be.
                for number in range(4):
                    strangers.append(socket.create_connection(connection.laddr))
                    strangers[-1].sendall(struct.pack("q", number))

    job = job_file(processed, tmp_path)
    outcome = train(job, look)
    for stranger in strangers:
        stranger.close()
    assert outcome.failures == ()
    assert {address for address, _port in listeners} == {LOOPBACK}
    assert stat.S_IMODE((job.parent / "candidate" / "meeting").stat().st_mode) == 0o700


def sockets_of(pid: int) -> list[Any]:
    try:
        return psutil.Process(pid).net_connections("inet")
    except psutil.NoSuchProcess:
        return []


def test_cancelled_training_leaves_nothing(processed: Path, tmp_path: Path) -> None:
    pids: list[int] = []

    def cancel(event: RankEvent) -> None:
        if event.name == "started":
            pids.append(int(str(event.fields["pid"])))
        if len(pids) == 2 and event.name == "heartbeat":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job_file(processed, tmp_path), cancel)
    assert alive(pids) == []


SUPERVISOR = """
import sys
from pathlib import Path
from weather_assets_tests.system.test_training_gang import train
train(Path(sys.argv[1]), lambda e: print(e.name, e.rank, e.fields.get("pid", ""), flush=True))
"""


def test_no_rank_outlives_a_killed_supervisor(processed: Path, tmp_path: Path) -> None:
    job = job_file(processed, tmp_path)
    command = [sys.executable, "-c", SUPERVISOR, str(job)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        pids: list[int] = []
        for line in supervisor.stdout or ():
            name, _rank, *rest = line.split()
            if name == "started":
                pids.append(int(rest[0]))
            if len(pids) == 2:
                break
        assert alive(pids) == pids
        # One cannot act by itself at that moment.
        os.kill(pids[1], signal.SIGSTOP)
        supervisor.kill()
    wait_until(lambda: not alive(pids), 3, "the ranks to end")
