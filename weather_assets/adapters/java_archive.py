"""A class-data archive for Spark: Java classes of a short run, parsed and verified beforehand.

Belongs here: making the archive of this environment, and the Java options that use it. Does not
belong here: any other setting of a session (`spark_session`).

An embedded session loads some 15,000 classes, and most of the time of a run over a small file goes
into that: with the archive, a first run took 16 s of processor time instead of 23, on 2 cores.
Java checks by itself that an archive fits its version and its jars, and goes on without it where it
does not. See JEP 350, "Dynamic CDS Archives".
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from weather_assets.foundation.process_guard import guarded

ARCHIVE = Path("share") / "weather_assets" / "spark.jsa"
"""Below the root of the virtual environment, whose jars it fits and with which it is removed."""
RUN_MODULE = "weather_assets.adapters.java_archive_run"
BUILD_SECONDS = 600.0
_LOG_TAIL_LINES = 15
QUIET = "-Xlog:disable -Xlog:all=error:stderr"
"""An archive that does not fit any more is no news to a user: Java works without it."""


class JavaArchiveError(RuntimeError):
    """The archive could not be made. Everything works without it, only slower to start."""


def archive_path() -> Path:
    """Returns where the archive of this environment lies, or would."""
    return Path(sys.prefix) / ARCHIVE


def archive_options() -> tuple[str, ...]:
    """Returns the Java options that use the archive; none where there is no archive."""
    path = archive_path()
    return (f"-XX:SharedArchiveFile={path}", QUIET) if path.is_file() else ()


def build_archive() -> Path:
    """Makes the archive from what a small run loads; takes about a minute on 2 cores, 180 MB.

    Returns:
        The archive, complete; what was there before is replaced.

    Raises:
        JavaArchiveError: if the run failed; has its last lines.
    """
    target = archive_path()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".archive-", dir=target.parent) as scratch:
        made = Path(scratch) / target.name
        command = (sys.executable, "-m", RUN_MODULE, str(made))
        try:
            done = subprocess.run(
                guarded(command),
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=BUILD_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise JavaArchiveError(
                f"the class-data archive was not made within {BUILD_SECONDS:g} s"
            ) from None
        if done.returncode != 0 or not made.is_file():
            tail = "\n  ".join(done.stdout.splitlines()[-_LOG_TAIL_LINES:])
            raise JavaArchiveError(
                "the class-data archive could not be made (see `weather-assets doctor` for Java); "
                f"everything works without it. Last lines:\n  {tail}"
            )
        made.replace(target)
    return target
