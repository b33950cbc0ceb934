"""The contract refuses what could not be validated or encoded, and derives the rest."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from weather_assets.contract.columns import Column, ContractError, Kind, Timestamp
from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract, Label, Split, SplitMethod

TEMPERATURE = Column("t", "air_temperature", "degC", minimum=-90, maximum=60)
RAIN = Column("rain", "precipitation_amount", "mm", minimum=0, maximum=100)
HOURLY = Contract(
    name="hourly",
    title="",
    columns=(TEMPERATURE, RAIN),
    label=Label("rain", threshold=0.0, lead=timedelta(hours=1)),
    timestamp=Timestamp("when", features=("hour_of_day", "day_of_year")),
)


def test_features_are_the_columns_as_declared_then_time() -> None:
    assert [feature.name for feature in HOURLY.features] == [
        "t",
        "rain",
        "hour_of_day",
        "day_of_year",
    ]
    hour = HOURLY.features[2]
    assert (hour.kind, hour.minimum, hour.maximum, hour.period) == (Kind.CIRCULAR, 0, 24, 24)


def test_header_names_every_column_once() -> None:
    assert HOURLY.header == ("when", "t", "rain")
    labelled = replace(HOURLY, label=Label("wet", positive=("yes",), negative=("no",)))
    assert labelled.header == ("when", "t", "rain", "wet")


@pytest.mark.parametrize("contract", [HOURLY, *builtin_contracts()], ids=lambda c: c.name)
def test_a_trip_through_json_changes_nothing(contract: Contract) -> None:
    again = Contract.from_dict(json.loads(json.dumps(contract.to_dict())))
    assert again == contract
    assert again.fingerprint == contract.fingerprint


def test_fingerprint_follows_meaning_and_ignores_words() -> None:
    other_words = replace(HOURLY, title="other", columns=(replace(TEMPERATURE, reason="x"), RAIN))
    assert other_words.fingerprint == HOURLY.fingerprint
    other_bound = replace(HOURLY, columns=(replace(TEMPERATURE, maximum=61), RAIN))
    assert other_bound.fingerprint != HOURLY.fingerprint
    assert replace(HOURLY, missing_markers=("NA",)).fingerprint != HOURLY.fingerprint


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"positive": ("yes",), "negative": ("no",)}, "either"),
        ({"threshold": None}, "either"),
        ({"threshold": None, "positive": ("yes",)}, "both"),
        (
            {"threshold": None, "positive": ("Wet ",), "negative": ("wet",)},
            "both positive and negative",
        ),
        ({"lead": timedelta(0)}, "lead must be positive"),
    ],
)
def test_an_ambiguous_label_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        replace(Label("rain", threshold=0.0), **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"label": Label("rain", threshold=0.0)}, "gives the answer away"),
        ({"label": Label("nowhere", threshold=0.0)}, "numeric column"),
        ({"timestamp": None}, "timestamp"),
        ({"station": "t"}, "category"),
        ({"columns": (TEMPERATURE, replace(TEMPERATURE, name="T"), RAIN)}, "more than once"),
        ({"ignored": ("RAIN",)}, "more than once"),
        (
            {"columns": (TEMPERATURE, RAIN, replace(TEMPERATURE, name="hour_of_day"))},
            "time features",
        ),
    ],
)
def test_parts_that_contradict_one_another_are_refused(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        replace(HOURLY, **fields)


def test_without_a_time_only_a_hash_can_divide_the_rows() -> None:
    untimed = replace(
        HOURLY,
        timestamp=None,
        columns=(TEMPERATURE,),
        label=Label("wet", positive=("yes",), negative=("no",)),
        split=Split(SplitMethod.HASH),
    )
    assert untimed.features[0].name == "t"
    with pytest.raises(ContractError, match="hash"):
        replace(untimed, split=Split(SplitMethod.CHRONOLOGICAL))


@pytest.mark.parametrize(("train", "validation"), [(0.0, 0.1), (0.9, 0.1), (0.5, 0.0), (1.2, 0.1)])
def test_a_split_must_leave_rows_for_every_part(train: float, validation: float) -> None:
    with pytest.raises(ContractError, match="share for the test set"):
        Split(train=train, validation=validation)
