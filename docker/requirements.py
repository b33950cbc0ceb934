"""Prints what an image installs, from pyproject.toml: `requirements.py ranks|platform|engine`.

Belongs here: which part of the project's requirements an image needs. Does not belong here:
versions (requirements.lock).
"""

import sys
import tomllib
from pathlib import Path


def requirements(image: str) -> list[str]:
    """Returns requirement lines.

    Args:
        image: `ranks` for the PyTorch image, `engine` for the guard's, `platform` for the one that
            runs everything else.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    groups = {**project["dependency-groups"], "platform": project["project"]["dependencies"]}
    return groups[image]


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(sys.argv[1])) + "\n")
