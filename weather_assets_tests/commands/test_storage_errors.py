"""What cannot be written is said in one sentence, with what to do; nothing else is."""

import errno
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE
from weather_assets.cli import main
from weather_assets.commands.storage_errors import storage_advice, storage_problem

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "seattle-daily.csv.gz"


def of_errno(number: int, filename: str | None = "/data/x") -> OSError:
    return OSError(number, os.strerror(number), filename)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (of_errno(errno.ENOSPC), "/data/x cannot be used: no room is left there"),
        (of_errno(errno.EDQUOT), "no room is left there"),
        (of_errno(errno.ENOSPC, None), "a file cannot be used: no room"),
        (of_errno(errno.EROFS), "this user may not read or write there"),
        (of_errno(errno.EACCES), "this user may not read or write there"),
        (sqlite3.OperationalError("database or disk is full"), "no room is left there"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "may not read or write"),
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), "no room"),
    ],
)
def test_failures_of_writing_say_what_to_do(error: Exception, words: str) -> None:
    failed = RuntimeError("the step failed")
    failed.__cause__ = error
    told = storage_problem(failed)
    assert told is not None
    assert words in told
    assert told.endswith("What was published before is as it was; run again afterwards")


@pytest.mark.parametrize(
    "error",
    [
        of_errno(errno.ENOENT),
        of_errno(errno.EACCES, None),  # a port below 1024
        of_errno(errno.ECONNREFUSED, None),
        ValueError("the header lacks 'temp'"),
    ],
)
def test_other_failures_are_left_alone(error: Exception) -> None:
    assert storage_problem(error) is None


def test_what_another_process_said_is_understood() -> None:
    told = storage_advice("pip: ERROR: [Errno 28] No space left on device: '/cache/torch'")
    assert told is not None
    assert told.startswith("/cache/torch cannot be used: no room is left there")


def command(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the command where a file may have 100 kB, as on a disk that is nearly full."""
    return subprocess.run(
        [sys.executable, "-m", "weather_assets", *map(str, arguments)],
        env={**os.environ, **variables},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_full_disk_is_said_in_a_sentence_and_loses_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "raw").mkdir(parents=True)
    (root / "raw" / "weather.csv").write_text("kept\n")
    done = command("run", "--data", root)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "no room is left there: free some" in done.stderr
    assert (root / "raw" / "weather.csv").read_text() == "kept\n"


@pytest.mark.skipif(sys.platform == "darwin", reason="there is no /sys")
@pytest.mark.parametrize("words", [("run",), ("dev",), ("endpoint", "status")])
def test_a_data_root_that_cannot_be_made_is_said_in_a_sentence(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_ROOT_VARIABLE, "set by the command, and restored by this")
    done = CliRunner().invoke(main, [*words, "--data", "/sys/weather"])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit), "it was said, and did not break off"
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_home_that_cannot_be_written_is_no_hindrance() -> None:
    done = command("contract", "suggest", SAMPLE, HOME="/proc/self/nowhere", TMPDIR="/nowhere")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "[columns" in done.stdout
