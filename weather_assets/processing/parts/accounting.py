"""Every row accounted for: what was read, kept and set aside.

Belongs here: counting, and the report of one run. Does not belong here: judging the counts (the
asset checks do).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


class RowsUnaccountedFor(RuntimeError):  # noqa: N818  the name says what happened
    """Rows read are not rows kept plus rows rejected: a defect of this program, not of the data."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows after processing.

    Attributes:
        kept: rows without a fault.
        rejected: rows with a fault.
        rejected_by_reason: rejected rows per reason code; codes that do not occur are left out.
        rejected_by_column: rejected rows per faulty column, where one is at fault.
        rows_by_split: kept rows per split; every split is present.
        positives_by_split: kept rows per split whose label is 1.
        missing_by_column: kept rows per contract column in which that column is missing.
    """

    kept: int
    rejected: int
    rejected_by_reason: Mapping[str, int]
    rejected_by_column: Mapping[str, int]
    rows_by_split: Mapping[str, int]
    positives_by_split: Mapping[str, int]
    missing_by_column: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ProcessingReport:
    """What one run of the pipeline did.

    Attributes:
        contract: name of the contract.
        contract_fingerprint: its fingerprint.
        files: names of the raw files, sorted.
        rows_in: records read; headers and blank lines are none.
        counts: what became of them.
        missing_share: per contract column, the share of kept rows in which it is missing; 0 where
            no row was kept.
        warnings: what was mended or left out, one sentence each.
        seconds: wall-clock seconds per stage; some stages run side by side.
    """

    contract: str
    contract_fingerprint: str
    files: tuple[str, ...]
    rows_in: int
    counts: Counts
    missing_share: Mapping[str, float]
    warnings: tuple[str, ...]
    seconds: Mapping[str, float]

    @property
    def rows_kept(self) -> int:
        """Rows in `weather.parquet`."""
        return self.counts.kept

    @property
    def rows_rejected(self) -> int:
        """Rows in `rejected.parquet`."""
        return self.counts.rejected

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as JSON-ready values."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, description: Mapping[str, Any]) -> Self:
        """Returns the report that `to_dict` described."""
        fields: dict[str, Any] = {**description, "counts": Counts(**description["counts"])}
        for key in ("files", "warnings"):
            fields[key] = tuple(fields[key])
        return cls(**fields)
