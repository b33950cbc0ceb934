"""What a processed version must satisfy before anything may be made from it, as pure verdicts.

Belongs here: the rules and the sentence that a person reads. Does not belong here: their limits
(`contract.limits`), how counts come about (`accounting`), or how a verdict becomes an asset check
(`defs`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from weather_assets.contract.columns import Kind
from weather_assets.contract.limits import Limits
from weather_assets.contract.schema import Contract
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.comparing.splitting import SPLITS
from weather_assets.processing.parts.accounting import ProcessingReport

STRUCTURAL_REASONS = frozenset({Reason.DUPLICATE_ROW, Reason.OUTCOME_MISSING, Reason.SPLIT_GAP})
"""Rows set aside for where they stand, not for what is in them. (Of two files that overlap, every
common row comes twice, and nothing is wrong with it.)"""


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
    report: ProcessingReport, limits: Limits, examples: Sequence[str] = ()
) -> Gate:
    """The share of rows that are wrong in themselves stays within a limit.

    Args:
        report: the counts.
        limits: with the highest share allowed.
        examples: sentences on such rows, for the case that there are too many.
    """
    by_reason, limit = report.counts.rejected_by_reason, limits.reject_ratio
    faulty = sum(count for reason, count in by_reason.items() if reason not in STRUCTURAL_REASONS)
    share = faulty / report.rows_in if report.rows_in else 1.0
    listing = ", ".join(f"{reason} {count}" for reason, count in by_reason.items()) or "none"
    advice = "".join(f"\n  {example}" for example in examples) if share > limit else ""
    return Gate(
        passed=share <= limit,
        sentence=(
            f"{faulty} of {report.rows_in} rows ({share:.1%}) are faulty, at most "
            f"{100 * limit:g}% may be. Rejected rows by reason: {listing}{advice}"
        ),
        numbers={"faulty_share": share, "limit": limit, **by_reason},
    )


def evaluate_classes(report: ProcessingReport, limits: Limits) -> Gate:
    """Both outcomes of the label occur in training, validation and test, and often enough."""
    rows, positives = report.counts.rows_by_split, report.counts.positives_by_split
    found = ", ".join(f"{split} {positives[split]} of {rows[split]}" for split in SPLITS)
    rarer = {split: min(positives[split], rows[split] - positives[split]) for split in SPLITS}
    short = [split for split in SPLITS if rarer[split] < limits.minimum_class_rows]
    advice = ""
    if report.rows_kept < limits.minimum_rows:
        advice = (
            f"; {report.rows_kept} rows are too few to train on and to judge by, at least "
            f"{limits.minimum_rows} are needed: add rows"
        )
    elif sum(positives.values()) in (0, report.rows_kept):
        advice = "; all rows are of one kind, so there is nothing to learn: add rows of the other"
    elif short:
        advice = (
            f"; {', '.join(short)} would teach or show nothing with fewer than "
            f"{limits.minimum_class_rows} of either kind: add rows, or change [split] in the "
            "contract"
        )
    return Gate(
        passed=not advice,
        sentence=f"rows with the event: {found}{advice}",
        numbers={
            **{f"{split}_rows": rows[split] for split in SPLITS},
            **{f"{split}_events": positives[split] for split in SPLITS},
        },
    )


def evaluate_units(wrong_units: Sequence[str]) -> Gate:
    """No column is in another unit than the contract says, as far as its values can tell.

    Args:
        wrong_units: sentences on columns that are.
    """
    return _none_of(wrong_units, "no column contradicts its unit", "columns_in_another_unit")


def evaluate_label_copies(copies: Sequence[str]) -> Gate:
    """No feature is the label in other words.

    Args:
        copies: sentences on features that are.
    """
    fine = "no feature is the label in other words"
    return _none_of(copies, fine, "features_that_are_the_label")


def _none_of(found: Sequence[str], fine: str, number: str) -> Gate:
    return Gate(not found, "; ".join(found) or fine, {number: len(found)})


def evaluate_bounds(weather: Path, contract: Contract) -> Gate:
    """Every value that was written lies within the contract's physical bounds.

    Reads the Parquet files' own statistics, so that it also holds our work to account.

    Args:
        weather: the folder of Parquet parts.
        contract: columns and bounds.
    """
    bounded = [column for column in contract.columns if column.kind is not Kind.CATEGORY]
    extremes: dict[str, list[float]] = {column.name: [] for column in bounded}
    rows = 0
    for part in sorted(weather.glob("*.parquet")):
        metadata = pq.read_metadata(part)
        rows += metadata.num_rows
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for chunk in map(group.column, range(group.num_columns)):
                if chunk.path_in_schema in extremes:
                    extremes[chunk.path_in_schema] += _extremes(part, chunk)
    outside: list[str] = []
    for column in bounded:
        lowest, highest = (pick(extremes[column.name], default=None) for pick in (min, max))
        if lowest is None or highest is None or column.minimum is None or column.maximum is None:
            continue
        if not (column.minimum <= lowest and highest <= column.maximum):
            outside.append(
                f"{column.name} [{lowest}, {highest}] is not within "
                f"[{column.minimum}, {column.maximum}] {column.unit}"
            )
    return Gate(
        passed=not outside,
        sentence="; ".join(outside) or f"{len(bounded)} columns lie within physical bounds",
        numbers={"columns": len(bounded), "rows": rows},
    )


def _extremes(part: Path, chunk: pq.ColumnChunkMetaData) -> list[float]:
    """Returns lowest and highest value of a column in a row group; nothing where none is known."""
    found = chunk.statistics
    if found is not None and found.has_min_max:
        return [found.min, found.max]
    if found is not None and found.null_count == chunk.num_values:
        return []
    values = pq.read_table(part, columns=[chunk.path_in_schema])[chunk.path_in_schema]
    extremes = pc.call_function("min_max", [values]).as_py()
    return [value for value in extremes.values() if value is not None]
