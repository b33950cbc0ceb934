"""Scoring requests: every answer becomes a reply, and the secret goes where it belongs."""

import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from weather_assets.adapters.azure.data_plane import ScoringClient
from weather_assets.rollout.evidence import Reply
from weather_assets.rollout.service import ServiceUnavailable


class Endpoint(BaseHTTPRequestHandler):
    """Answers with what the test put on the server."""

    protocol_version = "HTTP/1.1"
    answers: list[tuple[int, bytes]]
    seen: list[dict[str, str]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append({key.lower(): value for key, value in self.headers.items()})
        status, body = self.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its names
        """Keeps quiet."""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, type[Endpoint]]]:
    handler = type("ThisEndpoint", (Endpoint,), {"answers": [], "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/score", handler
    server.shutdown()
    thread.join()
    server.server_close()


def ask(endpoint: tuple[str, type[Endpoint]], *answers: tuple[int, bytes]) -> Reply:
    uri, handler = endpoint
    handler.answers[:] = answers
    client = ScoringClient(uri, lambda: "key", timeout_seconds=5)
    try:
        return client.ask([{"temp": 1.0}], "blue")
    finally:
        client.close()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"probability": [0.25, 1]}', (0.25, 1.0)),
        (b'{"probability": []}', ()),
        (b'{"probability": 0.25}', None),
        (b'{"probability": ["0.25"]}', None),
        (b'{"probability": [true]}', None),
        (b'{"rain": [0.25]}', None),
        (b"[0.25]", None),
        (b"rain", None),
    ],
)
def test_probabilities_are_read_or_it_is_said_what_came_instead(
    endpoint: tuple[str, type[Endpoint]], body: bytes, expected: tuple[float, ...] | None
) -> None:
    reply = ask(endpoint, (200, body))
    assert (reply.status, reply.probabilities) == (200, expected)
    assert (reply.problem == "") == (expected is not None)
    assert reply.seconds > 0


def test_numbers_that_are_none_are_kept_for_the_verdict(
    endpoint: tuple[str, type[Endpoint]],
) -> None:
    reply = ask(endpoint, (200, b'{"probability": [NaN, null, 2]}'))
    assert reply.probabilities is not None
    assert [math.isnan(value) for value in reply.probabilities] == [True, True, False]
    assert "nan" in reply.fault(3)


def test_the_secret_goes_before_a_netrc_and_is_fetched_again_once(
    endpoint: tuple[str, type[Endpoint]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    uri, handler = endpoint
    handler.answers[:] = [(401, b""), (200, b'{"probability": [0.5]}'), (401, b""), (401, b"no")]
    keys = iter(("old", "new", "newer"))
    client = ScoringClient(uri, lambda: next(keys), timeout_seconds=5)
    assert client.ask([{}], "blue").status == 200
    assert client.ask([{}], None).status == 401, "one more attempt, not more"
    client.close()
    assert [seen["authorization"] for seen in handler.seen] == [
        "Bearer old", "Bearer new", "Bearer new", "Bearer newer",
    ]  # fmt: skip
    assert [seen.get("azureml-model-deployment") for seen in handler.seen] == [
        "blue", "blue", None, None,
    ]  # fmt: skip


def test_no_answer_is_a_reply_too() -> None:
    client = ScoringClient("http://127.0.0.1:9/score", lambda: "planted", timeout_seconds=1)
    reply = client.ask([{}], None)
    client.close()
    assert (reply.status, reply.probabilities) == (0, None)
    assert "ConnectionError" in reply.problem
    assert "planted" not in repr(reply)

    def unavailable() -> str:
        raise ServiceUnavailable("no key to be had")

    client = ScoringClient("http://127.0.0.1:9/score", unavailable, timeout_seconds=1)
    assert client.ask([{}], None) == Reply(0, 0.0, None, "", "no key to be had")
    client.close()
