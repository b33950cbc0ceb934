"""The packaged scorer, on onnxruntime, against one that runs the same network in PyTorch.

Belongs here: making both, loading them in turn, and the ratios. Does not belong here: the PyTorch
scorer itself (`torch_score`).

Both are served by azureml-inference-server-http on the same interpreter, with one worker, and share
every line of code from the request's bytes to the readings and from the probabilities to the
answer (`score.py`). They differ in what runs the network. The package's environment has no torch
and cannot have the platform's packages, whose pins clash with the server's; so the PyTorch side
runs in the package's environment with the platform's packages appended to its path: torch comes
from there, while whatever both have comes from the environment. Nothing is timed but requests, so
the slower start of torch is not held against it; nor is its memory, which is reported.

Both are up all the time, and take turns of a second in being asked, so that whatever else this
machine does meets both alike. The client is one process on the same cores, so that requests per
second are what this machine does with client and server, not what the server alone can do.
"""

import http.client
import importlib.util
import json
import os
import shutil
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from weather_assets.adapters.scoring.environment import scoring_environment
from weather_assets.adapters.scoring.server import (
    ScoringServer,
    ScoringServerError,
    scoring_server,
)
from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract
from weather_assets.forecasting.network import RainNetwork, save_network
from weather_assets.forecasting.settings import CANDIDATES
from weather_assets.foundation.inference_server import SocketConnection
from weather_assets.scoring.package import CONDA_FILE
from weather_assets_tests.benchmarks.measurements import (
    BenchmarkError,
    BenchmarkResult,
    Measurement,
    Workplace,
)
from weather_assets_tests.benchmarks.processes import CHECKOUT
from weather_assets_tests.benchmarks.torch_score import NETWORK_FOLDER, PLATFORM_VARIABLE
from weather_assets_tests.integration.arbitrary_network import package_of, plausible_statistics

ONNX, TORCH = "packaged (ONNX)", "PyTorch"
FACTOR = "better by"
ARCHITECTURE = CANDIDATES[0]
"""The largest network that training tries. Its weights are arbitrary: they cost the same time."""
TOLERANCE = 1e-6
ROUNDS = 6
LOAD_SECONDS = 1.0
_WARM_REQUESTS = 50
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked at once.

    Attributes:
        rows: raw readings in a request.
        clients: connections that each ask as soon as they were answered.
    """

    rows: int
    clients: int

    def __str__(self) -> str:
        """In words, for the table."""
        rows = f"{self.rows} row" + ("s" if self.rows > 1 else "")
        return f"{rows}, {self.clients} client" + ("s" if self.clients > 1 else "")


LOADS = (Load(1, 1), Load(1, 4), Load(100, 1))


@dataclass(slots=True)
class Tally:
    """Answers to one load.

    Attributes:
        latencies: seconds of each request.
        seconds: how long requests were sent.
        server_seconds: processor time of the server for them, which other work on this machine
            disturbs less than it does the latencies.
    """

    latencies: list[float] = field(default_factory=list[float])
    seconds: float = 0.0
    server_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    @property
    def milliseconds(self) -> Mapping[str, float]:
        """What one request takes: median and 99th percentile, and the server's processor time."""
        median, tail = np.percentile(self.latencies, (50, 99))
        own = self.server_seconds / len(self.latencies)
        return {"p50": 1000 * float(median), "p99": 1000 * float(tail), "server CPU": 1000 * own}


def measure(workplace: Workplace) -> BenchmarkResult:
    """Serves both and asks them in turn."""
    workplace.say("packaging a network, as ONNX and as PyTorch weights")
    contract = next(each for each in builtin_contracts() if each.name == "nyc_hourly")
    rows = raw_rows(contract, max(load.rows for load in LOADS))
    folders = package_both(contract, rows, workplace.folder)
    python = scoring_environment(folders[ONNX] / CONDA_FILE, on_progress=workplace.say)
    tallies = {name: {load: Tally() for load in LOADS} for name in folders}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serving(python, folders[name])) for name in folders}
        answers = {name: answers_of(name, server, rows) for name, server in servers.items()}
        processes = {name: listening(server.socket) for name, server in servers.items()}
        for number in range(ROUNDS):
            workplace.say(f"round {number + 1} of {ROUNDS}")
            for load in LOADS:
                body = json.dumps({"rows": rows[: load.rows]}).encode()
                for name in sorted(servers, reverse=bool(number % 2)):
                    ask(servers[name].socket, body, load, tallies[name][load], processes[name])
        memory = {
            name: sum(each.memory_info().rss for each in found) / 2**20
            for name, found in processes.items()
        }
    difference = float(np.abs(np.subtract(answers[ONNX], answers[TORCH])).max())
    if not difference <= TOLERANCE:
        raise BenchmarkError(f"the two differ by {difference:.1e}: they are not the same network")
    return compare(tallies, memory, difference)


def raw_rows(contract: Contract, count: int) -> list[dict[str, object]]:
    """Returns raw readings as a client would send them, a fifth of the optional cells empty."""
    random = np.random.default_rng(1)
    found: list[dict[str, object]] = []
    for number in range(count):
        row: dict[str, object] = {"time_hour": f"2013-06-{1 + number % 28:02}T06:00:00Z"}
        for column in contract.columns:
            if column.categories:
                row[column.name] = str(random.choice(column.categories))
            elif column.minimum is not None and column.maximum is not None:
                value = random.uniform(column.minimum, column.maximum)
                row[column.name] = round(value, 2) if random.random() < 0.8 else None
        found.append(row)
    return found


