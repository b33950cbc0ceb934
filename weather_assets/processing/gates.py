"""What a processed version must satisfy before anything may be made from it, as pure verdicts.

Belongs here: the rules, their limits and the sentence that a person reads. Does not belong here:
how counts come about (`accounting`), or how a verdict becomes an asset check (`defs`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as ds

from weather_assets.contract.schema import Contract, Kind
from weather_assets.processing.accounting import ProcessingReport
from weather_assets.processing.reasons import Reason
from weather_assets.processing.splitting import SPLITS

DEFAULT_REJECT_RATIO_LIMIT = 0.2
"""A file of which a fifth is unreadable is more likely the wrong file than a dirty one: of the four
real files in use, the dirtiest has 0.2 % such rows."""

STRUCTURAL_REASONS = frozenset({Reason.OUTCOME_MISSING, Reason.SPLIT_GAP})
"""Rows set aside for their place in time, not for what is in them."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A verdict on a processed version.

    Attributes:
        passed: whether things may go on.
        sentence: what was found, what is allowed, and what to do where it did not pass.
        numbers: what the verdict rests on.
    """

    passed: bool
    sentence: str
    numbers: Mapping[str, float | int | str] = field(default_factory=dict[str, float | int | str])


def evaluate_accounts(report: ProcessingReport) -> Gate:
    """Every row read is kept or rejected."""
    missing = report.rows_in - report.rows_kept - report.rows_rejected
    return Gate(
        passed=missing == 0,
        sentence=(
            f"{report.rows_in} rows read = {report.rows_kept} kept + "
            f"{report.rows_rejected} rejected" + (f", {missing} unaccounted for" if missing else "")
        ),
        numbers={
            "rows_in": report.rows_in,
            "rows_kept": report.rows_kept,
            "rows_rejected": report.rows_rejected,
        },
    )


def evaluate_reject_ratio(
    report: ProcessingReport, limit: float = DEFAULT_REJECT_RATIO_LIMIT
) -> Gate:
    """The share of rows that are wrong in themselves stays within a limit.

    Args:
        report: the counts.
        limit: highest share allowed, in [0, 1].
    """
    by_reason = report.counts.rejected_by_reason
    faulty = sum(count for reason, count in by_reason.items() if reason not in STRUCTURAL_REASONS)
    share = faulty / report.rows_in if report.rows_in else 1.0
    listing = ", ".join(f"{reason} {count}" for reason, count in by_reason.items()) or "none"
    advice = (
        "" if share <= limit else "; see rejected.parquet, and correct the file or the contract"
    )
    return Gate(
        passed=share <= limit,
        sentence=(
            f"{faulty} of {report.rows_in} rows ({share:.1%}) are faulty, at most {limit:.0%} may "
            f"be{advice}. Rejected rows by reason: {listing}"
        ),
        numbers={"faulty_share": share, "limit": limit, **by_reason},
    )


def evaluate_classes(report: ProcessingReport) -> Gate:
    """Both outcomes of the label occur in training, validation and test."""
    rows, positives = report.counts.rows_by_split, report.counts.positives_by_split
    one_sided = [split for split in SPLITS if positives[split] in (0, rows[split])]
    found = ", ".join(f"{split} {positives[split]} of {rows[split]}" for split in SPLITS)
    advice = (
        f"; {', '.join(one_sided)} would teach or show nothing: add rows, or change [split] in the "
        "contract"
        if one_sided
        else ""
    )
    return Gate(
        passed=not one_sided,
        sentence=f"rows with the event: {found}{advice}",
        numbers={
            **{f"{split}_rows": rows[split] for split in SPLITS},
            **{f"{split}_events": positives[split] for split in SPLITS},
        },
    )


def evaluate_bounds(weather: Path, contract: Contract) -> Gate:
    """Every value that was written lies within the contract's physical bounds.

    Reads the Parquet files themselves, so that it also holds Spark's work to account.

    Args:
        weather: the folder of Parquet parts.
        contract: columns and bounds.
    """
    table = ds.dataset(str(weather), format="parquet").to_table(
        columns=[column.name for column in contract.columns if column.kind is not Kind.CATEGORY]
    )
    outside: list[str] = []
    for column in contract.columns:
        if column.kind is Kind.CATEGORY or column.minimum is None or column.maximum is None:
            continue
        extremes = pc.call_function("min_max", [table[column.name]]).as_py()
        lowest, highest = extremes["min"], extremes["max"]
        if lowest is not None and not (column.minimum <= lowest and highest <= column.maximum):
            outside.append(
                f"{column.name} [{lowest}, {highest}] is not within "
                f"[{column.minimum}, {column.maximum}] {column.unit}"
            )
    return Gate(
        passed=not outside,
        sentence="; ".join(outside) or f"{table.num_columns} columns lie within physical bounds",
        numbers={"columns": table.num_columns, "rows": table.num_rows},
    )
