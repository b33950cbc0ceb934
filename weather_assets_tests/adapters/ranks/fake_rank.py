"""A rank without a network: speaks the rank protocol, works in lockstep, and fails on command.

Stdlib only and a single file, so that a container can run it too. It reads one JSON object from
the variable FAKE_RANK: `directory` (shared by all ranks), `steps`, `step_seconds`, `peer_seconds`
(socket time-out, the process group's time-out of a real rank) and `faults`, each with `rank`,
`attempt` (1-based), `step` and `fault` (a name in `FAULTS`, or one of the three that come before
the first step). Rank 0 listens on MASTER_PORT and exchanges a byte with every other rank in each
step, so that a lost rank is noticed by its peers as with gloo. Its "training" folds the step
numbers into one number, checkpointed after each step: a resumed run must end with the same number.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

RANK = int(os.environ.get("RANK", "0"))
FOREVER = 600


def say(event: str, **fields: object) -> None:
    """Writes one event in one write, so that no other thread's line can get into it."""
    sys.stdout.write(json.dumps({"event": event, "rank": RANK, **fields}) + "\n")
    sys.stdout.flush()


class Heart(threading.Thread):
    """Beats while it is allowed to."""

    def __init__(self) -> None:
        """Starts at step 0."""
        super().__init__(daemon=True)
        self.step = 0
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            say("heartbeat", step=self.step)
            time.sleep(0.05)


def hang(_heart: Heart) -> None:
    time.sleep(FOREVER)


def mute(heart: Heart) -> None:
    heart.stopped = True
    time.sleep(FOREVER)


def crash(_heart: Heart) -> None:
    raise ArithmeticError("the loss is not what it should be")


def permanent(_heart: Heart) -> None:
    say("failed", error="the loss is NaN", permanent=True)
    os._exit(1)


def ignore_sigterm(heart: Heart) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hang(heart)


def grandchild(_heart: Heart) -> None:
    start_grandchild(start_new_session=False)
    os._exit(3)


def daemon(_heart: Heart) -> None:
    start_grandchild(start_new_session=True)


def abort(_heart: Heart) -> None:
    sys.stderr.write("terminate called after throwing an instance of 'gloo::IoException'\n")
    os.kill(os.getpid(), signal.SIGABRT)


def flood(_heart: Heart) -> None:
    for number in range(30_000):
        sys.stdout.write(f"line {number}\n")
    sys.stdout.write("x" * 200_000 + "\n")


def exhaust_memory(_heart: Heart) -> None:
    sys.stdout.write(f"{len(bytearray(b'x' * 300_000_000))} bytes had room\n")


FAULTS = {
    "kill": lambda _heart: os.kill(os.getpid(), signal.SIGKILL),
    "freeze": lambda _heart: os.kill(os.getpid(), signal.SIGSTOP),
    "exit_nonzero": lambda _heart: os._exit(3),
    "exit_zero": lambda _heart: os._exit(0),
    "hang": hang,
    "mute": mute,
    "crash": crash,
    "permanent": permanent,
    "ignore_sigterm": ignore_sigterm,
    "grandchild": grandchild,
    "daemon": daemon,
    "abort": abort,
    "flood": flood,
    "exhaust_memory": exhaust_memory,
}


def start_grandchild(*, start_new_session: bool) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", f"import time; time.sleep({FOREVER})"],
        start_new_session=start_new_session,
    )
    note("pids", str(child.pid))


def note(name: str, line: str) -> int:
    """Appends a line to a file in the shared directory; returns how many there are now."""
    path = Path(job()["directory"]) / name
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return len(path.read_text(encoding="utf-8").splitlines())


def job() -> dict[str, Any]:
    return json.loads(os.environ["FAKE_RANK"])


def meet(peer_seconds: float) -> list[socket.socket]:
    """Connects rank 0 with every other rank."""
    address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    world_size = int(os.environ["WORLD_SIZE"])
    if RANK == 0:
        with socket.create_server(("", address[1])) as server:
            server.settimeout(FOREVER)
            peers = [server.accept()[0] for _ in range(world_size - 1)]
    else:
        peers = []
        while not peers:
            try:
                peers = [socket.create_connection(address, timeout=FOREVER)]
            except OSError:
                time.sleep(0.02)
    for peer in peers:
        peer.settimeout(peer_seconds)
    return peers


def exchange(peers: list[socket.socket]) -> None:
    """One collective: nobody goes on before everybody is here."""
    for peer in peers:
        peer.sendall(b"x")
    for peer in peers:
        if not peer.recv(1):
            raise ConnectionError("Connection closed by peer")


def train(settings: dict[str, Any], faults: dict[int, str], heart: Heart) -> None:
    checkpoint = Path(settings["directory"]) / "checkpoint.json"
    state = {"step": 0, "value": 1}
    if checkpoint.exists():
        state = json.loads(checkpoint.read_text(encoding="utf-8"))
        sys.stdout.write(f"resuming after step {state['step']}\n")
    peers = meet(settings.get("peer_seconds", FOREVER))
    while state["step"] < settings["steps"]:
        step = state["step"] + 1
        if step in faults:
            FAULTS[faults[step]](heart)
        time.sleep(settings["step_seconds"])
        exchange(peers)
        state = {"step": step, "value": (state["value"] * 31 + step) % 1_000_003}
        heart.step = step
        if RANK == 0:
            new = checkpoint.with_suffix(".new")
            new.write_text(json.dumps(state), encoding="utf-8")
            new.replace(checkpoint)
    exchange(peers)


def fail(error: Exception) -> NoReturn:
    sys.stderr.write(f"Traceback: {error!r}\n")
    say("failed", error=f"{type(error).__name__}: {error}")
    sys.exit(1)


def main() -> None:
    settings = job()
    attempt = note(f"attempts-{RANK}", os.environ["WEATHER_ASSETS_RENDEZVOUS"])
    note("pids", str(os.getpid()))
    faults = {
        fault.get("step", 0): fault["fault"]
        for fault in settings["faults"]
        if fault["rank"] == RANK and fault.get("attempt", attempt) == attempt
    }
    before = faults.get(0)
    if before == "exit_at_once":
        sys.exit(7)
    if before == "never_start":
        time.sleep(FOREVER)
    say("started", pid=os.getpid(), host=socket.gethostname())
    heart = Heart()
    heart.start()
    try:
        train(settings, faults, heart)
    except (OSError, ArithmeticError) as error:
        fail(error)
    heart.stopped = True
    heart.join()
    say("finished")
    if before == "never_exit":
        time.sleep(FOREVER)


if __name__ == "__main__":
    main()
