"""Writes requirements.lock from pyproject.toml: `make lock`.

Belongs here: one resolution for every supported Python and platform. Does not belong here: choosing
versions by hand.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CUDA = re.compile(r"^(nvidia|cuda|triton)[a-z0-9-]*==")
HEADER = """\
# Written by `make lock` from pyproject.toml; do not edit. One lock for every environment but the
# scoring server's, whose pins clash with it (weather_assets/scoring/requirements.txt).
"""


def main() -> None:
    """Resolves, leaves CUDA out, writes the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--universal"]
    command += ["--python-version", "3.11", "--no-emit-index-url", "--no-annotate", "--no-header"]
    resolved = subprocess.run(
        command,
        input="\n".join(wanted),
        text=True,
        check=True,
        stdout=subprocess.PIPE,
        timeout=600,
        # Local wheels are of one platform; the lock is for all.
        env={key: value for key, value in os.environ.items() if key != "UV_FIND_LINKS"},
    ).stdout
    pins = [line for line in resolved.splitlines() if not CUDA.match(line)]
    (ROOT / "requirements.lock").write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
