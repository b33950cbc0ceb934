"""The little of a Docker engine's API that connecting and removing need, spoken over HTTP."""

import json
import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from weather_assets.foundation.loopback import LOOPBACK


class FakeEngine(AbstractContextManager["FakeEngine"]):
    """An engine that has some containers and networks.

    Attributes:
        containers: names of the containers, which are their ids too.
        networks: names of the networks, likewise.
        stubborn: whether it takes requests to remove something, and does not.
    """

    def __init__(self, port: int = 0) -> None:
        """Answers from now on; port 0 is one that is free."""
        self.containers: list[str] = []
        self.networks: list[str] = []
        self.stubborn = False
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(engine.read(self.path))

            def do_DELETE(self) -> None:
                engine.remove(self.path)
                self._answer(None)

            def _answer(self, document: object) -> None:
                text = document if isinstance(document, str) else json.dumps(document)
                content = b"" if document is None else text.encode()
                self.send_response(200 if content else 204)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its names
                """Keeps quiet."""

        self._server = ThreadingHTTPServer((LOOPBACK, port), Handler)
        self.port = int(self._server.server_address[1])
        self.address = f"tcp://{LOOPBACK}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def __exit__(self, *_exception: object) -> None:
        """Is away from now on."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def read(self, path: str) -> object:
        """Returns what a request asks for."""
        resource = path.partition("?")[0].rpartition("/")[2]
        if path.partition("?")[0].endswith("/containers/json"):
            return [{"Id": name, "Names": [f"/{name}"]} for name in self.containers]
        if resource == "networks":
            return [{"Id": name, "Name": name} for name in self.networks]
        return {"version": {"ApiVersion": "1.44"}, "_ping": "OK"}[resource]

    def remove(self, path: str) -> None:
        """Removes what a request names."""
        kind, name = path.partition("?")[0].split("/")[-2:]
        if not self.stubborn:
            (self.containers if kind == "containers" else self.networks).remove(name)
