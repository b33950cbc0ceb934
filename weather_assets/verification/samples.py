"""The rows that forecasts are verified on, as plain arrays.

Belongs here: reading the processed weather table into arrays, the blocks in which rows may be
resampled, and the pair of probability arrays that makes a forecast. Does not belong here: any
score, any model, any file access.

Shape suffixes: N rows, F features.
"""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from weather_assets.contract.columns import Feature, Kind
from weather_assets.contract.schema import Contract

FloatArray = npt.NDArray[np.float64]
IntegerArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

MAXIMUM_ROW_BLOCKS = 4096
"""Rows without a time are resampled in at most this many groups. More groups than that narrow no
interval noticeably, and the memory of the bootstrap stays independent of the number of rows."""


class VerificationError(ValueError):
    """Rows or forecasts that cannot be verified as they are. The message says what to do."""


class BlockKind(StrEnum):
    """What is resampled as one piece, because its rows say nearly the same thing twice."""

    UTC_DAY = "utc_day"
    """All rows of all stations in one UTC calendar day: hours and neighbouring airports share
    their weather, days much less so."""
    ROW = "row"
    """Rows with equal content, where the file has no time (above 4,096 rows: groups of rows by
    content hash). Rows are then taken to be independent."""


@dataclass(frozen=True, eq=False, slots=True)
class WeatherRows:
    """Rows of the processed weather table, in table order.

    Attributes:
        features_NF: [N, F] in `contract.features` order, raw units, NaN = missing; a category is
            its position in `Feature.categories`.
        observed_N: [N] 1.0 where the event happened, else 0.0.
        block_N: [N] identifier of the block that a row is resampled with.
        block_kind: what the blocks are.
        station_N: [N] position of the station in its category list; -1 where there is none.
        month_N: [N] UTC calendar month 1-12 of the observation time; 0 where there is no time.
        persistence_N: [N] 1.0 where the event is observed at issue time, 0.0 where not, NaN where
            unknown or not defined for this contract.
    """

    features_NF: FloatArray
    observed_N: FloatArray
    block_N: IntegerArray
    block_kind: BlockKind
    station_N: IntegerArray
    month_N: IntegerArray
    persistence_N: FloatArray

    def __len__(self) -> int:
        """Returns N, the number of rows."""
        return len(self.observed_N)

    def where(self, keep_N: BoolArray) -> Self:
        """Returns the rows for which the boolean array `keep_N` [N] is true, in the same order."""
        arrays = {field.name for field in fields(self)} - {"block_kind"}
        return replace(self, **{name: getattr(self, name)[keep_N] for name in arrays})


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """The three splits of one processed data set.

    Attributes:
        train: rows that models and baselines are fitted on.
        validation: rows that choose between settings and choose the threshold.
        test: rows that nothing was fitted or chosen on; every score is of these.
    """

    train: WeatherRows
    validation: WeatherRows
    test: WeatherRows


@dataclass(frozen=True, eq=False, slots=True)
class Forecast:
    """Probabilities that one model gives the validation and test rows.

    Attributes:
        validation_N: [rows of the validation split] probability of the event, in [0, 1].
        test_N: [rows of the test split] probability of the event, in [0, 1].
        seen_N: [rows of the test split] true for rows that trained the model or chose its recipe;
            None where none did.
    """

    validation_N: FloatArray
    test_N: FloatArray
    seen_N: BoolArray | None = None

    def unlearned(self) -> BoolArray:
        """Returns which test rows the model has never seen, [N]."""
        if self.seen_N is None:
            return np.ones(self.test_N.shape, np.bool_)
        return np.logical_not(self.seen_N)

    def on_test(self, keep_N: BoolArray) -> "Forecast":
        """Returns the forecast with the test rows for which `keep_N` is true."""
        return replace(self, test_N=self.test_N[keep_N], seen_N=None)

    def problem(self, samples: Samples) -> str | None:
        """Returns why these probabilities cannot be verified, or None where they can be.

        Args:
            samples: the rows that the probabilities are for.
        """
        for split, probability_N, rows in (
            ("validation", self.validation_N, samples.validation),
            ("test", self.test_N, samples.test),
        ):
            if probability_N.shape != (len(rows),):
                return (
                    f"{split} probabilities have shape {probability_N.shape}, but there are "
                    f"{len(rows)} {split} rows; give one probability per row, in table order"
                )
            valid_N = (probability_N >= 0.0) & (probability_N <= 1.0)
            if not valid_N.all():
                first = int(np.flatnonzero(~valid_N)[0])
                return (
                    f"{int((~valid_N).sum())} of {len(rows)} {split} probabilities are not in "
                    f"[0, 1]; the first is {probability_N[first]} in row {first} of that split"
                )
        return None


