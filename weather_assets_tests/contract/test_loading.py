"""Contracts are found by header, read from TOML, and refused with a message that helps."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weather_assets.contract.columns import ContractError, Kind
from weather_assets.contract.limits import Limits
from weather_assets.contract.loading import (
    builtin_contracts,
    load_contract,
    own_contract,
    parse_lead,
    recognise_header,
)
from weather_assets.contract.schema import Contract

OWN = """
name = "backyard"
title = "A station in a backyard"
missing_markers = ["-9999"]

[timestamp]
column = "time"
features = ["hour_of_day"]

[label]
column = "rain_mm"
threshold = 0.2
lead = "30min"

[columns.temperature]
quantity = "air_temperature"
unit = "degC"
minimum = -60
maximum = 60

[columns.wind_from]
quantity = "wind_from_direction"
unit = "degree"
kind = "circular"
minimum = 0
maximum = 360
period = 360

[columns.sky]
quantity = "sky condition"
kind = "category"
categories = ["clear", "cloudy"]

[columns.rain_mm]
quantity = "precipitation_amount"
unit = "mm"
minimum = 0
maximum = 300
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "contract.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_contract_is_read_from_toml(tmp_path: Path) -> None:
    contract = load_contract(written(tmp_path, OWN))
    assert contract.header == ("time", "temperature", "wind_from", "sky", "rain_mm")
    assert [feature.kind for feature in contract.features] == [
        Kind.NUMERIC,
        Kind.CIRCULAR,
        Kind.CATEGORY,
        Kind.NUMERIC,
        Kind.CIRCULAR,
    ]
    assert contract.label.lead is not None
    assert contract.label.lead.total_seconds() == 1800


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("minimum = -60", "minimun = -60"), "did you mean 'minimum'"),
        (('unit = "degC"', ""), "needs a unit"),
        (("minimum = -60", 'minimum = "cold"'), "must be a number; found 'cold'"),
        (('lead = "30min"', 'lead = "soon"'), "30min, 1h or 1d"),
        (('kind = "circular"', 'kind = "round"'), "numeric', 'circular', 'category"),
        (('column = "rain_mm"', ""), "needs column as a text"),
        (("[label]", "[lable]"), "did you mean 'label'"),
        (('features = ["hour_of_day"]', 'features = ["minute"]'), "among"),
        (('column = "time"', 'column = "time"\nformat = "%d.%m.%y"'), "has '%y'; allowed are"),
        (('name = "backyard"', ""), "needs name"),
        (("[columns.sky]", "[columns.sky"), "not a TOML file"),
        (('features = ["hour_of_day"]', 'features = "hour_of_day"'), "list of texts"),
        (("[label]", "[limits]\nreject_ratios = 0.1\n[label]"), "did you mean 'reject_ratio'"),
        (("[label]", "[limits]\nreject_ratio = 20\n[label]"), "reject_ratio is 20; .* at most 1"),
        (("[label]", "[limits]\nreject_ratio = nan\n[label]"), "reject_ratio is nan; set it to"),
        (("[label]", '[limits]\nreject_ratio = "0.1"\n[label]'), "reject_ratio is '0.1'; set it"),
        (("[label]", "[limits]\nminimum_rows = 99.5\n[label]"), "whole number of at least 10"),
        (("[label]", "[limits]\nminimum_rows = true\n[label]"), "minimum_rows is True; set it to"),
        (("[label]", "[limits]\nminimum_class_rows = 0\n[label]"), "minimum_class_rows is 0; "),
        (('name = "backyard"', 'name = "backyard"\nlimits = 0.1'), r"\[limits\] must be a table"),
    ],
)
def test_a_mistake_in_a_contract_is_named(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    path = written(tmp_path, OWN.replace(*change, 1))
    with pytest.raises(ContractError, match=message) as caught:
        load_contract(path)
    assert str(path) in str(caught.value)


LIMITS = "[limits]\nreject_ratio = 0.05\nminimum_rows = 5000\n"


def test_limits_are_no_part_of_what_a_model_is_trained_for(tmp_path: Path) -> None:
    plain, limited = (load_contract(written(tmp_path, text)) for text in (OWN, OWN + LIMITS))
    assert plain.limits == Limits()
    assert limited.limits == Limits(reject_ratio=0.05, minimum_rows=5000)
    assert limited == plain
    assert limited.to_dict() == plain.to_dict()
    assert limited.fingerprint == plain.fingerprint


def test_limits_alone_hold_for_the_builtin_contracts(tmp_path: Path) -> None:
    assert own_contract(tmp_path / "contract.toml") == (None, Limits())
    limits = Limits(reject_ratio=0.05, minimum_rows=5000)
    assert own_contract(written(tmp_path, LIMITS)) == (None, limits)
    with pytest.raises(ContractError, match=r"toml: \[limits\] minimum_rows is 1; set"):
        own_contract(written(tmp_path, "[limits]\nminimum_rows = 1\n"))
    own, found = own_contract(written(tmp_path, OWN + LIMITS))
    assert own is not None
    assert (own.name, found) == ("backyard", limits)


def test_a_missing_contract_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no such file"):
        load_contract(tmp_path / "contract.toml")


@pytest.mark.parametrize("contract", builtin_contracts(), ids=lambda contract: contract.name)
def test_a_builtin_contract_recognises_its_own_header(contract: Contract) -> None:
    assert recognise_header(contract.header) == contract
    assert recognise_header([f" {name.upper()} " for name in reversed(contract.header)]) == contract
    assert recognise_header(["\ufeff" + contract.header[0], *contract.header[1:]]) == contract


@pytest.mark.parametrize("contract", builtin_contracts(), ids=lambda contract: contract.name)
def test_every_builtin_bound_has_a_reason_and_a_source(contract: Contract) -> None:
    for column in contract.columns:
        if column.kind is not Kind.CATEGORY:
            assert column.reason, column.name
            assert column.source, column.name


def test_of_several_fitting_contracts_the_one_that_explains_most_wins() -> None:
    five = ["Temperature", "Humidity", "Wind_Speed", "Cloud_Cover", "Pressure", "Rain"]
    assert recognise_header(five).name == "five_column"
    assert recognise_header(["Timestamp", *five]).name == "five_column_hourly"


def test_an_unknown_header_is_answered_with_what_would_fit() -> None:
    with pytest.raises(ContractError) as caught:
        recognise_header(["Temperature", "Humidity", "Wind_Speed", "Cloud_Cover", "Pressure"])
    message = str(caught.value)
    assert "'Temperature', 'Humidity'" in message
    assert "five_column: lacks 'Rain'" in message
    assert "contract.toml" in message


def test_a_column_named_twice_is_refused() -> None:
    with pytest.raises(ContractError, match="more than once"):
        recognise_header(["Temperature", "temperature "])


def test_the_data_roots_own_contract_is_the_only_candidate(tmp_path: Path) -> None:
    own = load_contract(written(tmp_path, OWN))
    assert recognise_header(own.header, own) == own
    with pytest.raises(ContractError, match=r"backyard: lacks 'time'"):
        recognise_header(builtin_contracts()[0].header, own)


@given(st.integers(1, 10_000), st.sampled_from(["min", "h", "d"]))
def test_leads_are_whole_numbers_with_a_unit(count: int, unit: str) -> None:
    seconds = {"min": 60, "h": 3600, "d": 86400}[unit]
    assert parse_lead(f"{count}{unit}").total_seconds() == count * seconds


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (["sep=", ""], "a line for Excel"),
        (["# exported 2024"], "a line of comment"),
        (["23.7", "89.6", "rain"], "the header line with the names is missing"),
        ([".5", "rain"], "the header line with the names is missing"),
        (["Temperature Humidity Rain"], "one cell only"),
        (["Temperatur", "Humidity"], "'Temperatur' meant to be 'Temperature'"),
        (["\x1b[2J", "x"], r"'\\x1b\[2J'"),
        (["x" * 1000], r"'x{60}\.\.\.'"),
        ([f"c{n}" for n in range(100_000)], "and 99,970 more"),
    ],
)
def test_a_header_that_fits_nothing_is_explained(header: list[str], words: str) -> None:
    with pytest.raises(ContractError, match=words) as raised:
        recognise_header(header)
    assert len(str(raised.value)) < 3000


def test_cells_without_a_name_may_repeat() -> None:
    header = ["Temperature", "Humidity", "Wind_Speed", "Cloud_Cover", "Pressure", "Rain", "", " "]
    assert recognise_header(header).name == "five_column"
