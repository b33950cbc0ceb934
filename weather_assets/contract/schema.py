"""The contract of a weather.csv: its columns, its label, and how its rows are divided.

Belongs here: what holds between columns, label, time and place; and whatever follows from a
contract alone (the feature list, a fingerprint). Does not belong here: one column by itself
(`columns`), how a contract is found or parsed (`loading`), or any data.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from typing import Any, Self

from weather_assets.contract.cells import fold_header, normalise_label
from weather_assets.contract.columns import (
    TIME_FEATURE_PERIODS,
    Column,
    ContractError,
    Feature,
    Kind,
    Timestamp,
)
from weather_assets.contract.limits import Limits


class SplitMethod(StrEnum):
    """How rows are divided into training, validation and test."""

    CHRONOLOGICAL = "chronological"
    """The newest rows test, behind a gap of the forecast lead. The older ones train, but for blocks
    of two days that recur at all seasons and validate."""
    HASH = "hash"
    """By a stable hash of the row's values, stratified by label: for rows without a time."""
    DAY_OF_MONTH = "day_of_month"
    """Days 1-16 train, 19-20 validate, 22-31 test, the days between are the gap: for composite
    years (TMY), whose months come from different years, so that time order would split seasons."""


OWN_COLUMNS = ("label_encoded", "split", "persistence", "row_hash")
"""Columns that `weather.parquet` has beside the contract's and the features of time."""


