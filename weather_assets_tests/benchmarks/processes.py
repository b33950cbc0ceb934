"""Timed programs that cannot hang: what a benchmark measures runs in processes of its own.

Belongs here: starting programs, showing that they are alive, ending all of them. Does not belong
here: what they are.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from weather_assets_tests.benchmarks.measurements import BenchmarkError

CHECKOUT = Path(__file__).resolve().parents[2]
_POLL_SECONDS = 0.02
_SIGN_OF_LIFE_SECONDS = 15.0
_STOP_GRACE_SECONDS = 5.0
_TAIL_LINES = 25
_OF_OTHER_RUNS = (
    "DAGSTER_HOME",
    "MLFLOW_TRACKING_URI",
    "WEATHER_ASSETS_DATA",
    "MASTER_ADDR",
    "MASTER_PORT",
    "WORLD_SIZE",
    "NODE_RANK",
)
"""Variables that would make a measured program work on somebody's own data, or join other ranks."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program to be timed.

    Attributes:
        name: for progress and errors.
        arguments: the command line.
        folder: where it runs; its output goes to `<name>.log` there.
        environment: variables besides the inherited ones.
    """

    name: str
    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Where everything goes that it prints."""
        return self.folder / f"{self.name.replace(' ', '_')}.log"

    def tail(self) -> str:
        """Returns the last lines that it printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

    def start(self) -> subprocess.Popen[bytes]:
        """Starts it in a session of its own."""
        inherited = {key: value for key, value in os.environ.items() if key not in _OF_OTHER_RUNS}
        paths = [str(CHECKOUT), *filter(None, [inherited.get("PYTHONPATH")])]
        with self.log.open("wb") as output:
            return subprocess.Popen(
                list(self.arguments),
                cwd=self.folder,
                env={**inherited, "PYTHONPATH": os.pathsep.join(paths), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


@dataclass(frozen=True, slots=True)
class Finish:
    """How programs that ran together came to their end.

    Attributes:
        seconds: from the first start to the last end.
        exit_codes: of each, in their order.
    """

    seconds: float
    exit_codes: tuple[int, ...]


def run_together(
    programs: Sequence[Program],
    *,
    timeout_seconds: float,
    say: Callable[[str], None],
    may_fail: bool = False,
) -> Finish:
    """Runs programs at the same time, until all of them have ended.

    Args:
        programs: what to run.
        timeout_seconds: after this, or when one fails, all are ended.
        say: gets a line every 15 s.
        may_fail: whether an exit code other than 0 is an answer, not a failure.

    Returns:
        When and with what exit codes they ended.

    Raises:
        BenchmarkError: if a program failed or did not end in time; carries its last lines.
    """
    began = time.monotonic()
    running: list[tuple[Program, subprocess.Popen[bytes]]] = []
    try:
        for program in programs:
            running.append((program, program.start()))  # noqa: PERF401  each is to be ended even if the next fails
        return _wait(running, began, timeout_seconds, say, may_fail=may_fail)
    finally:
        for _, process in running:
            _end(process)


def _wait(
    running: Sequence[tuple[Program, subprocess.Popen[bytes]]],
    began: float,
    timeout_seconds: float,
    say: Callable[[str], None],
    *,
    may_fail: bool,
) -> Finish:
    names = " and ".join(program.name for program, _ in running)
    next_sign = _SIGN_OF_LIFE_SECONDS
    while True:
        codes = [process.poll() for _, process in running]
        seconds = time.monotonic() - began
        for (program, _), code in zip(running, codes, strict=True):
            if code and not may_fail:
                raise BenchmarkError(
                    f"{program.name} ended with exit code {code} after {seconds:.0f} s; "
                    f"it printed last:\n"
                    f"{program.tail()}"
                )
        ended = tuple(code for code in codes if code is not None)
        if len(ended) == len(running):
            return Finish(seconds, ended)
        if seconds > timeout_seconds:
            late = next(p for (p, _), code in zip(running, codes, strict=True) if code is None)
            raise BenchmarkError(
                f"{late.name} did not end within {timeout_seconds:.0f} s; it printed last:\n"
                f"{late.tail()}"
            )
        if seconds >= next_sign:
            say(f"{names}: {seconds:.0f} s")
            next_sign += _SIGN_OF_LIFE_SECONDS
        time.sleep(_POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends what is left of a program's process group."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=_STOP_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait(timeout=_STOP_GRACE_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
