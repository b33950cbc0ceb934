"""The gang launcher with ranks as local processes: the shared fault matrix, and what is theirs."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from weather_assets.adapters.ranks.gang import GangFailed
from weather_assets.adapters.ranks.processes import ProcessBackend, RankProcess
from weather_assets.adapters.ranks.protocol import (
    OutputLine,
    RankEvent,
    RankHandle,
    RankLaunchError,
    RankSpec,
    Rendezvous,
    Stream,
    parse_line,
)
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.ranks.watch import FailureCause
from weather_assets.foundation.loopback import LOOPBACK, free_loopback_port
from weather_assets.foundation.settings import SettingError
from weather_assets.foundation.waiting import wait_until
from weather_assets_tests.adapters.ranks import fake_rank
from weather_assets_tests.adapters.ranks.gang_contract import GangContract, Told, fault, run

QUICK = GangSettings(
    start_timeout_seconds=3.0,
    heartbeat_timeout_seconds=1.0,
    progress_timeout_seconds=1.5,
    stop_grace_seconds=0.5,
    attribution_seconds=0.5,
    max_relaunches=1,
    poll_seconds=0.02,
)


@dataclass
class ProcessPlace:
    """Ranks on this machine."""

    directory: Path
    settings: GangSettings = QUICK
    bound_seconds: float = 8.0
    command: tuple[str, ...] = (sys.executable, fake_rank.__file__)
    known: set[int] = field(
        default_factory=lambda: {each.pid for each in psutil.Process().children(recursive=True)}
    )

    @property
    def directory_there(self) -> str:
        return str(self.directory)

    def backend(self) -> ProcessBackend:
        return ProcessBackend()

    def backend_with_first_port_taken(self) -> tuple[ProcessBackend, socket.socket]:
        listener = socket.create_server(("", 0))
        ports = iter([listener.getsockname()[1]])
        return ProcessBackend(pick_port=lambda: next(ports, free_loopback_port())), listener

    def survivors(self) -> list[str]:
        """Children of this process, and whatever the ranks noted, that are not gone."""
        noted = self.directory / "pids"
        pids = {int(line) for line in noted.read_text("utf-8").split()} if noted.exists() else set()
        pids |= {each.pid for each in psutil.Process().children(recursive=True)} - self.known
        return [f"{pid}" for pid in sorted(pids) if is_alive(pid)]


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie (an orphan's is its new parent's to reap)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def place(tmp_path: Path) -> ProcessPlace:
    return ProcessPlace(tmp_path)


class TestProcesses(GangContract):
    """The fault matrix, with processes."""


SUPERVISOR = """
import json, sys
from pathlib import Path
from weather_assets_tests.adapters.ranks.gang_contract import fault, run
from weather_assets_tests.adapters.ranks.test_gang import ProcessPlace
faults = json.loads(sys.argv[2])
run(ProcessPlace(Path(sys.argv[1])), *faults, told=lambda event: print(event.name, flush=True),
    step_seconds=0.3)
