"""An archive lived through once more: retrained on a simulated clock, asked about what came next.

Belongs here: the clock, the policies, what is known when, and the skill that comes of it. Does not
belong here: how a retraining is run (`commands.replay`), or whether it is promoted (`judgement`).

Shapes: N rows, F features.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from weather_assets.contract.schema import Contract
from weather_assets.forecasting.data import LABEL_COLUMN, LabelledRows, feature_matrix
from weather_assets.foundation.documents import read_json
from weather_assets.monitoring.replayed import Step
from weather_assets.reconciliation.retraining import LOST_SKILL

_PERIOD = re.compile(r"(\d+)\s*([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
EVERY, ONCE, ORACLE = "every", "once", "oracle"


class ReplayError(ValueError):
    """An archive cannot be lived through as asked. The message says why, and what is allowed."""


def parse_period(text: str) -> timedelta:
    """Returns a period such as `1w`, `36h` or `90d`.

    Raises:
        ReplayError: if it is none, or 0.
    """
    found = _PERIOD.fullmatch(text.strip())
    if found is None or int(found[1]) == 0:
        raise ReplayError(
            f"{text!r} is no period; give a number above 0 of h, d or w, such as 1w or 90d"
        )
    return int(found[1]) * _UNITS[found[2]]


def parse_time(text: str) -> datetime:
    """Returns a time in ISO 8601, UTC where it has no offset.

    Raises:
        ReplayError: if it is none.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ReplayError(f"{text!r} is no time in ISO 8601, such as 2013-07-01") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


