"""Log files that processes write and people read.

Belongs here: adding a line, and the last lines. Does not belong here: what is logged.
"""

from pathlib import Path

_LONGEST_LINE = 1024
"""Bytes of a line, on the average of those that are asked for."""


def add_line(log: Path, line: str) -> None:
    """Adds a line to a log file, which is made where it is missing."""
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def tail_of(log: Path, lines: int) -> str:
    """Returns the last lines of a log file; "" where there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _LONGEST_LINE * lines))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
