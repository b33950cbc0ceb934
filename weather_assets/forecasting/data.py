"""Prepared rows as arrays: what the columns of `weather.parquet` mean to a network.

Belongs here: the feature matrix, and the names of the columns. Does not belong here: files of rows
(`row_files`), or the order in which rows are visited (`epoch_order`).

Shapes: N rows, F features.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weather_assets.contract.columns import Kind
from weather_assets.contract.schema import Contract

LABEL_COLUMN = "label_encoded"
SPLIT_COLUMN = "split"
ORDER_COLUMN = "row_hash"


class TrainingDataError(ValueError):
    """The prepared rows cannot be trained on. The message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Some rows, all in memory.

    Attributes:
        features_NF: float64, raw units, NaN for missing, categories as codes.
        labels_N: float64, 0 or 1.
    """

    features_NF: npt.NDArray[np.float64]
    labels_N: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """Returns N."""
        return len(self.labels_N)

    def take(self, indices: npt.NDArray[np.int64]) -> "LabelledRows":
        """Returns the rows at `indices`, in that order."""
        return LabelledRows(self.features_NF[indices], self.labels_N[indices])


def feature_matrix(table: pa.Table, contract: Contract) -> npt.NDArray[np.float64]:
    """Returns what the network takes.

    Args:
        table: rows with the contract's features as columns, in raw units, null for missing.
        contract: names the features and their order.

    Returns:
        float64 [N, F]; NaN for missing; a category is its position in `Feature.categories`.

    Raises:
        TrainingDataError: if a feature has no column, or a category is not among the contract's.
    """
    columns: list[npt.NDArray[np.float64]] = []
    for feature in contract.features:
        if feature.name not in table.column_names:
            raise TrainingDataError(
                f"no column {feature.name!r} among {table.column_names}; the rows are "
                f"prepared for another contract than {contract.name!r}: prepare them again"
            )
        column = table.column(feature.name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if feature.kind is Kind.CATEGORY:
            codes = pc.index_in(  # pyright: ignore[reportAttributeAccessIssue] - made at import
                column, value_set=pa.array(feature.categories, column.type)
            )
            if codes.null_count != column.null_count:
                found = sorted(set(column.unique().to_pylist()) - {*feature.categories, None})
                raise TrainingDataError(
                    f"column {feature.name!r} has {found}, which the contract does not declare; "
                    f"allowed are {list(feature.categories)}"
                )
            column = codes
        values = pc.fill_null(column.cast(pa.float64()), float("nan"))
        columns.append(values.to_numpy())
    return np.column_stack(columns).astype(np.float64, copy=False)