@dataclass(frozen=True, slots=True)
class Policy:
    """When to retrain, and what answers.

    Attributes:
        name: as the user gave it.
        period: shortest time between two retrainings; None for one retraining, at the start.
        is_gated: whether only what was promoted answers. An oracle serves every candidate.
        on_loss: whether to retrain only where live skill is lost.
    """

    name: str
    period: timedelta | None
    is_gated: bool = True
    on_loss: bool = False

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Returns one of the policies by name, or one that retrains every so often.

        Raises:
            ReplayError: if it is none of these.
        """
        if text == ONCE:
            return cls(text, None)
        if text in (EVERY, ORACLE):
            return cls(text, timedelta(0), is_gated=text == EVERY)
        if text == LOST_SKILL:
            return cls(text, timedelta(0), on_loss=True)
        try:
            return cls(text, parse_period(text))
        except ReplayError:
            raise ReplayError(
                f"{text!r} is no policy; there are {EVERY}, {ONCE}, {ORACLE}, {LOST_SKILL}, and "
                "periods such as 4w, which retrain that often"
            ) from None

    def wants(self, now: datetime, last: datetime | None) -> bool:
        """Tells whether to retrain now, where it was last done at another time."""
        return last is None or (self.period is not None and now - last >= self.period)


@dataclass(frozen=True, slots=True)
class Archive:
    """Rows whose outcomes are known by now, in order of time.

    Attributes:
        rows: kept rows of a version of the processed data.
        times: of the rows, microseconds UTC, [N].
        contract: of the rows.
    """

    rows: pa.Table
    times: npt.NDArray[np.int64]
    contract: Contract

    @classmethod
    def read(cls, processed: Path) -> "Archive":
        """Reads a version of the processed rows.

        Args:
            processed: its folder.

        Raises:
            ReplayError: if its rows have no time.
        """
        contract = Contract.from_dict(read_json(processed / "contract.json"))
        if contract.timestamp is None:
            raise ReplayError(
                f"rows of contract {contract.name!r} have no time, so there is no order in which "
                "they could be lived through"
            )
        rows = pq.read_table(processed / "weather.parquet").sort_by(contract.timestamp.column)
        times = rows[contract.timestamp.column].cast(pa.int64()).to_numpy()
        return cls(rows, times, contract)

    def clock(
        self, begin: datetime | None, end: datetime | None, step: timedelta
    ) -> list[datetime]:
        """Returns the times of the steps: from the middle of the rows to their end, if not told.

        Raises:
            ReplayError: if no row lies between the two, or none before.
        """
        first = begin or _time(int(self.times[len(self.times) // 2]))
        last = end or _time(int(self.times[-1]))
        known, asked = self._count(first), self._count(last)
        if not 0 < known < asked:
            raise ReplayError(
                f"of {len(self.times)} rows from {_time(int(self.times[0])):%Y-%m-%d} to "
                f"{_time(int(self.times[-1])):%Y-%m-%d}, {known} are known at {first:%Y-%m-%d} and "
                f"{max(asked - known, 0)} come until {last:%Y-%m-%d}; there must be some of both"
            )
        count = -(-(last - first) // step)
        return [first + index * step for index in range(count + 1)]

    def known_at(self, now: datetime) -> pa.Table:
        """Returns what a raw file holds at a time: the contract's columns, nothing from later."""
        return self.rows.select(list(self.contract.header)).slice(0, self._count(now))

    def between(self, begin: datetime, end: datetime) -> LabelledRows:
        """Returns the rows that come after one time, up to another, with their outcomes."""
        first = self._count(begin)
        rows = self.rows.slice(first, self._count(end) - first)
        labels_N = rows[LABEL_COLUMN].to_numpy().astype(np.float64)
        return LabelledRows(feature_matrix(rows, self.contract), labels_N)

    def base_rate(self, now: datetime) -> float:
        """Returns the event's frequency in the rows that are known at a time."""
        known = self.rows[LABEL_COLUMN].slice(0, self._count(now))
        return float(pc.call_function("mean", [known]).as_py())

    def _count(self, now: datetime) -> int:
        return int(np.searchsorted(self.times, _micros(now), "right"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers at a time.

    Attributes:
        version: of the model.
        probabilities: of the event [N], for features [N, F].
    """

    version: str
    probabilities: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Retrained:
    """What came of a retraining.

    Attributes:
        outcome: `promoted`, `refused` or `failed`.
        seconds: that it took.
        answer: what answers now; None where nothing does yet.
    """

    outcome: str
    seconds: float
    answer: Answer | None


class Graph(Protocol):
    """What is retrained: each call is given what is known, as a raw file would hold it."""

    def is_due(self, known: pa.Table) -> bool:
        """Tells whether live skill is lost, or nobody can tell."""
        ...

    def retrain(self, known: pa.Table) -> Retrained:
        """Trains, judges, and promotes what passes."""
        ...


def relive(
    archive: Archive, policy: Policy, clock: Sequence[datetime], graph: Graph
) -> Iterator[Step]:
    """Yields what happens from tick to tick: retrained or not, then asked about the rows to come.

    Args:
        archive: what there was.
        policy: decides when to retrain.
        clock: the ticks, ascending.
        graph: what is retrained.
    """
    base_rate, last, answer = archive.base_rate(clock[0]), None, None
    for now, then in pairwise(clock):
        outcome, seconds, before, known = "", 0.0, answer, archive.known_at(now)
        is_due = policy.wants(now, last)
        if is_due and policy.on_loss and answer is not None:
            is_due = graph.is_due(known)
        if is_due:
            done = graph.retrain(known)
            outcome, seconds, answer, last = done.outcome, done.seconds, done.answer, now
        rows = archive.between(now, then)
        is_replaced = before and answer and before.version != answer.version and len(rows)
        yield Step(
            time=now,
            outcome=outcome,
            version="" if answer is None else answer.version,
            rows=len(rows),
            squared_error=_squared_error(answer, rows, base_rate),
            reference_error=_squared_error(None, rows, base_rate),
            former_error=_squared_error(before, rows, base_rate) if is_replaced else None,
            seconds=seconds,
        )


def _squared_error(answer: Answer | None, rows: LabelledRows, base_rate: float) -> float:
    """Returns the sum over rows; where nothing answers, the base rate stands for it."""
    if answer is None or not len(rows):
        return float(((base_rate - rows.labels_N) ** 2).sum())
    return float(((answer.probabilities(rows.features_NF) - rows.labels_N) ** 2).sum())


def _micros(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _time(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
