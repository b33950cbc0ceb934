"""What is known of an asset.

Belongs here: facts, as a reader of some orchestrator's log states them. Does not belong here: any
decision (`patience`, `plan`), or how the facts are read (`weather_assets.defs.recorded_facts`).

Moments are compared by the numbers that the log gave its entries, never by a clock, which may have
been moved. Only pauses are measured by a clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from weather_assets.reconciliation.retraining import Terms


class Ending(StrEnum):
    """How an attempt to make an asset ended that did not make it."""

    NOTHING = "nothing"
    """It succeeded and found nothing to make: a refused candidate makes no champion."""
    TRANSIENT = "transient"
    """It failed, and may go well another time."""
    PERMANENT = "permanent"
    """It failed, and the same input would fail again."""
    KILLED = "killed"
    """Its process died before it could say anything."""
    CANCELLED = "cancelled"
    """A person ended it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run that was to make an asset and did not.

    Attributes:
        number: of the log's entry that announced it.
        run_id: the run.
        ending: how it ended.
        ended_at: when, in seconds since the epoch.
        code_version: of the asset's code then; None where it is not known.
        by_hand: whether a person had asked for it.
    """

    number: int
    run_id: str
    ending: Ending
    ended_at: float
    code_version: str | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """The newest version of an asset.

    Attributes:
        number: of the log's entry about it.
        run_id: the run that made it.
        version: its data version.
        consumed: data version of each input that it was made of, by the input's key.
        code_version: of the code that made it.
        failed_checks: names of the blocking checks that it did not pass.
        is_unproven: whether its run ended before all its blocking checks had said anything.
    """

    number: int
    run_id: str
    version: str | None
    consumed: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    code_version: str | None = None
    failed_checks: tuple[str, ...] = ()
    is_unproven: bool = False


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """An asset, its newest version and what was tried.

    Attributes:
        key: its name.
        inputs: keys of what it is made of.
        code_version: of its code now.
        line: runs are planned by line: assets of one are made by one run, in their order.
        is_desired: whether it is made by itself; else only a sensor or a person makes it.
        made: its newest version; None where there is none.
        attempts: what did not make it, oldest first.
        unfinished: the runs that are to make it and have not ended.
        terms: on which inputs that are new are reason enough to make it; None where they always
            are.
    """

    key: str
    inputs: tuple[str, ...] = ()
    code_version: str | None = None
    line: str = ""
    is_desired: bool = True
    made: Made | None = None
    attempts: tuple[Attempt, ...] = ()
    unfinished: frozenset[str] = frozenset()
    terms: Terms | None = None
