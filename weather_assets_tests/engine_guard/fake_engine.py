"""An engine that makes nothing: it remembers what it is asked, and answers as a real one does.

Belongs here: as much of Docker's API as runs and ranks use. Does not belong here: any claim.
"""

import json
import socketserver
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

from weather_assets_tests.engine_guard.stack import (
    ENGINE,
    NEIGHBOUR,
    NEIGHBOUR_IMAGE,
    PLATFORM,
    RANK_IMAGE_ID,
    STACK,
)

LINE = b"\x01\0\0\0\0\0\0\x05line\n"
"""One line of a container's output, framed."""


@dataclass(frozen=True)
class Asked:
    """One request, as it came to the engine."""

    method: str
    target: str
    body: Any
    headers: Mapping[str, str]


@dataclass
class Things:
    """What there is, by kind and name."""

    containers: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    networks: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    images: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def add(self, kind: str, name: str, **fields: Any) -> dict[str, Any]:
        known: dict[str, dict[str, Any]] = getattr(self, kind)
        made = {"Id": f"{kind}{len(known)}".encode().hex().ljust(64, "0"), "Name": name, **fields}
        known[name] = known[made["Id"]] = made
        return made


def things() -> Things:
    """The stack's networks and image, and a neighbour's things."""
    found = Things()
    for name in (PLATFORM, ENGINE, NEIGHBOUR, "host", "bridge"):
        found.add("networks", name, Labels={})
    found.add("containers", NEIGHBOUR, Config={"Labels": {}}, State={"Status": "running"})
    found.add("images", STACK.rank_image, Id=RANK_IMAGE_ID)
    found.add("images", NEIGHBOUR_IMAGE, Id="sha256:" + "b" * 64)
    return found


class FakeEngine(AbstractContextManager["FakeEngine"]):
    """Listens on a socket of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.asked: list[Asked] = []
        self.things = things()
        self.started = threading.Event()
        self.input_ended = threading.Event()
        self.ends_at_once = True
        """Whether a container ends as soon as it has said its line."""
        self._server = _Server(str(path), _Handler)
        self._server.engine = self

    def __enter__(self) -> Self:
        """Answers from now on."""
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Ends, and lets go whoever waits."""
        self.started.set()
        self._server.shutdown()
        self._server.server_close()

    def changes(self) -> list[str]:
        """What was asked for that changes something, in order."""
        return [f"{each.method} {each.target}" for each in self.asked if each.method != "GET"]


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    engine: FakeEngine


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Says nothing."""

    def _handle(self) -> None:
        engine = self.server.engine
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = json.loads(text) if text else None
        engine.asked.append(Asked(self.command, self.path, body, headers))
        path = self.path.partition("?")[0].removeprefix("/v1.41")
        words = path.strip("/").split("/")
        if self.command == "GET":
            self._look(words)
        else:
            self._change(words, body)

    do_GET = do_POST = do_DELETE = _handle

    def _look(self, words: list[str]) -> None:
        match words:
            case ["_ping"]:
                self._answer(200, "OK")
            case ["version"]:
                self._answer(200, {"ApiVersion": "1.41", "Version": "20.10", "Os": "unseen"})
            case ["info"]:
                self._answer(200, {"Name": "fake", "Labels": ["unseen"]})
            case [("containers" | "images") as kind, name, "json"]:
                self._describe(kind, name)
            case ["containers", "json"] | ["networks"]:
                self._answer(200, [])
            case ["networks", name]:
                self._describe("networks", name)
            case _:
                self._answer(404, {"message": "page not found"})

    def _change(self, words: list[str], body: Any) -> None:
        match words:
            case [("containers" | "networks") as kind, "create"]:
                self._create(kind, body)
            case ["containers", _, "attach"]:
                self._attach()
            case ["containers", _, "wait"]:
                self._wait()
            case ["containers", _, "start"]:
                self.server.engine.started.set()
                self._answer(204)
            case _:
                self._answer(204)

    def _describe(self, kind: str, name: str) -> None:
        found = getattr(self.server.engine.things, kind).get(name)
        self._answer(200 if found else 404, found or {"message": f"no such thing: {name}"})

    def _create(self, kind: str, body: dict[str, Any]) -> None:
        made = self.server.engine.things
        if kind == "containers":
            name = self.path.partition("?name=")[2] or "made"
            fields = {"Config": {"Labels": body["Labels"]}, "State": {"Status": "running"}}
            self._answer(201, {"Id": made.add(kind, name, **fields)["Id"], "Warnings": []})
        else:
            self._answer(201, made.add(kind, body["Name"], Labels=body["Labels"]))

    def _attach(self) -> None:
        self.send_response(101, "UPGRADED")
        self.send_header("Content-Type", "application/vnd.docker.raw-stream")
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "tcp")
        self.end_headers()
        engine = self.server.engine
        engine.started.wait()
        with suppress(ConnectionError):  # who attached may have gone before the line was written
            self.wfile.write(LINE)
            while not engine.ends_at_once and self.rfile.read(1):
                pass
        if not engine.ends_at_once:
            engine.input_ended.set()
        self.close_connection = True

    def _wait(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.server.engine.started.wait()
        said = json.dumps({"StatusCode": 0}).encode()
        self.wfile.write(f"{len(said):x}\r\n".encode() + said + b"\r\n0\r\n\r\n")

    def _answer(self, code: int, body: Any = None) -> None:
        self.send_response(code)
        said = b"" if body is None else json.dumps(body).encode()
        if code != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