"""


@pytest.mark.parametrize("name", ["hang", "freeze", "ignore_sigterm"])
def test_no_rank_outlives_a_killed_supervisor(place: ProcessPlace, name: str) -> None:
    plan = json.dumps([fault(name, rank=1, step=2)])
    command = [sys.executable, "-c", SUPERVISOR, str(place.directory), plan]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        seen: list[str] = []
        while seen.count("started") < 2:
            seen.append(supervisor.stdout.readline().strip())
        time.sleep(0.4)
        assert len([pid for pid in place.survivors() if int(pid) != supervisor.pid]) >= 4
        supervisor.kill()
    wait_until(lambda: not place.survivors(), 3, "the ranks to end")


def test_terminal_interrupt_reaches_the_supervisor_alone(place: ProcessPlace) -> None:
    groups: set[int] = set()

    def look(event: RankEvent) -> None:
        if event.name == "started":
            groups.add(os.getsid(int(str(event.fields["pid"]))))

    run(place, told=look)
    assert len(groups) == 2
    assert os.getsid(0) not in groups


def test_rank_killed_from_outside_is_named(place: ProcessPlace) -> None:
    told = Told()

    def kill_rank_0(event: RankEvent) -> None:
        told(event)
        if (event.name, event.rank) == ("heartbeat", 0) and event.fields["step"] == 2:
            os.kill(int(str(told.named("started", 0)[0].fields["pid"])), signal.SIGKILL)

    outcome = run(place, told=kill_rank_0, step_seconds=0.1)
    assert outcome.failures[0].reason == "was killed by signal 9, SIGKILL (out of memory?)"
    assert outcome.failures[0].rank == 0


class HalfFullMachine(ProcessBackend):
    """Has no room for rank 1, the first time."""

    refused = False

    def launch(self, spec: RankSpec) -> RankProcess:
        if spec.rank == 1 and not self.refused:
            self.refused = True
            raise RankLaunchError("rank 1 could not be started on this machine: out of memory")
        return super().launch(spec)


def test_rank_that_cannot_be_launched_is_a_failed_attempt(place: ProcessPlace) -> None:
    outcome = run(place, backend=HalfFullMachine())
    (failure,) = outcome.failures
    assert (failure.rank, failure.cause) == (1, FailureCause.NOT_LAUNCHED)
    assert str(failure).startswith("rank 1 was not launched: rank 1 could not be started on")
    assert place.survivors() == []


class AbsentMachine(ProcessBackend):
    """Is away, for good or the first time."""

    def __init__(self, *, permanent: bool) -> None:
        super().__init__()
        self._permanent = permanent
        self._asked = 0

    def prepare(self, identity: str) -> Rendezvous:
        self._asked += 1
        if self._permanent or self._asked == 1:
            raise RankLaunchError("the engine does not answer", permanent=self._permanent)
        return super().prepare(identity)


def test_place_that_is_away_is_a_failed_attempt(place: ProcessPlace) -> None:
    outcome = run(place, backend=AbsentMachine(permanent=False))
    (failure,) = outcome.failures
    assert (failure.rank, failure.cause) == (0, FailureCause.NOT_LAUNCHED)
    assert outcome.attempts == 2


def test_place_that_stays_away_is_asked_once(place: ProcessPlace) -> None:
    words = r"after 1 attempt: rank 0 was not launched: the engine does not answer \(attempt 1"
    with pytest.raises(GangFailed, match=words):
        run(place, backend=AbsentMachine(permanent=True))
    assert place.survivors() == []


def test_ranks_see_their_place_and_share_the_cores(tmp_path: Path) -> None:
    backend = ProcessBackend(working_directory=tmp_path)
    rendezvous = backend.prepare("seen")
    code = "import json, os; print(json.dumps({'event': os.getcwd(), **os.environ}))"
    spec = RankSpec(
        rank=1,
        world_size=2,
        command=(sys.executable, "-c", code),
        environment={"RANK": "1", "OMP_NUM_THREADS": "5"},
        rendezvous=rendezvous,
    )
    handle = backend.launch(spec)
    wait(handle)
    ((name, seen),) = parse_line(handle.drain()[0])
    assert name == str(tmp_path.resolve())
    assert seen["PATH"] == os.environ["PATH"]
    assert (seen["LOCAL_RANK"], seen["NODE_RANK"], seen["LOCAL_WORLD_SIZE"]) == ("1", "0", "2")
    assert (seen["OMP_NUM_THREADS"], rendezvous.address) == ("5", LOOPBACK)


def test_ranks_inherit_nothing_that_would_lead_them_astray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_over = {
        "OMP_NUM_THREADS": "64",
        "GLOO_SOCKET_IFNAME": "nowhere0",
        "TP_SOCKET_IFNAME": "nowhere0",
        "NCCL_SOCKET_IFNAME": "nowhere0",
        "MASTER_ADDR": "192.0.2.1",
        "SLURM_NTASKS": "8",
        "PYTHONSTARTUP": "/gone.py",
        "PYTHONHASHSEED": "1",
    }
    for name, value in left_over.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "random.py").write_text("raise SystemExit('a stranger was imported')")
    (tmp_path / "weather_assets.py").write_text("raise SystemExit('a stranger was imported')")
    backend = ProcessBackend(working_directory=tmp_path)
    rendezvous = backend.prepare("led")
    code = "import json, os, random, weather_assets; print(json.dumps({'event': '', **os.environ}))"
    handle = backend.launch(RankSpec(0, 2, (sys.executable, "-c", code), {}, rendezvous))
    assert wait(handle) == 0
    ((_, seen),) = parse_line(handle.drain()[0])
    assert seen["OMP_NUM_THREADS"] == str(max(1, (os.cpu_count() or 1) // 2))
    assert str(seen["GLOO_SOCKET_IFNAME"]).startswith("lo")
    assert not (left_over.keys() - {"OMP_NUM_THREADS", "GLOO_SOCKET_IFNAME"}) & seen.keys()


def wait(handle: RankHandle) -> int:
    wait_until(lambda: handle.poll() is not None, 5, "the rank to end", pause_seconds=0.01)
    code = handle.poll()
    assert code is not None
    return code


def spec_of(*command: str) -> RankSpec:
    return RankSpec(0, 1, command, {}, Rendezvous("x", LOOPBACK, 1))


def test_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    handle = ProcessBackend().launch(spec_of(str(tmp_path / "absent")))
    assert wait(handle) == 127
    assert [line.text for line in handle.drain()] == [
        f"cannot run {tmp_path / 'absent'}: No such file or directory"
    ]


def test_rank_that_cannot_be_launched_is_a_launch_error(tmp_path: Path) -> None:
    backend = ProcessBackend(working_directory=tmp_path / "absent")
    with pytest.raises(RankLaunchError, match="rank 0 could not be started on this machine"):
        backend.launch(spec_of("true"))


def test_no_port_is_given_out_twice() -> None:
    ports = iter([5000, 5000, 5001])
    backend = ProcessBackend(pick_port=lambda: next(ports))
    assert [backend.prepare(name).port for name in "ab"] == [5000, 5001]


def test_free_port_is_free() -> None:
    with socket.create_server((LOOPBACK, free_loopback_port())):
        pass


@pytest.mark.parametrize(
    "text",
    ["{", "{}", "[1]", '{"event": 3}', '{"rank": 1}', '"event"', "{" * 100_000, "plain"],
)
def test_line_that_is_no_event_is_a_log_line(text: str) -> None:
    parsed = parse_line(OutputLine(text, Stream.OUTPUT, 0.0))
    assert parsed == [("log", {"line": text, "stream": "output"})]


def test_event_behind_unfinished_text_is_found() -> None:
    line = OutputLine('Epoch 3{"event": "heartbeat", "step": 7}', Stream.OUTPUT, 0.0)
    log, event = parse_line(line)
    assert log == ("log", {"line": "Epoch 3", "stream": "output"})
    assert event == ("heartbeat", {"event": "heartbeat", "step": 7})


def test_blank_line_is_nothing() -> None:
    assert parse_line(OutputLine("  ", Stream.OUTPUT, 0.0)) == []


def test_event_on_the_error_stream_is_a_log_line() -> None:
    line = OutputLine('{"event": "finished"}', Stream.ERROR, 0.0)
    assert parse_line(line)[0][0] == "log"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("world_size", 0),
        ("world_size", 1.5),
        ("max_relaunches", -1),
        ("log_tail_lines", 0),
        ("start_timeout_seconds", 0),
        ("heartbeat_timeout_seconds", float("nan")),
        ("progress_timeout_seconds", float("inf")),
        ("stop_grace_seconds", -1),
        ("attribution_seconds", -0.1),
        ("poll_seconds", 0),
    ],
)
def test_settings_that_cannot_work_are_refused(name: str, value: float) -> None:
    with pytest.raises(SettingError, match=f"^{name} is "):
        GangSettings(**{name: value})  # type: ignore[arg-type]


def test_settings_may_be_zero_where_that_means_at_once() -> None:
    assert GangSettings(stop_grace_seconds=0, attribution_seconds=0, max_relaunches=0)
