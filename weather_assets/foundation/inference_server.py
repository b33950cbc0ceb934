"""One azureml-inference-server-http (`azmlinfsrv`) as Azure runs it, but on loopback.

Belongs here: its command line, environment, log and readiness, and ending it with all its
processes. Does not belong here: the Python environment that it runs in (`environments`), starting
it again, or what it is asked.
"""

import http.client
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from weather_assets.foundation.loopback import LOOPBACK, free_loopback_port
from weather_assets.foundation.process_guard import guarded

LOOK_SECONDS = 1.0
"""Longest wait for an answer on the liveness route."""
_LAUNCH = (
    # What the console script does, which has no option for another address than all of them: an
    # unprotected scoring route must not be open to the network. The working directory, first on
    # the path under -c, would let the script's neighbours hide the server's own modules.
    "import sys; del sys.path[0]; from azureml_inference_server_http import amlserver; "
    f"amlserver.DEFAULT_HOST = {LOOPBACK!r}; sys.exit(amlserver.run())"
)
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
        """Starts it on a free port; it ends with this process, whatever happens."""
        port = free_loopback_port()
        arguments = ("--entry_script", str(self.script), "--port", str(port))
        # Gunicorn 27 opens a control socket in its home: one home for two servers would clash.
        home = tempfile.TemporaryDirectory(prefix="inference-server-")
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
        return RunningServer(process, port, home)

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
    port: int
    _home: "tempfile.TemporaryDirectory[str]"

    @property
    def url(self) -> str:
        """Its root, such as http://127.0.0.1:40231."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Of the guard above it, which leads its process group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Returns how it ended; None while it runs."""
        return self._process.poll()

    def answers(self) -> bool:
        """Looks whether it is ready to score; takes `LOOK_SECONDS` at most."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=LOOK_SECONDS)
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
