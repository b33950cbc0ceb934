"""What a stage has seen of the candidate: answers to probes, and the service's own counts.

Belongs here: the evidence as values, and what makes a single answer a good one. Does not belong
here: how it is gathered (`watch`), or what follows from it (`stage_verdict`).

A probe is one request about held-out rows with known outcomes, sent to both slots by name, so that
candidate and champion answer about the same weather at the same time.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back of one request.

    Attributes:
        status: HTTP status; 0 where there was no answer at all.
        seconds: from sending to the last byte, or to giving up.
        probabilities: the forecast of each row; None where there is none to be read. An element
            may be NaN or out of range: `fault` says so.
        deployment: who answered, by the service's header; empty where it does not say.
        problem: what the answer says is wrong, in words; empty where nothing is.
    """

    status: int
    seconds: float
    probabilities: tuple[float, ...] | None
    deployment: str = ""
    problem: str = ""

    def fault(self, rows: int) -> str:
        """Returns what is wrong with it as an answer about so many rows; empty where it is good.

        Args:
            rows: number of rows asked about.
        """
        if self.status == 0:
            return f"no answer: {self.problem or 'the connection failed'}"
        if self.status != 200:
            return f"HTTP {self.status}: {self.problem or 'no reason given'}"
        if self.probabilities is None:
            return f"no probabilities: {self.problem or 'the answer cannot be read'}"
        if len(self.probabilities) != rows:
            return f"{len(self.probabilities)} probabilities for {rows} rows"
        for number in self.probabilities:
            if math.isnan(number) or not 0.0 <= number <= 1.0:
                return f"a probability of {number}, where 0 to 1 is possible"
        return ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One request, asked of both slots.

    Attributes:
        rows: indices into the probe set.
        outcomes: what was observed at these rows, 0 or 1.
        champion: the answer of the slot that serves; None where nothing to compare with serves.
        candidate: the answer of the candidate's slot.
    """

    rows: tuple[int, ...]
    outcomes: tuple[int, ...]
    champion: Reply | None
    candidate: Reply

    @property
    def candidate_fault(self) -> str:
        """What is wrong with the candidate's answer; empty where it is good."""
        return self.candidate.fault(len(self.rows))

    @property
    def champion_fault(self) -> str:
        """What is wrong with the champion's answer; empty where it is good or was not asked."""
        return "" if self.champion is None else self.champion.fault(len(self.rows))


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """The first valid answers about one row; the champion's is None where none was asked."""

    outcome: int
    candidate: float
    champion: float | None


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """A deployment's requests by the service's own count.

    Attributes:
        requests: all of them, live, mirrored and pinned.
        errors: those that were not answered with success.
    """

    requests: int
    errors: int


@dataclass(frozen=True, slots=True)
class ProbeSet:
    """Held-out rows with known outcomes, in request form.

    Attributes:
        rows: raw readings as a request carries them; at least one.
        outcomes: 1 where the event followed, otherwise 0; as many as rows.
        base_rate: share of the training rows with the event, the forecast of climatology; in
            (0, 1).
    """

    rows: tuple[Mapping[str, object], ...]
    outcomes: tuple[int, ...]
    base_rate: float

    def __post_init__(self) -> None:
        """Refuse rows that cannot show skill.

        Raises:
            ValueError: naming what is wrong and what is allowed.
        """
        if not self.rows or len(self.rows) != len(self.outcomes):
            raise ValueError(
                f"a probe set needs rows and one outcome for each; found {len(self.rows)} rows and "
                f"{len(self.outcomes)} outcomes"
            )
        if not set(self.outcomes) <= {0, 1}:
            raise ValueError(f"outcomes of a probe set are 0 or 1; found {set(self.outcomes)}")
        if not 0.0 < self.base_rate < 1.0:
            raise ValueError(
                f"base_rate of a probe set must lie between 0 and 1; found {self.base_rate}"
            )

    @property
    def climatology_score(self) -> float:
        """Brier score of the base rate on all rows: the unit of skill. Positive."""
        return sum((self.base_rate - outcome) ** 2 for outcome in self.outcomes) / len(self.rows)


@dataclass(frozen=True, slots=True)
class StageEvidence:
    """All that one stage has seen.

    Attributes:
        probes: in the order they were sent. Rows are drawn at random without replacement until
            all were asked; after that they may be asked again.
        probe_set_rows: rows in the whole probe set.
        base_rate: the forecast of climatology.
        climatology_score: Brier score of the base rate on the whole probe set.
        elapsed_seconds: since the stage began.
        bake_seconds: least time in this stage.
        candidate_live: the service's count for the candidate since the stage began; None where
            there is none.
        champion_live: the same for the serving slot, also from before the stage, so that it is
            known how often requests fail for reasons of their own.
        routed: answers to requests that were left to the traffic, so that mirror and canary see
            requests also where live traffic is thin.
        candidate_slot: the candidate's slot.
        interruptions: what kept evidence from being gathered, latest last.
    """

    probes: tuple[Probe, ...]
    probe_set_rows: int
    base_rate: float
    climatology_score: float
    elapsed_seconds: float
    bake_seconds: float
    candidate_live: LiveCounts | None = None
    champion_live: LiveCounts | None = None
    routed: tuple[Reply, ...] = ()
    candidate_slot: str = ""
    interruptions: tuple[str, ...] = ()

    @property
    def has_champion(self) -> bool:
        """Whether any probe was asked of a slot that serves."""
        return any(probe.champion is not None for probe in self.probes)

    def compared_rows(self) -> list[ComparedRow]:
        """Returns each row once, by its first valid answers (of both, if both were asked).

        A row asked again says nothing new, and the tests are about draws without replacement.
        """
        rows: dict[int, ComparedRow] = {}
        for probe in self.probes:
            if probe.candidate_fault or probe.champion_fault:
                continue
            own = probe.candidate.probabilities or ()
            theirs: Sequence[float | None] = (
                [None] * len(own) if probe.champion is None else probe.champion.probabilities or ()
            )
            answers = zip(probe.rows, probe.outcomes, own, theirs, strict=True)
            for row, outcome, mine, other in answers:
                rows.setdefault(row, ComparedRow(outcome, mine, other))
        return list(rows.values())
