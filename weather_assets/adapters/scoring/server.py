"""Serves a scoring package as Azure ML does, on a loopback port, for as long as a `with` lasts.

Belongs here: running azureml-inference-server-http (`azmlinfsrv`) in its own environment and
talking HTTP to it. Does not belong here: building that environment (`environment`), what
the package answers (`scoring.score`), and judging the answers.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from weather_assets.foundation.loopback import LOOPBACK, free_loopback_port
from weather_assets.foundation.process_guard import guarded

READY_SECONDS = 60.0
"""It was ready after 1.8 s on two idle cores, and after 4 s on busy ones."""
REQUEST_SECONDS = 60.0
STOP_SECONDS = 5.0
POLL_SECONDS = 0.05
LOG_TAIL_LINES = 30

LAUNCH = (
    "import sys; from azureml_inference_server_http import amlserver; "
    f"amlserver.DEFAULT_HOST = {LOOPBACK!r}; sys.exit(amlserver.run())"
)
"""What the console script `azmlinfsrv` does, but on loopback: the script offers no choice of host,
and an unprotected scoring route must not be open to the network."""

FOREIGN_VARIABLES = ("PYTHON", "VIRTUAL_ENV", "AML_", "AZUREML_", "GUNICORN_", "WORKER_")
"""Prefixes of variables that would change the server's behaviour, whoever set them."""


class ScoringServerError(RuntimeError):
    """The server did not become ready; the message has the last lines of its log."""


@dataclass(frozen=True)
class ScoringServer:
    """A server that is ready."""

    url: str
    """Its root, such as http://127.0.0.1:40231."""
    log: Path
    """Where it writes its log; gone when the server is."""
    client: httpx.Client
    """Talks to `url`."""

    def score(self, payload: object) -> tuple[int, Any]:
        """Sends one scoring request.

        Args:
            payload: what is sent as JSON; bytes are sent as they are, to try malformed requests.

        Returns:
            HTTP status, and the body: decoded where it is JSON, else as text.

        Raises:
            httpx.HTTPError: the server did not answer within `REQUEST_SECONDS`.
        """
        content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = {"Content-Type": "application/json"}
        answer = self.client.post(f"{self.url}/score", content=content, headers=headers)
        try:
            return answer.status_code, answer.json()
        except json.JSONDecodeError:
            return answer.status_code, answer.text

    def log_tail(self) -> str:
        """The last lines of the server's log."""
        return _tail(self.log)


@contextmanager
def scoring_server(
    python: Path,
    package: Path,
    *,
    entry_script: str = "score.py",
    model_directory: Path | None = None,
    workers: int = 1,
    ready_seconds: float = READY_SECONDS,
    variables: Mapping[str, str] | None = None,
) -> Generator[ScoringServer]:
    """Runs a server until the block is left; then nothing of it is running, whatever happened.

    Args:
        python: interpreter of an environment with azureml-inference-server-http.
        package: folder with the entry script; the server's working directory.
        entry_script: file in `package` with `init` and `run`.
        model_directory: what AZUREML_MODEL_DIR names; `package` by default.
        workers: number of processes that score.
        ready_seconds: longest time until it answers on its liveness route.
        variables: further environment variables of the server.

    Yields:
        The server, ready to score.

    Raises:
        ScoringServerError: it ended or was not ready in time; for instance `init` raised.
    """
    port = free_loopback_port()
    script = str((package / entry_script).resolve(strict=True))
    model = str((model_directory or package).resolve(strict=True))
    arguments = ("--entry_script", script, "--model_dir", model, "--port", str(port))
    command = (str(python), "-c", LAUNCH, *arguments, "--worker_count", str(workers))
    with tempfile.TemporaryDirectory(prefix="scoring-server-") as scratch:
        log = Path(scratch) / "server.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                guarded(command),
                env=_environment(scratch, variables or {}),
                cwd=package,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            # Proxies are for others: Local Azure sets HTTPS_PROXY for this very process.
            with httpx.Client(trust_env=False, timeout=REQUEST_SECONDS) as client:
                server = ScoringServer(f"http://{LOOPBACK}:{port}", log, client)
                _await_ready(server, process, ready_seconds)
                yield server
        finally:
            _end(process)


def _environment(scratch: str, variables: Mapping[str, str]) -> dict[str, str]:
    own = {
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # a package is identified by its files: add none to it
        # Gunicorn 27 otherwise opens one control socket for all servers of this user.
        "GUNICORN_CMD_ARGS": f"--no-control-socket --worker-tmp-dir {scratch}",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_VARIABLES)}
    return {**kept, **own, **variables}


def _await_ready(server: ScoringServer, process: subprocess.Popen[bytes], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (code := process.poll()) is not None:
            message = f"the scoring server ended with code {code} before it was ready"
            raise ScoringServerError(f"{message}; its log ends:\n{server.log_tail()}")
        with suppress(httpx.TransportError):
            if server.client.get(server.url, timeout=1.0).is_success:
                return
        time.sleep(POLL_SECONDS)
    message = f"the scoring server was not ready within {seconds:.0f} s"
    raise ScoringServerError(f"{message}; its log ends:\n{server.log_tail()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the server's whole process group, its workers included."""
    try:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:])
