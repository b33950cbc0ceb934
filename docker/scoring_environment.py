"""Builds the environment of scoring packages into the image that serves them.

Belongs here: one call, at image build time. Does not belong here: what the environment holds
(`weather_assets/scoring/requirements.txt`).
"""

import tempfile
from importlib import resources
from pathlib import Path

from weather_assets.adapters.scoring.environment import scoring_environment
from weather_assets.scoring.package import CONDA_FILE, conda_environment

if __name__ == "__main__":
    pins = (resources.files("weather_assets.scoring") / "requirements.txt").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        conda_file = Path(folder) / CONDA_FILE
        conda_file.write_text(conda_environment(pins), encoding="utf-8")
        scoring_environment(conda_file, on_progress=print)
