"""The columns of a weather.csv as frozen, self-checking dataclasses.

Belongs here: what one column means by itself (a measurement, a category, the time), and what the
network takes of it. Does not belong here: what is forecast, and how rows are divided (`schema`), or
how text is read (`cells`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from weather_assets.contract.cells import ISO8601, timestamp_pattern, zone_of

DAYS_PER_YEAR = 365.2425
"""Mean length of the Gregorian year in days: the period of the seasonal cycle."""


class ContractError(ValueError):
    """A contract, or a file held against one, is not what it must be; says what to do."""


class Kind(StrEnum):
    """How the values of a column behave, and so how the network must encode them."""

    NUMERIC = "numeric"
    """A quantity on a line: temperature, pressure."""
    CIRCULAR = "circular"
    """A quantity on a circle, where the end of the period is its beginning: wind direction."""
    CATEGORY = "category"
    """One of a fixed list of names: a station, a weather type."""


TIME_FEATURE_PERIODS: Mapping[str, tuple[float, float, float, str]] = {
    "hour_of_day": (0.0, 24.0, 24.0, "h"),
    "day_of_year": (1.0, 367.0, DAYS_PER_YEAR, "d"),
}
"""Features derived from the timestamp, in UTC: lowest value, highest value, period, unit."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the raw file.

    Attributes:
        name: header of the column.
        quantity: what it measures; CF standard names where one exists (`air_temperature`).
        unit: UDUNITS spelling of the unit of the raw values (`degF`, `percent`, `hPa`).
        kind: numeric, circular or category.
        minimum: lowest value that is physically possible, inclusive, in `unit`.
        maximum: highest value that is physically possible, inclusive, in `unit`.
        period: length of the circle, in `unit`; circular columns only.
        categories: every allowed value; category columns only.
        required: whether a missing cell sets the row aside.
        feature: whether the network takes this column.
        reason: why the bounds are where they are.
        source: where the bounds come from.
    """

    name: str
    quantity: str
    unit: str = "1"
    kind: Kind = Kind.NUMERIC
    minimum: float | None = None
    maximum: float | None = None
    period: float | None = None
    categories: tuple[str, ...] = ()
    required: bool = False
    feature: bool = True
    reason: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a column that could not be validated or encoded.

        Raises:
            ContractError: naming the column, the value and what is allowed.
        """
        where = f"column {self.name!r}"
        if not self.name.strip() or self.name != self.name.strip():
            raise ContractError(f"{where}: the name must not be empty or padded with spaces")
        if self.kind is Kind.CATEGORY:
            self._check_category(where)
            return
        if self.categories:
            raise ContractError(f"{where}: only a category column may list categories")
        if self.minimum is None or self.maximum is None or not self.minimum < self.maximum:
            raise ContractError(
                f"{where}: needs physical bounds with minimum < maximum, in {self.unit}; "
                f"found minimum = {self.minimum}, maximum = {self.maximum}"
            )
        if (self.kind is Kind.CIRCULAR) != (self.period is not None):
            raise ContractError(f"{where}: a period belongs to circular columns, and only to them")
        if self.period is not None and self.period <= 0:
            raise ContractError(f"{where}: the period must be positive; found {self.period}")

    def _check_category(self, where: str) -> None:
        if len(self.categories) != len(set(self.categories)) or not self.categories:
            raise ContractError(
                f"{where}: needs a list of different categories; found {self.categories}"
            )
        if any(not level.strip() or level != level.strip() for level in self.categories):
            raise ContractError(f"{where}: a category must not be empty or padded with spaces")
        if (self.minimum, self.maximum, self.period) != (None, None, None):
            raise ContractError(f"{where}: a category column has no bounds and no period")


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the network, in raw units.

    Attributes:
        name: column or time feature.
        kind: numeric, circular or category.
        unit: unit of the raw values.
        minimum: lowest allowed value; None for categories.
        maximum: highest allowed value; None for categories.
        period: length of the circle; circular features only.
        categories: allowed names, whose positions are the codes; category features only.
    """

    name: str
    kind: Kind
    unit: str
    minimum: float | None = None
    maximum: float | None = None
    period: float | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Timestamp:
    """When a row was observed.

    Attributes:
        column: header of the timestamp column.
        format: `iso8601` or a strptime pattern, as `cells.timestamp_pattern` takes them.
        timezone: of timestamps that carry no offset, as `cells.zone_of` takes it.
        features: which cyclic features the network gets: `hour_of_day`, `day_of_year`.
    """

    column: str
    format: str = ISO8601
    timezone: str = "UTC"
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a format that cannot be read, and unknown time features.

        Raises:
            ContractError: naming the format or feature and what is allowed.
        """
        try:
            timestamp_pattern(self.format)
        except ValueError as error:
            raise ContractError(f"timestamp {self.column!r}: {error}") from None
        unknown = sorted(set(self.features) - set(TIME_FEATURE_PERIODS))
        if unknown or len(set(self.features)) != len(self.features):
            raise ContractError(
                f"timestamp {self.column!r}: features {list(self.features)} must be different and "
                f"among {sorted(TIME_FEATURE_PERIODS)}"
            )

    @property
    def pattern(self) -> re.Pattern[str]:
        """What a cell matches as a whole."""
        return timestamp_pattern(self.format)

    @property
    def zone(self) -> tzinfo:
        """The time zone.

        Raises:
            ContractError: if nobody knows it here.
        """
        try:
            return zone_of(self.timezone)
        except ValueError as error:
            raise ContractError(f"timestamp {self.column!r}: {error}") from None
