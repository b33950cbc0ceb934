"""The README's example is deployed and answers."""

import os
import subprocess
import sys
from pathlib import Path

import weather_assets.local_azure
from weather_assets.local_azure import daemon

PROGRAM = Path(weather_assets.local_azure.__file__).parent / "example" / "deploy.py"


def test_the_example_answers(simulator_state: Path, tmp_path: Path) -> None:
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-P", str(PROGRAM)],
        env={**kept, "HOME": str(tmp_path), **daemon.read_environment(simulator_state)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.splitlines()[-1] == '200 {"product": 42.0}'
