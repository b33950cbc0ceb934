"""A column or a timestamp that could not be read, checked or encoded is refused."""

from dataclasses import replace
from datetime import UTC

import pytest

from weather_assets.contract.columns import Column, ContractError, Kind, Timestamp

TEMPERATURE = Column("t", "air_temperature", "degC", minimum=-90, maximum=60)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"minimum": None}, "physical bounds"),
        ({"minimum": 60.0}, "minimum < maximum"),
        ({"kind": Kind.CIRCULAR}, "period"),
        ({"period": 360.0}, "period"),
        ({"kind": Kind.CIRCULAR, "period": -1.0}, "positive"),
        ({"name": " t"}, "padded"),
        ({"categories": ("a",)}, "only a category"),
        ({"kind": Kind.CATEGORY}, "list of different categories"),
    ],
)
def test_a_column_that_cannot_be_checked_is_refused(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        replace(TEMPERATURE, **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"features": ("minute",)}, "among"),
        ({"features": ("hour_of_day", "hour_of_day")}, "different"),
        ({"format": "%d.%m.%y"}, "timestamp 'when': format '%d.%m.%y' has '%y'; allowed are"),
        ({"format": "%d.%m. %H:%M"}, "lacks %Y"),
    ],
)
def test_a_timestamp_that_cannot_be_read_is_refused(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        replace(Timestamp("when"), **fields)


def test_a_timestamp_knows_its_zone() -> None:
    assert Timestamp("when").zone is UTC
    nowhere = Timestamp("when", timezone="Atlantis")  # other machines may know it
    with pytest.raises(ContractError, match="timestamp 'when': timezone 'Atlantis' is unknown"):
        _ = nowhere.zone