@dataclass(frozen=True, slots=True)
class Label:
    """What is to be forecast: either named categories, or a quantity above a threshold.

    Attributes:
        column: header of the column that the event is read from.
        positive: spellings that mean "the event happened"; case and runs of spaces do not matter.
        negative: spellings that mean "it did not".
        threshold: the event is a value strictly above this, in the column's unit.
        lead: how far ahead: the label of a row is what its station observes this much later.
        event: the event in words, for model cards and plots.
    """

    column: str
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    threshold: float | None = None
    lead: timedelta | None = None
    event: str = "rain"

    def __post_init__(self) -> None:
        """Refuse a label that is ambiguous or can never occur.

        Raises:
            ContractError: naming the label column and what is wrong.
        """
        where = f"label {self.column!r}"
        if (self.threshold is None) == (not self.positive and not self.negative):
            raise ContractError(
                f"{where}: give either positive and negative spellings, or a threshold"
            )
        if self.threshold is None and (not self.positive or not self.negative):
            raise ContractError(f"{where}: both positive and negative spellings are needed")
        both = {normalise_label(text) for text in self.positive} & {
            normalise_label(text) for text in self.negative
        }
        if both:
            raise ContractError(f"{where}: {sorted(both)} is both positive and negative")
        if self.lead is not None and self.lead <= timedelta(0):
            raise ContractError(f"{where}: the lead must be positive; found {self.lead}")


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of rows for training and validation; the rest is the test set.

    In time these are where the division starts from: a test set that would hold too little to
    decide takes more of the rows.

    Attributes:
        method: how rows are divided.
        train: share of rows that train, in (0, 1).
        validation: share of rows that choose between variants, epochs and thresholds.
    """

    method: SplitMethod = SplitMethod.CHRONOLOGICAL
    train: float = 0.65
    validation: float = 0.10

    def __post_init__(self) -> None:
        """Refuse shares that leave a split empty.

        Raises:
            ContractError: with the shares found.
        """
        if not (
            0 < self.train < 1 and 0 < self.validation < 1 and self.train + self.validation < 1
        ):
            raise ContractError(
                "split: train and validation must be positive and leave a share for the test set; "
                f"found train = {self.train}, validation = {self.validation}"
            )


@dataclass(frozen=True, slots=True)
class Contract:
    """What a weather.csv is.

    Attributes:
        name: short identifier, `[a-z0-9_]+`.
        title: one line for people.
        columns: every column that carries a measurement, a category or the label.
        label: what is to be forecast.
        timestamp: when a row was observed, or None.
        station: name of the category column that says where, or None.
        split: how rows are divided.
        missing_markers: cell texts that mean "not observed"; an empty cell always does.
        ignored: columns that the file has and that are not read.
        licence: licence of the data, where known.
        limits: what rows must reach. No part of what a model is trained for: they travel with no
            rows and no model, and two contracts that differ in them alone are equal.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    label: Label
    timestamp: Timestamp | None = None
    station: str | None = None
    split: Split = Split()
    missing_markers: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    licence: str = ""
    limits: Limits = field(default=Limits(), compare=False)

    def __post_init__(self) -> None:
        """Refuse a contract whose parts contradict one another.

        Raises:
            ContractError: naming the part, what was found and what is allowed.
        """
        names = [*self.header, *self.ignored]
        folded = [fold_header(name) for name in names]
        twice = sorted({name for name in names if folded.count(fold_header(name)) > 1})
        if twice:
            raise ContractError(f"contract {self.name!r}: columns named more than once: {twice}")
        taken = sorted(set(TIME_FEATURE_PERIODS) & set(self.header))
        if taken and self.timestamp is not None and set(taken) & set(self.timestamp.features):
            raise ContractError(f"contract {self.name!r}: columns {taken} clash with time features")
        if not self.features:
            raise ContractError(f"contract {self.name!r}: no column is a feature")
        self._check_label()
        self._check_time_and_place()

    def _check_label(self) -> None:
        column = self.find(self.label.column)
        if self.label.threshold is not None and (column is None or column.kind is not Kind.NUMERIC):
            raise ContractError(
                f"contract {self.name!r}: a label with a threshold needs a numeric column "
                f"{self.label.column!r} among {sorted(column.name for column in self.columns)}"
            )
        if column is not None and column.feature and self.label.lead is None:
            raise ContractError(
                f"contract {self.name!r}: column {self.label.column!r} is label and feature at the "
                "same time, which gives the answer away; set feature = false or give a lead"
            )
        if self.label.lead is not None and self.timestamp is None:
            raise ContractError(f"contract {self.name!r}: a label with a lead needs a timestamp")

    def _check_time_and_place(self) -> None:
        if self.split.method is not SplitMethod.HASH and self.timestamp is None:
            raise ContractError(
                f"contract {self.name!r}: split {self.split.method.value!r} needs a timestamp; "
                "without one use split method 'hash'"
            )
        if self.station is not None:
            column = self.find(self.station)
            if column is None or column.kind is not Kind.CATEGORY or not column.required:
                raise ContractError(
                    f"contract {self.name!r}: station {self.station!r} must be a required category "
                    "column"
                )
        if self.timestamp is not None and self.find(self.timestamp.column) is not None:
            raise ContractError(
                f"contract {self.name!r}: the timestamp {self.timestamp.column!r} is not a "
                "measurement; take it out of columns"
            )

    @property
    def missing_texts(self) -> frozenset[str]:
        """Every trimmed cell that means "not observed"."""
        return frozenset(("", *self.missing_markers))

    @property
    def header(self) -> tuple[str, ...]:
        """Every column that a file must have, each once: timestamp, columns, label."""
        names = [column.name for column in self.columns]
        if self.timestamp is not None:
            names.insert(0, self.timestamp.column)
        if self.label.column not in names:
            names.append(self.label.column)
        return tuple(names)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every column that a forecast is made from, in the order of `header`."""
        read = {column.name for column in self.columns if column.feature}
        if self.timestamp is not None and self.timestamp.features:
            read.add(self.timestamp.column)
        return tuple(name for name in self.header if name in read)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What the network takes, in order: feature columns as declared, then time features."""
        from_columns = tuple(
            Feature(**{each.name: getattr(column, each.name) for each in fields(Feature)})
            for column in self.columns
            if column.feature
        )
        if self.timestamp is None:
            return from_columns
        from_time = tuple(
            Feature(name, Kind.CIRCULAR, unit, lowest, highest, period)
            for name in self.timestamp.features
            for lowest, highest, period, unit in (TIME_FEATURE_PERIODS[name],)
        )
        return from_columns + from_time

    def find(self, name: str | None) -> Column | None:
        """Returns the column called `name`; None for the timestamp, a pure label, and no name."""
        return next((column for column in self.columns if column.name == name), None)

    def column(self, name: str) -> Column:
        """Returns the column called `name`.

        Raises:
            KeyError: if the contract declares no such measurement column.
        """
        if (found := self.find(name)) is None:
            raise KeyError(name)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Returns a JSON-ready description without limits; `from_dict` is its inverse."""
        description = asdict(self)
        del description["limits"]
        lead = self.label.lead
        description["label"]["lead"] = None if lead is None else lead.total_seconds()
        return description

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Self:
        """Returns the contract that `to_dict` described (also after a trip through JSON)."""
        told = _with_tuples(description, "missing_markers", "ignored")
        label, lead = _with_tuples(told["label"], "positive", "negative"), told["label"]["lead"]
        label["lead"] = None if lead is None else timedelta(seconds=lead)
        columns = [_with_tuples(column, "categories") for column in told["columns"]]
        timestamp, split = told["timestamp"], dict(told["split"])
        told["label"] = Label(**label)
        for each in columns:
            each["kind"] = Kind(each["kind"])
        told["columns"] = tuple(Column(**each) for each in columns)
        if timestamp is not None:
            told["timestamp"] = Timestamp(**_with_tuples(timestamp, "features"))
        split["method"] = SplitMethod(split["method"])
        told["split"] = Split(**split)
        return cls(**told)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides what rows and features come out, as hex.

        Words for people (titles, reasons, sources) are left out: correcting one retrains nothing.
        """
        description = self.to_dict()
        for key in ("name", "title", "licence"):
            del description[key]
        del description["label"]["event"]
        for column in description["columns"]:
            for key in ("quantity", "reason", "source"):
                del column[key]
        canonical = json.dumps(description, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _with_tuples(description: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Returns a description with tuples in the place of JSON's lists."""
    return {**description, **{key: tuple(description[key]) for key in keys}}
