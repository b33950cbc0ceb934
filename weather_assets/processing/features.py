"""Features that are derived from other columns, as Spark columns.

Belongs here: what the network takes beyond the columns of the file. Does not belong here: anything
fitted on data: imputation, scaling and encoding are part of the network.
"""

from pyspark.sql import DataFrame

from weather_assets.contract.schema import Contract
from weather_assets.processing import sql


def with_features(rows: DataFrame, contract: Contract) -> DataFrame:
    """Adds the contract's time features.

    Args:
        rows: has the contract's timestamp column, of type timestamp.
        contract: says which features.

    Returns:
        The same rows with one double column per time feature: `hour_of_day` in [0, 24), in hours,
        and `day_of_year` in [1, 367), in days, both in UTC whatever the session's time zone.
        A feature that is already there is computed anew.
    """
    if contract.timestamp is None or not contract.timestamp.features:
        return rows
    instant = f"unix_micros({sql.identifier(contract.timestamp.column)})"
    features = contract.timestamp.features
    others = [sql.identifier(name) for name in rows.columns if name not in features]
    return rows.selectExpr(
        *others,
        *(f"{_time_feature(name, instant)} AS {sql.identifier(name)}" for name in features),
    )


def _time_feature(name: str, instant: str) -> str:
    """Returns SQL of a feature, the very operations of the contract's definition in their order."""
    second_of_day = f"(pmod({instant}, {sql.MICROSECONDS_PER_DAY}L) / 1e6D)"
    hour = (
        f"(floor({second_of_day} / 3600) + floor(pmod({second_of_day}, 3600) / 60) / 60"
        f" + pmod({second_of_day}, 60) / 3600)"
    )
    if name == "hour_of_day":
        return f"CAST({hour} AS DOUBLE)"
    if name == "day_of_year":
        return f"CAST(dayofyear({sql.date_of(instant)}) + {hour} / 24 AS DOUBLE)"
    raise AssertionError(name)  # Timestamp.__post_init__ refuses it
