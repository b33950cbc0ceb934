"""What the person who gets a proposal must know: one sentence per doubt, and how grave it is.

Belongs here: the type alone. Does not belong here: any sentence.
"""

from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """What a person has to do about a note."""

    OPEN = "open"
    """Fill in what was left out: the proposal does not load before."""
    UNSURE = "unsure"
    """Check: this was chosen, and could be otherwise."""
    SAID = "note"
    """Know: beyond doubt, but not to be seen in the proposal."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to know about a proposal.

    Attributes:
        weight: what to do about it.
        subject: the table or key of the contract that it is about, such as `[columns.temp]`.
        sentence: what was seen, what was chosen and why.
    """

    weight: Weight
    subject: str
    sentence: str

    def line(self) -> str:
        """Returns the note as one line for the console."""
        return f"{self.weight.value:6} {self.subject}: {self.sentence}"
