"""An engine that can be lost: a socket that passes everything on to the real one, until it is cut.

Belongs here: the forwarding. The real engine has other containers to look after than this test's.
"""

import socket
import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path

ENGINE = "/var/run/docker.sock"


class EngineProxy(AbstractContextManager["EngineProxy"]):
    """A Unix socket; as a context manager, cut at the end."""

    def __init__(self, path: Path) -> None:
        """Listens at once.

        Args:
            path: of the socket, short enough for one.
        """
        self._path = path
        self._open: list[socket.socket] = []
        self.mend()

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def __exit__(self, *exception: object) -> None:
        """Leaves no connection."""
        self.cut()

    def mend(self) -> None:
        """Lets connections through again."""
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._path))
        listener.listen()
        self._listener = listener
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Ends all connections and refuses others."""
        self._path.unlink(missing_ok=True)
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._open.clear()

    def _serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near = listener.accept()[0]
                far = socket.socket(socket.AF_UNIX)
                far.connect(ENGINE)
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
