"""Draws the README's picture of the asset graph, from Dagster's UI in a headless Chromium.

    weather-assets dev --port 3000                               (in another shell)
    python -m weather_assets_tests.readme.picture http://127.0.0.1:3000

Belongs here: which page, and how large. Does not belong here: anything that is tested.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURE = Path(__file__).with_name("asset-graph.png")
GROUPS = ("observations", "monitoring", "training", "serving")
SIZE = "2300,760"
SECONDS = 120


def draw(address: str, target: Path) -> None:
    """Writes the picture of a running UI.

    Args:
        address: of Dagster's web server, such as `http://127.0.0.1:3000`.
        target: the PNG file to write.

    Raises:
        FileNotFoundError: there is no Chromium on the PATH.
    """
    browser = shutil.which("chromium")
    if browser is None:
        raise FileNotFoundError("there is no chromium on the PATH; install it")
    expanded = ",".join(f"global@global:{group}" for group in GROUPS)
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                f"--user-data-dir={profile}",
                f"--window-size={SIZE}",
                "--virtual-time-budget=20000",
                f"--screenshot={target}",
                f"{address}/asset-groups?expanded={expanded}",
            ],
            check=True,
            timeout=SECONDS,
        )


if __name__ == "__main__":
    draw(sys.argv[1], PICTURE)
