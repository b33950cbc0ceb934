"""Every command that a README shows is typed into a shell, in order, on a copy of the repository.

Run by `make readme-test`. What cannot be run here is left to the target that does run it: `make` to
`.ci/run`, and docker/README.md to the container tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from weather_assets_tests.readmes import REPOSITORY, commands, files_of_the_repository, readmes

ELSEWHERE = ("make ", "git clone ")
"""Beginnings of commands that `.ci/run` runs as its own steps, and of the clone itself."""
ON_CONTAINERS = Path("docker/README.md")
SECONDS = 300
BASH = shutil.which("bash") or "bash"
BLOCKS = [
    pytest.param(readme.path, number, block, id=f"{readme.path}-{number}")
    for readme in readmes()
    if readme.path != ON_CONTAINERS
    for number, block in enumerate(readme.shell_blocks)
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a newcomer has after `make run`, with a smaller sample: where all commands run."""
    place = tmp_path_factory.mktemp("clone") / "weather_assets"
    for name in files_of_the_repository():
        if (REPOSITORY / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, place / name, follow_symlinks=False)
    (place / ".venv").symlink_to(Path(sys.prefix))
    sample = "--serve --sample data/samples/seattle-daily.csv.gz"
    shell(f".venv/bin/weather-assets run {sample}", place)
    return place


def shell(command: str, place: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEATHER_")}
    done = subprocess.run(
        [BASH, "-euo", "pipefail", "-c", command],
        cwd=place,
        env=kept,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}"


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("path", "number", "block"), BLOCKS)
def test_a_block_runs(path: Path, number: int, block: str, copy: Path) -> None:
    del path, number
    typed = [each for each in commands(block) if not each.startswith(ELSEWHERE)]
    shell("\n".join(typed) or "true", copy)


def test_local_azure_is_stopped_at_the_end(copy: Path) -> None:
    for state in copy.glob("*/local-azure"):
        shell(f".venv/bin/weather-assets local-azure stop --state {state}", copy)
