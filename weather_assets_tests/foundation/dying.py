"""Processes of a test's own that say when they are ready, wait, and are killed.

Belongs here: running such a program. Does not belong here: what it does.
"""

import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager

READY = "ready"
WAIT = f"print({READY!r}, flush=True); import time; time.sleep(600)"
"""Ends such a program; what it has to do comes before."""


@contextmanager
def waiting(
    program: str, environment: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[str]]:
    """Yields a process that has run `program` and waits; it is killed at the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", f"{program}\n{WAIT}"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == READY
            yield process
        finally:
            process.kill()