@dataclass(frozen=True, eq=False, slots=True)
class Served:
    """What the weights that will be served say, beside those that are judged.

    Attributes:
        judged_train_N: [rows of the training split] probability by the weights that are judged.
        served_train_N: likewise by those that are served: rows that both know.
        served_N: [all rows] by those that are served, which were trained on all of them.
        observed_N: [all rows] 1.0 where the event happened, else 0.0.
    """

    judged_train_N: FloatArray
    served_train_N: FloatArray
    served_N: FloatArray
    observed_N: FloatArray


def read_samples(table: pd.DataFrame, contract: Contract) -> Samples:
    """Returns the training, validation and test rows of the processed weather table.

    Args:
        table: `processed/weather.parquet` as pandas reads it: the contract's columns, time
            features, `label_encoded`, `split`, `row_hash` and, with a lead, `persistence`.
        contract: what the columns are.

    Raises:
        VerificationError: if a column is missing, a split has an unknown name, a label is not 0
            or 1, or a category is not in the contract.
    """
    _check_columns(table, contract)
    split_N = _column(table, "split").to_numpy(dtype=str)
    unknown = sorted(set(split_N) - {"train", "validation", "test"})
    if unknown:
        raise VerificationError(
            f"column 'split' holds {unknown}; only train, validation and test are allowed; "
            "materialize processed_weather again"
        )
    rows = _read_rows(table, contract)
    return Samples(
        train=rows.where(split_N == "train"),
        validation=rows.where(split_N == "validation"),
        test=rows.where(split_N == "test"),
    )


def _check_columns(table: pd.DataFrame, contract: Contract) -> None:
    wanted = [feature.name for feature in contract.features]
    wanted += ["label_encoded", "split", "row_hash"]
    if contract.label.lead is not None:
        wanted.append("persistence")
    if contract.timestamp is not None:
        wanted.append(contract.timestamp.column)
    missing = sorted(set(wanted) - set(table.columns))
    if missing:
        raise VerificationError(
            f"the processed table lacks the columns {missing} of contract {contract.name!r}; it "
            f"has {sorted(table.columns)}; materialize processed_weather again"
        )


def _column(table: pd.DataFrame, name: str) -> Any:
    return table[name]


def _read_rows(table: pd.DataFrame, contract: Contract) -> WeatherRows:
    count = len(table)
    observed_N = _column(table, "label_encoded").to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isin(observed_N, (0.0, 1.0)).all():
        raise VerificationError("column 'label_encoded' must be 0 or 1 in every row")
    features_NF = np.empty((count, len(contract.features)))
    for position, feature in enumerate(contract.features):
        features_NF[:, position] = _read_feature(table, feature)
    row_hash_N = _column(table, "row_hash").to_numpy(dtype=np.int64)
    if contract.timestamp is None:
        month_N = np.zeros(count, dtype=np.int64)
        block_N, block_kind = _row_blocks(row_hash_N), BlockKind.ROW
    else:
        when: Any = pd.to_datetime(_column(table, contract.timestamp.column), utc=True)
        month_N = when.dt.month.to_numpy(dtype=np.int64)
        block_N, block_kind = _utc_days(when), BlockKind.UTC_DAY
    station_N = np.full(count, -1, dtype=np.int64)
    if contract.station is not None:
        categories = contract.column(contract.station).categories
        station_N = _category_codes(table, contract.station, categories).astype(np.int64)
    persistence_N = (
        np.full(len(table), np.nan)
        if contract.label.lead is None
        else _column(table, "persistence").to_numpy(dtype=np.float64, na_value=np.nan)
    )
    return WeatherRows(
        features_NF, observed_N, block_N, block_kind, station_N, month_N, persistence_N
    )


def _utc_days(when: Any) -> IntegerArray:
    naive = when.dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    return naive.astype(np.int64)


def _row_blocks(row_hash_N: IntegerArray) -> IntegerArray:
    if len(row_hash_N) <= MAXIMUM_ROW_BLOCKS:
        return row_hash_N
    return row_hash_N % MAXIMUM_ROW_BLOCKS


def _read_feature(table: pd.DataFrame, feature: Feature) -> FloatArray:
    if feature.kind is Kind.CATEGORY:
        return _category_codes(table, feature.name, feature.categories)
    values_N: FloatArray = _column(table, feature.name).to_numpy(dtype=np.float64, na_value=np.nan)
    return values_N


def _category_codes(table: pd.DataFrame, name: str, categories: tuple[str, ...]) -> FloatArray:
    values: Any = _column(table, name)
    index: Any = pd.Index(categories)
    codes_N: IntegerArray = index.get_indexer(values).astype(np.int64)
    unknown_N = (codes_N < 0) & values.notna().to_numpy(dtype=bool)
    if unknown_N.any():
        found = sorted({str(value) for value in values.to_numpy()[unknown_N]})
        raise VerificationError(
            f"column {name!r} holds {found}, which are not among the contract's categories "
            f"{list(categories)}; materialize processed_weather again"
        )
    return np.where(codes_N < 0, np.nan, codes_N.astype(np.float64))
