"""One azureml-inference-server-http (`azmlinfsrv`) as Azure runs it, but where only we reach it.

Belongs here: its command line, environment, log and readiness, and ending it with all its
processes. Does not belong here: the Python environment that it runs in (`environments`), starting
it again, or what it is asked.

It listens on a Unix socket in a folder that only this user may open: a port of this machine would
be open to its other users, without the endpoint's key, and one half-sent request on it would keep
the server's one worker from everybody else.
"""

import http.client
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from weather_assets.foundation.process_guard import guarded

LOOK_SECONDS = 1.0
"""Longest wait for an answer on the liveness route."""
_LAUNCH = (
    # What the console script does, which has no option for another address than all of them, and
    # adds a port to whatever it is given. The working directory, first on the path under -c, would
    # let the script's neighbours hide the server's own modules.
    "import sys; del sys.path[0]; from azureml_inference_server_http import amlserver; "
    "amlserver.DEFAULT_HOST = 'unix:' + sys.argv.pop(1); sys.exit(amlserver.run())"
)
_PORT = "1"
_LONGEST_SOCKET_NAME = 100
"""Bytes; macOS allows 103, Linux 107."""
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class InferenceServer:
    """What a server runs."""

    python: Path
    """Interpreter of an environment with azureml-inference-server-http."""
    script: Path
    """Entry script, with `init` and `run`."""
    app_root: Path
    """Folder of the code; the server's working directory."""
    model_folder: Path | None
    """What AZUREML_MODEL_DIR names, if anything."""
    log: Path
    """File that its output is added to."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further environment variables."""

    def start(self) -> "RunningServer":
        """Starts it; it ends with this process, whatever happens."""
        # Gunicorn 27 opens a control socket in its home: one home for two servers would clash.
        home = tempfile.TemporaryDirectory(prefix="inference-server-", dir=_short_folder())
        address = f"{home.name}/scorer"
        arguments = (address, "--entry_script", str(self.script), "--port", _PORT)
        with self.log.open("ab") as sink:
            process = subprocess.Popen(
                guarded((str(self.python), "-c", _LAUNCH, *arguments)),
                cwd=self.app_root,
                env=self._environment(home.name),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return RunningServer(process, Path(f"{address}:{_PORT}"), home)

    def _environment(self, home: str) -> dict[str, str]:
        """Returns the variables of the server: its own, and nothing of the user's."""
        kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        azure = {
            "AML_APP_ROOT": str(self.app_root),
            "AZUREML_APP_ROOT": str(self.app_root),
            "AZUREML_ENTRY_SCRIPT": str(self.script),
            "HOME": home,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # code is identified by its files: add none to it
        }
        if self.model_folder is not None:
            azure["AZUREML_MODEL_DIR"] = str(self.model_folder)
        return {**kept, **self.variables, **azure}


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that was started. Whoever started it calls `end`, also where it ended by itself."""

    _process: subprocess.Popen[bytes]
    socket: Path
    """Where it listens, over HTTP; only this user may connect."""
    _home: "tempfile.TemporaryDirectory[str]"

    @property
    def pid(self) -> int:
        """Of the guard above it, which leads its process group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Returns how it ended; None while it runs."""
        return self._process.poll()

    def answers(self) -> bool:
        """Looks whether it is ready to score; takes `LOOK_SECONDS` at most."""
        connection = SocketConnection(self.socket, LOOK_SECONDS)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/")
            return connection.getresponse().status == http.client.OK
        return False

    def kill(self) -> None:
        """Ends it as a crash would, with all its processes."""
        self._signal(signal.SIGKILL)

    def end(self, seconds: float) -> None:
        """Ends it with all its processes; what has not ended after some seconds is killed."""
        try:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._home.cleanup()

    def _signal(self, number: signal.Signals) -> None:
        # macOS answers EPERM instead of ESRCH where only zombies are left in the group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_seconds: float) -> None:
        """Connects with the first request."""
        super().__init__("scorer", timeout=timeout_seconds)
        self._path = path

    def connect(self) -> None:
        """See `http.client.HTTPConnection.connect`."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _short_folder() -> str:
    """Returns a temporary folder in which a socket's name is not too long for the system."""
    folder = tempfile.gettempdir()
    room = len(os.fsencode(folder)) + len("/inference-server-12345678/scorer:1")
    return folder if room <= _LONGEST_SOCKET_NAME else "/tmp"  # noqa: S108 - the folder is private
