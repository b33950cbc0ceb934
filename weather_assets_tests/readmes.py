"""What the READMEs of this repository say: their code blocks, and what they name.

Belongs here: taking a README apart. Does not belong here: what must hold for the parts
(`test_readmes`), or running commands (`readme/test_commands`).
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
GIT = shutil.which("git") or "git"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)#\s]+)\)")
_VARIABLE = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


@dataclass(frozen=True, slots=True)
class Readme:
    """One README.

    Attributes:
        path: relative to the repository.
        text: all of it.
    """

    path: Path
    text: str

    @property
    def shell_blocks(self) -> list[str]:
        """The blocks that are to be typed into a shell."""
        return [body for language, body in _BLOCK.findall(self.text) if language == "sh"]

    @property
    def quoted(self) -> set[str]:
        """What stands in backticks within a line."""
        return set(_QUOTED.findall(_BLOCK.sub("", self.text)))

    @property
    def links(self) -> set[str]:
        """Targets of links, web addresses left out."""
        found = set(_LINK.findall(_BLOCK.sub("", self.text)))
        return {link for link in found if "://" not in link}

    @property
    def variables(self) -> set[str]:
        """Environment variables: words in capitals with an underline, quoted or in a block."""
        places = [*self.quoted, *(body for _, body in _BLOCK.findall(self.text))]
        return {name for place in places for name in _VARIABLE.findall(place)}


def files_of_the_repository(*patterns: str) -> list[Path]:
    """Returns the files that are, or would be, under version control; relative paths."""
    command = [GIT, "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    return [Path(name) for name in sorted(listed.stdout.splitlines())]


def readmes() -> list[Readme]:
    """Returns every README of the repository."""
    found = files_of_the_repository("*README.md")
    return [Readme(name, (REPOSITORY / name).read_text("utf-8")) for name in found]


def commands(block: str) -> list[str]:
    """Returns the commands of a shell block: lines, those that go on in the next one joined."""
    joined = block.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and line[0] != "#"]
