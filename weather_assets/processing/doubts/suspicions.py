"""What looks wrong with rows that are valid one by one: sentinels, repetitions, odd times, leaks.

Belongs here: looking at kept rows together, in `weather.parquet`, for what a person should know.
Does not belong here: faults of single rows (`validation`), units (`units`), or what becomes of a
suspicion (`gates`). `leaks`, `units` and `moisture` do the looking for what is theirs.

Looks at about `MAXIMUM_ROWS` rows: plenty for a share of one in a thousand, and some 0.1 s.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from weather_assets.contract.cells import SENTINELS
from weather_assets.contract.columns import Column, Kind
from weather_assets.contract.quantities import MINIMUM_VALUES
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.processing.cells.reasons import Reason
from weather_assets.processing.doubts.explanations import numbers_out_of_bounds
from weather_assets.processing.doubts.leaks import find_leak
from weather_assets.processing.doubts.moisture import misfit_of_temperatures
from weather_assets.processing.doubts.units import (
    UnitFinding,
    knots_in_another_unit,
    misfits_in_bounds,
    misfits_out_of_bounds,
)
from weather_assets.processing.files.layouts import Layout
from weather_assets.processing.parts.accounting import ProcessingReport
from weather_assets.processing.pipeline import REJECTED, STATISTICS, WEATHER

MAXIMUM_ROWS = 200_000
_PARTS_LOOKED_AT = 8

_SENTINEL_ROWS, _SENTINEL_FACTOR = 5, 5
_NEIGHBOURHOOD = 2.0
_MANY_DUPLICATES = 0.1
_TYPICAL_SHARE = 0.005
_FUTURE = timedelta(days=2)
"""Beyond clocks, time zones and files made ahead of local midnight."""

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Suspicions:
    """What looks wrong with a processed version, one sentence each.

    Attributes:
        warnings: what a person should look at.
        wrong_units: columns whose values cannot be in the contract's unit.
        label_copies: features that are the label in other words.
    """

    warnings: tuple[str, ...] = ()
    wrong_units: tuple[str, ...] = ()
    label_copies: tuple[str, ...] = ()


def suspicions_of(
    folder: Path,
    report: ProcessingReport,
    layouts: Sequence[Layout],
    contract: Contract,
    now: datetime,
) -> Suspicions:
    """Looks for what is wrong with rows that were processed.

    Args:
        folder: what `pipeline.process` wrote.
        report: what it returned.
        layouts: the raw files.
        contract: columns, label and time.
        now: rows from after this are from the future.
    """
    parts = sorted((folder / WEATHER).glob("*.parquet"))
    table, is_sample = _rows_of(parts)
    values = {column.name: _values(table[column.name], column) for column in contract.columns}
    units = _units(folder, report, layouts, contract, values)
    events = np.asarray(table["label_encoded"].to_numpy()) == 1
    leaks = [
        leak
        for column in contract.columns
        if column.feature and (leak := find_leak(column, values[column.name], events)) is not None
    ]
    if contract.timestamp is None:
        of_rows = _repetitions(table, contract)
    else:
        times = _microseconds(table[contract.timestamp.column])
        outermost = _outermost(parts, contract.timestamp.column) if is_sample else None
        of_rows = _odd_times(times, outermost, now)
    return Suspicions(
        warnings=(
            *_duplicates(report),
            *(unit.sentence for unit in units if not unit.is_certain),
            *(leak.sentence for leak in leaks if not leak.is_copy),
            *(
                sentence
                for column in contract.columns
                if column.name != contract.station
                for sentence in _of_column(column, values[column.name])
            ),
            *of_rows,
        ),
        wrong_units=tuple(unit.sentence for unit in units if unit.is_certain),
        label_copies=tuple(leak.sentence for leak in leaks if leak.is_copy),
    )


def _rows_of(parts: Sequence[Path]) -> tuple[pa.Table, bool]:
    """Returns the rows of parts, or the first of some parts between the first one and the last."""
    counts = [pq.read_metadata(part).num_rows for part in parts]
    if sum(counts) <= MAXIMUM_ROWS:
        return pa.concat_tables(pq.read_table(part) for part in parts), False
    step = min(math.ceil(sum(counts) / MAXIMUM_ROWS), max(1, len(parts) // _PARTS_LOOKED_AT))
    chosen = sorted({*parts[::step], parts[-1]})
    quota = math.ceil(MAXIMUM_ROWS / len(chosen))
    heads = (ds.dataset(str(part), format="parquet").head(quota) for part in chosen)
    return pa.concat_tables(heads), True


def _outermost(parts: Sequence[Path], column: str) -> npt.NDArray[np.int64]:
    """Returns the first and last time of the row groups of parts, from their footers."""
    limits: list[datetime] = []
    for part in parts:
        metadata = pq.read_metadata(part)
        for group in range(metadata.num_row_groups):
            place = metadata.schema.names.index(column)
            statistics = metadata.row_group(group).column(place).statistics
            if statistics is not None and statistics.has_min_max:
                limits += [statistics.min, statistics.max]
    return _microseconds(pa.array(limits, pa.timestamp("us", "UTC")))


def _microseconds(times: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(times.cast(pa.int64()).to_numpy())


def _units(
    folder: Path,
    report: ProcessingReport,
    layouts: Sequence[Layout],
    contract: Contract,
    values: Mapping[str, _Floats],
) -> list[UnitFinding]:
    """Returns one finding per column: the first of those that say why."""
    statistics = TrainingStatistics.from_json((folder / STATISTICS).read_text(encoding="utf-8"))
    outside = _outside(folder, report, layouts)
    findings = [
        *misfits_out_of_bounds(contract, outside, report.counts, report.rows_in),
        *misfits_in_bounds(contract, statistics),
        *_knots(contract, values),
    ]
    if not any(finding.is_certain for finding in findings):
        findings = [*misfit_of_temperatures(contract, values), *findings]
    first: dict[str, UnitFinding] = {}
    for finding in findings:
        first.setdefault(finding.column, finding)
    return list(first.values())


def _outside(
    folder: Path, report: ProcessingReport, layouts: Sequence[Layout]
) -> Mapping[str, Sequence[float]]:
    """Returns numbers out of bounds by column; reads nothing where no row has such a number."""
    if Reason.OUT_OF_BOUNDS not in report.counts.rejected_by_reason:
        return {}
    return numbers_out_of_bounds(folder / REJECTED, layouts)


def _values(cells: pa.ChunkedArray, column: Column) -> _Floats:
    """Returns a column as numbers, NaN where missing; a category as codes."""
    if column.kind is Kind.CATEGORY:
        cells = cells.combine_chunks().dictionary_encode().indices
        return np.asarray(cells.to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.asarray(cells.to_numpy(), dtype=np.float64)


def _of_column(column: Column, values: _Floats) -> Iterator[str]:
    yield from _constant(column, values)
    if column.kind is not Kind.CATEGORY:
        yield from _sentinels(column, values)


def _constant(column: Column, values: _Floats) -> Iterator[str]:
    observed = values[~np.isnan(values)]
    if len(values) < MINIMUM_VALUES:
        return
    if not len(observed):
        yield f"column {column.name!r} has no value in any row that was kept; it tells nothing"
    elif observed.min() == observed.max() and column.kind is not Kind.CATEGORY:
        yield (
            f"column {column.name!r} is {observed[0]:g} in every row that was kept; it tells "
            "nothing"
        )


def _sentinels(column: Column, values: _Floats) -> Iterator[str]:
    """Warns of numbers that stand for "missing" elsewhere and come out of nowhere here."""
    for sentinel in sorted(SENTINELS):
        if not (column.minimum or 0.0) <= sentinel <= (column.maximum or 0.0):
            continue
        near = values[np.abs(values - sentinel) <= _NEIGHBOURHOOD]
        count = int(np.count_nonzero(near == sentinel))
        if count < _SENTINEL_ROWS:
            continue
        others = np.unique(near[near != sentinel], return_counts=True)[1]
        if count > others.sum() or count > _SENTINEL_FACTOR * others.max():
            yield (
                f"column {column.name!r}: {count} rows have exactly {sentinel:g}, far more than "
                "any value near it; if it means a missing value, list it in `missing_markers` of a "
                "contract.toml"
            )


def _knots(contract: Contract, values: Mapping[str, _Floats]) -> Iterator[UnitFinding]:
    for column in contract.columns:
        found = values[column.name]
        if column.quantity.startswith("wind_speed") and (
            np.count_nonzero(found > 0) >= MINIMUM_VALUES
        ):
            finding = knots_in_another_unit(column, np.unique(found[found > 0]).tolist())
            if finding is not None:
                yield finding


def _duplicates(report: ProcessingReport) -> Iterator[str]:
    count = report.counts.rejected_by_reason.get(Reason.DUPLICATE_ROW, 0)
    if count > _MANY_DUPLICATES * report.rows_in:
        yield (
            f"{count} of {report.rows_in} rows repeat the station, time and values of another row "
            "and were set aside; was a file put there twice?"
        )


def _repetitions(table: pa.Table, contract: Contract) -> Iterator[str]:
    """Counts equal rows, which without a time could be anything, and contradictions among them."""
    hashes = np.asarray(table["row_hash"].to_numpy())
    repeated = len(hashes) - len(np.unique(hashes))
    if repeated:
        yield (
            f"{repeated} rows repeat the values of another row. Without a timestamp they count as "
            "observations of their own and stand in one split; take them out if they are copies"
        )
    names = [feature.name for feature in contract.features]
    groups = table.group_by(names).aggregate(
        [("label_encoded", "min"), ("label_encoded", "max"), ("label_encoded", "count")]
    )
    low, high, count = (
        np.asarray(groups[f"label_encoded_{name}"].to_numpy()) for name in ("min", "max", "count")
    )
    contradicting = int(count[low < high].sum())
    if contradicting:
        yield (
            f"{contradicting} rows have equal features and labels of both kinds. Without a "
            "timestamp no one can tell which is right; they were kept as they are"
        )


def _odd_times(
    times: npt.NDArray[np.int64], outermost: npt.NDArray[np.int64] | None, now: datetime
) -> Iterator[str]:
    """Warns of times that cannot be right.

    Args:
        times: of the rows that are looked at, in microseconds UTC.
        outermost: lowest and highest times of all rows, where those are more.
        now: times from after this are of the future.
    """
    if len(times) < MINIMUM_VALUES:
        return
    latest = (now + _FUTURE).timestamp() * 1e6
    low, high = np.quantile(times, [_TYPICAL_SHARE, 1 - _TYPICAL_SHARE])
    at_least = ""
    if outermost is not None:
        times, at_least = np.unique(np.concatenate([times, outermost])), "at least "
    future = times[times > latest]
    if len(future):
        yield (
            f"{at_least}{len(future)} rows are from the future, the last one of "
            f"{_day(future.max())}; correct their timestamps"
        )
    reach = max(high - low, timedelta(days=366).total_seconds() * 1e6)
    past = times[times <= latest]
    odd: Mapping[str, npt.NDArray[np.int64]] = {
        "before": past[past < low - reach],
        "after": past[past > high + reach],
    }
    for where, found in odd.items():
        if len(found) and not math.isclose(low, high):
            yield (
                f"{at_least}{len(found)} rows lie long {where} all others, {_day(found.min())} to "
                f"{_day(found.max())}, where nearly all are of {_day(low)} to {_day(high)}; "
                "correct their timestamps"
            )


def _day(microseconds: float) -> str:
    return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=float(microseconds))).strftime(
        "%Y-%m-%d"
    )
