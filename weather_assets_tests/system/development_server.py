"""A `weather-assets dev` of a test's own: started, asked, looked into, and ended or killed.

Belongs here: the command's process and what can be seen of it. Does not belong here: what must
hold.
"""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.commands.leftovers import DEV_MARK
from weather_assets.foundation.loopback import free_loopback_port
from weather_assets.foundation.marked_processes import marked_processes
from weather_assets.foundation.waiting import wait_until

READY_SECONDS = 240.0
END_SECONDS = 60.0


@dataclass(frozen=True)
class DevelopmentServer:
    """A `dev` that was started.

    Attributes:
        process: the command itself.
        root: its data root.
        port: of Dagster's UI.
        mlflow_port: of MLflow's UI.
        log: what it and its servers say.
    """

    process: "subprocess.Popen[bytes]"
    root: DataRoot
    port: int
    mlflow_port: int
    log: Path

    @property
    def url(self) -> str:
        """Address of Dagster's UI."""
        return f"http://127.0.0.1:{self.port}"

    def wait_ready(self) -> None:
        """Waits until both UIs answer, and Dagster's has the code location."""
        self.wait_for(f"{self.url}/server_info")
        self.wait_for(f"http://127.0.0.1:{self.mlflow_port}/health")
        query = "{repositoriesOrError {... on RepositoryConnection {nodes {name}}}}"
        wait_until(
            lambda: self.ask(query)["repositoriesOrError"].get("nodes"),
            READY_SECONDS,
            "the code location",
            pause_seconds=0.5,
        )

    def wait_for(self, url: str) -> None:
        """Waits until an address answers."""

        def answers() -> bool:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            with suppress(httpx.TransportError):
                return httpx.get(url, timeout=5, trust_env=False).is_success
            return False

        wait_until(answers, READY_SECONDS, f"{url} to answer", pause_seconds=0.3)

    def ask(self, query: str) -> dict[str, Any]:
        """Returns what Dagster's API answers; nothing while it does not."""
        with suppress(httpx.TransportError, ValueError):
            answer = httpx.post(
                f"{self.url}/graphql", json={"query": query}, timeout=60, trust_env=False
            )
            return answer.json()["data"]
        return {"repositoriesOrError": {}}

    def family(self) -> list[psutil.Process]:
        """Returns everything that was started by it, and the command itself."""
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def mark(self) -> str:
        """Returns what its processes carry, so that orphans are found too."""
        return self.root.held_by_dev.read_text().split()[-1]


def alive(family: Sequence[psutil.Process], mark: str) -> list[str]:
    """Returns what is left of a family, orphans that it has had meanwhile included."""
    found = {each.pid: each for each in (*family, *marked_processes({DEV_MARK: mark}))}
    said: list[str] = []
    for each in found.values():
        with suppress(psutil.NoSuchProcess):
            if each.status() != psutil.STATUS_ZOMBIE and each.is_running():
                said.append(f"{each.pid} {' '.join(each.cmdline())[:200]}")
    return said


def wait_gone(family: Sequence[psutil.Process], mark: str) -> None:
    """Waits until nothing of a family is left."""
    wait_until(lambda: not alive(family, mark), END_SECONDS, "a family to end")


@contextmanager
def development_server(
    root: DataRoot, environment: Mapping[str, str], folder: Path | None = None
) -> Generator[DevelopmentServer]:
    """Yields a `dev` that was started; whatever is left of it is killed at the end of the block.

    Args:
        root: its data root.
        environment: further variables.
        folder: where it is started.
    """
    port, mlflow_port = free_loopback_port(), free_loopback_port()
    command = [sys.executable, "-P", "-m", "weather_assets", "dev", "--data", str(root.path)]
    command += ["--port", str(port), "--mlflow-port", str(mlflow_port)]
    log = root.path.parent / f"dev-{port}.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            cwd=folder,
        )
    server = DevelopmentServer(process, root, port, mlflow_port, log)
    try:
        yield server
    finally:
        with suppress(psutil.NoSuchProcess):
            for each in reversed(server.family()):
                with suppress(psutil.NoSuchProcess):
                    each.kill()
        process.wait(END_SECONDS)
