"""What can be decided about an asset.

Belongs here: the decisions and their names. Does not belong here: how one is come to (`patience`,
`plan`).
"""

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """What is to be done about an asset."""

    MAKE = "make"
    UP_TO_DATE = "up to date"
    WAITS = "waits"
    """Its input is new, and that is not yet reason enough, by the terms that were set for it."""
    HELD = "held"
    """By what is being made, or by inputs that are missing, refused or not of one piece."""
    PAUSE = "pause"
    """A failure that may heal is tried again, but not yet."""
    REST = "rest"
    """What would fail again waits for something new."""
    OPEN = "breaker open"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided about an asset, and why."""

    step: Step
    sentence: str = ""