def answers_of(name: str, server: ScoringServer, rows: Sequence[object]) -> list[float]:
    """Returns a scorer's probabilities of all rows.

    Raises:
        BenchmarkError: it does not answer.
    """
    status, answer = server.score({"rows": rows})
    if status != 200:
        raise BenchmarkError(f"{name} answered {status}: {answer}")
    return answer["probability"]


def package_both(
    contract: Contract, rows: Sequence[dict[str, object]], folder: Path
) -> dict[str, Path]:
    """Returns the folder to serve of each scorer, of one network."""
    import torch

    torch.manual_seed(1)
    network = RainNetwork.fitted(ARCHITECTURE, contract, plausible_statistics(contract)).double()
    with torch.no_grad():
        for weights in network.parameters():
            weights.normal_(0.0, 0.1)
    package = package_of(network.eval(), contract, folder, rows[:1], [0.5])
    other = folder / "torch-package"
    shutil.copytree(package, other)
    (other / NETWORK_FOLDER).mkdir()
    save_network(network, other / NETWORK_FOLDER)
    shutil.copyfile(Path(__file__).with_name("torch_score.py"), other / "torch_score.py")
    return {ONNX: package, TORCH: other}


@contextmanager
def serving(python: Path, folder: Path) -> Generator[ScoringServer]:
    """Serves one of the two folders of `package_both`.

    Raises:
        BenchmarkError: it does not start; for PyTorch also where this Python is another than the
            environment's, so that torch cannot be loaded there.
    """
    script = "torch_score.py" if (folder / "torch_score.py").is_file() else "score.py"
    torch = importlib.util.find_spec("torch")
    if torch is None or torch.origin is None:
        raise BenchmarkError("torch is not installed")
    platform = os.pathsep.join((str(Path(torch.origin).parents[1]), str(CHECKOUT)))
    try:
        with scoring_server(
            python, folder, entry_script=script, variables={PLATFORM_VARIABLE: platform}
        ) as server:
            yield server
    except ScoringServerError as error:
        raise BenchmarkError(f"{script}: {error}") from error


def ask(
    socket: Path, body: bytes, load: Load, tally: Tally, processes: Sequence[psutil.Process]
) -> None:
    """Asks for some seconds over persistent connections, and adds to a tally.

    Args:
        socket: where the server listens.
        body: of each request.
        load: how many ask at once.
        tally: is added to.
        processes: of the server, whose processor time is counted.

    Raises:
        BenchmarkError: if anything but 200 comes back.
    """
    latencies: list[list[float]] = [[] for _ in range(load.clients)]
    problems: list[str] = []
    start = threading.Barrier(load.clients + 1)

    def client(own: list[float]) -> None:
        connection = SocketConnection(socket, _ANSWER_SECONDS)
        try:
            for _ in range(_WARM_REQUESTS // load.clients):
                _request(connection, body)
            start.wait()
            end = time.perf_counter() + LOAD_SECONDS
            while (sent := time.perf_counter()) < end:
                _request(connection, body)
                own.append(time.perf_counter() - sent)
        except (OSError, http.client.HTTPException, BenchmarkError) as error:
            problems.append(f"{type(error).__name__}: {error}")
            start.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(own,)) for own in latencies]
    for thread in threads:
        thread.start()
    with suppress(threading.BrokenBarrierError):  # `problems` says why
        start.wait()
    began, before = time.perf_counter(), _processor_seconds(processes)
    for thread in threads:
        thread.join()
    if problems:
        raise BenchmarkError(f"a request failed: {problems[0]}")
    tally.seconds += time.perf_counter() - began
    tally.server_seconds += _processor_seconds(processes) - before
    for own in latencies:
        tally.latencies += own


def _request(connection: http.client.HTTPConnection, body: bytes) -> None:
    connection.request("POST", "/score", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != http.client.OK:
        raise BenchmarkError(f"HTTP {answer.status}: {text[:200]!r}")


def listening(socket: Path) -> list[psutil.Process]:
    """Returns the processes of a server: those of ours that listen on its socket."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if any(each.laddr == str(socket) for each in process.net_connections("unix"))
    ]


def _processor_seconds(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def compare(
    tallies: Mapping[str, Mapping[Load, Tally]], memory: Mapping[str, float], difference: float
) -> BenchmarkResult:
    """Returns the table of both, and by how much ONNX is better."""
    measurements: list[Measurement] = []
    for load in LOADS:
        onnx, torch = tallies[ONNX][load], tallies[TORCH][load]
        for name, tally in ((ONNX, onnx), (TORCH, torch)):
            subject = f"{name}, {load}"
            measurements.append(Measurement(subject, "requests", tally.rate, "/s"))
            measurements += [
                Measurement(subject, quantity, value, "ms")
                for quantity, value in tally.milliseconds.items()
            ]
        subject = f"{FACTOR}, {load}"
        measurements.append(Measurement(subject, "requests", onnx.rate / torch.rate))
        measurements += [
            Measurement(subject, quantity, torch.milliseconds[quantity] / value)
            for quantity, value in onnx.milliseconds.items()
        ]
    return BenchmarkResult(
        tuple(measurements),
        notes=(
            (
                f"both under azureml-inference-server-http, one worker, asked in turn, {ROUNDS} "
                f"rounds of {LOAD_SECONDS:g} s a load; the client shares the cores"
            ),
            (
                f"memory of the server: {memory[ONNX]:.0f} MiB with ONNX, "
                f"{memory[TORCH]:.0f} MiB with PyTorch"
            ),
            f"their answers differ by at most {difference:.1e}",
        ),
    )
