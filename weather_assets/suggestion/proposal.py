"""A contract as far as a sample tells it: every part, and every doubt.

Belongs here: the type that `proposing` makes and `document` writes. Does not belong here: how any
part is found.
"""

from dataclasses import dataclass

from weather_assets.contract.schema import SplitMethod
from weather_assets.suggestion.labels import LabelChoice
from weather_assets.suggestion.measurements import LeftOut, ProposedColumn
from weather_assets.suggestion.notes import Note, Weight
from weather_assets.suggestion.time_column import TimeChoice


@dataclass(frozen=True, slots=True)
class Proposal:
    """A contract as far as the sample tells it.

    Attributes:
        name: identifier of the contract.
        file: what the sample is from.
        rows: how many rows were looked at.
        is_whole: whether these are all.
        markers: texts that mean a missing value.
        time: the timestamp.
        features: cyclic features of the time.
        station: column that says where; empty where there is none.
        label: what is to be forecast.
        split: how rows are to be divided.
        columns: one table each.
        ignored: columns that are not read.
        general: notes on the file as a whole and on parts that have no notes of their own.
    """

    name: str
    file: str
    rows: int
    is_whole: bool
    markers: tuple[str, ...]
    time: TimeChoice
    features: tuple[str, ...]
    station: str
    label: LabelChoice
    split: SplitMethod
    columns: tuple[ProposedColumn, ...]
    ignored: tuple[LeftOut, ...]
    general: tuple[Note, ...]

    @property
    def notes(self) -> tuple[Note, ...]:
        """Everything to know, what is open first."""
        found = [
            *self.general,
            *self.time.notes,
            *self.label.notes,
            *(note for column in self.columns for note in column.notes),
            *(column.note() for column in self.ignored),
        ]
        order = list(Weight)
        return tuple(sorted(found, key=lambda note: order.index(note.weight)))

    @property
    def is_open(self) -> bool:
        """Whether something must be filled in before the proposal loads."""
        return any(note.weight is Weight.OPEN for note in self.notes)
