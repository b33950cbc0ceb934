"""The signature says what the contract says, in the network's order."""

import json
from dataclasses import replace

import pytest

from weather_assets.contract.columns import Kind
from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract, Label
from weather_assets.scoring.score import Signature
from weather_assets.scoring.signature import build_signature


def signature_of(contract: Contract, threshold: float = 0.4) -> Signature:
    description = build_signature(
        contract, threshold=threshold, model_name="rain", model_version="1"
    )
    return Signature.from_dict(json.loads(json.dumps(description)))


@pytest.mark.parametrize("contract", builtin_contracts(), ids=lambda contract: contract.name)
def test_inputs_are_the_contracts_features_in_order(contract: Contract) -> None:
    signature = signature_of(contract)
    assert signature.features == tuple(feature.name for feature in contract.features)
    assert set(signature.needed) | signature.unread == {*contract.header, *contract.ignored}
    assert not set(signature.needed) & signature.unread


def test_a_pure_label_is_not_needed_but_a_label_that_is_a_feature_is(nyc: Contract) -> None:
    five = next(each for each in builtin_contracts() if each.name == "five_column")
    assert "Rain" in signature_of(five).unread
    assert "precip" in signature_of(nyc).needed


def test_a_timestamp_without_features_is_not_needed(nyc: Contract) -> None:
    assert nyc.timestamp is not None
    timeless = replace(nyc, timestamp=replace(nyc.timestamp, features=()))
    signature = signature_of(timeless)
    assert signature.clock is None
    assert "time_hour" in signature.unread


def test_units_bounds_and_quantities_are_written_down(nyc: Contract) -> None:
    description = build_signature(nyc, threshold=0.4, model_name="rain", model_version="1")
    dewp = next(column for column in description["columns"] if column["name"] == "dewp")
    assert dewp == {
        "name": "dewp",
        "quantity": "dew_point_temperature",
        "unit": "degF",
        "kind": "numeric",
        "minimum": -140.0,
        "maximum": 100.0,
        "period": None,
        "categories": [],
        "required": False,
        "measured": True,
        "folded": False,
        "allowed": "-140 to 100 degF",
    }
    assert description["lead_seconds"] == 3600
    assert description["missing_markers"] == ["NA"]


def test_the_station_says_where_not_what(nyc: Contract) -> None:
    measured = {column.name: column.measured for column in signature_of(nyc).columns}
    assert [name for name, is_measured in measured.items() if not is_measured] == ["origin"]


def test_only_a_category_that_is_also_the_label_may_be_spelt_in_any_case(nyc: Contract) -> None:
    assert not any(column.folded for column in signature_of(nyc).columns)
    weather = replace(nyc.column("origin"), name="sky", categories=("dry", "wet"), required=False)
    label = Label("sky", positive=("wet",), negative=("dry",), lead=nyc.label.lead)
    signature = signature_of(replace(nyc, columns=(*nyc.columns, weather), label=label))
    assert [column.name for column in signature.columns if column.folded] == ["sky"]
    assert signature.columns[-1].kind == Kind.CATEGORY


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(nyc: Contract, threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        signature_of(nyc, threshold)


@pytest.mark.parametrize(
    ("timezone", "written"),
    [("UTC", "UTC"), ("Europe/Berlin", "Europe/Berlin"), ("UTC+2", "+02:00"), ("-0330", "-03:30")],
)
def test_timestamps_are_read_at_the_endpoint_as_by_the_pipeline(
    nyc: Contract, timezone: str, written: str
) -> None:
    assert nyc.timestamp is not None
    timestamp = replace(nyc.timestamp, format="%d.%m.%Y %H:%M", timezone=timezone)
    clock = signature_of(replace(nyc, timestamp=timestamp)).clock
    assert clock is not None
    assert (clock.pattern, clock.timezone) == (timestamp.pattern.pattern, written)
