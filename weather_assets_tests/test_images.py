"""The images get the files that they run: the stages' COPY lines follow the moves of modules."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
STAGE = "scoring-environment"
PROGRAM = """
import weather_assets
import weather_assets.adapters.scoring.environment
import weather_assets.scoring.package
print(weather_assets.__file__)
"""
"""What the stage's own program imports, without what it builds."""


def copied(stage: str, place: Path) -> None:
    """Copies into a folder what a stage copies of the package."""
    text = (REPOSITORY / "docker" / "Dockerfile").read_text("utf-8")
    body = re.split(rf"^FROM .* AS {stage}$", text, flags=re.MULTILINE)[1].split("\nFROM ")[0]
    for line in re.findall(r"^COPY (weather_assets/.*)$", body, re.MULTILINE):
        *sources, target = line.split()
        for source in map(REPOSITORY.joinpath, sources):
            if source.is_dir():
                shutil.copytree(source, place / target)
            else:
                (place / target).mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, place / target)


def test_the_scoring_environment_is_built_from_what_its_stage_copies(tmp_path: Path) -> None:
    copied(STAGE, tmp_path)
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)
