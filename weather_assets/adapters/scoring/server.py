"""Serves a scoring package as Azure ML does, to us alone, for as long as a `with` lasts.

Belongs here: waiting until the server is ready, and talking HTTP to it. Does not belong here: how
the server is run (`foundation.inference_server`), building its environment (`environment`), what
the package answers (`scoring.score`), and judging the answers.
"""

import json
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from weather_assets.foundation.inference_server import InferenceServer, RunningServer
from weather_assets.foundation.log_files import tail_of
from weather_assets.foundation.waiting import WaitedTooLongError, wait_until

READY_SECONDS = 60.0
"""It was ready after 1.8 s on two idle cores, and after 4 s on busy ones."""
REQUEST_SECONDS = 60.0
STOP_SECONDS = 5.0
LOG_TAIL_LINES = 30


class ScoringServerError(RuntimeError):
    """The server did not become ready; the message has the last lines of its log."""

    may_heal = True


@dataclass(frozen=True)
class ScoringServer:
    """A server that is ready."""

    url: str
    """Its root, to `client` alone."""
    socket: Path
    """Where it listens; only this user may connect."""
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
        return tail_of(self.log, LOG_TAIL_LINES)


@contextmanager
def scoring_server(
    python: Path,
    package: Path,
    *,
    entry_script: str = "score.py",
    ready_seconds: float = READY_SECONDS,
    variables: Mapping[str, str] | None = None,
) -> Generator[ScoringServer]:
    """Runs a server until the block is left; then nothing of it is running, whatever happened.

    Args:
        python: interpreter of an environment with azureml-inference-server-http.
        package: folder with the entry script; the server's working directory, and its model.
        entry_script: file in `package` with `init` and `run`.
        ready_seconds: longest time until it answers on its liveness route.
        variables: further environment variables of the server.

    Yields:
        The server, ready to score.

    Raises:
        ScoringServerError: it ended or was not ready in time; for instance `init` raised.
        FileNotFoundError: the package has no such script.
    """
    folder = package.resolve()
    script = (folder / entry_script).resolve(strict=True)
    with tempfile.TemporaryDirectory(prefix="scoring-server-") as scratch:
        log = Path(scratch) / "server.log"
        running = InferenceServer(python, script, folder, folder, log, variables or {}).start()
        try:
            # Proxies are for others: a user's HTTPS_PROXY must not carry what stays here.
            way = httpx.HTTPTransport(uds=str(running.socket))
            with httpx.Client(transport=way, trust_env=False, timeout=REQUEST_SECONDS) as client:
                server = ScoringServer("http://scorer", running.socket, log, client)
                _await_ready(server, running, ready_seconds)
                yield server
        finally:
            running.end(STOP_SECONDS)


def _await_ready(server: ScoringServer, running: RunningServer, seconds: float) -> None:
    def ready() -> bool:
        code = running.exit_code()
        if code is not None:
            raise _failed(f"ended with code {code} before it was ready", server)
        return running.answers()

    try:
        wait_until(ready, seconds, "the scoring server")
    except WaitedTooLongError:
        raise _failed(f"was not ready within {seconds:g} s", server) from None


def _failed(how: str, server: ScoringServer) -> ScoringServerError:
    return ScoringServerError(f"the scoring server {how}; its log ends:\n{server.log_tail()}")
