"""What is given wins over the environment, that over the default; what cannot work is named."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.settings.concerns import (
    CONCERNS,
    ENDPOINT,
    GANG,
    PLACES,
    ROLLOUT,
    ROLLOUT_LIMITS,
    ROW_LIMITS,
    TRAINING,
    mistakes,
    rollout_settings,
)
from weather_assets.contract.limits import Limits
from weather_assets.foundation.settings import SettingError
from weather_assets.rollout.settings import RolloutSettings
from weather_assets_tests.adapters.settings.misuse import ANYTHING, MISUSE

COMPOSE = Path(__file__).resolve().parents[3] / "docker" / "compose.yaml"
NAMES = sorted(variable for concern in CONCERNS for variable in concern.variables.values())


@pytest.fixture(autouse=True)
def unset() -> Iterator[None]:
    """Leaves no setting of the process that runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.delenv(name, raising=False)
        yield


def test_no_two_settings_share_a_variable() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert set(NAMES) == {*MISUSE, *ANYTHING}, "each has a row in the table of misuse"


def test_what_is_given_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert GANG.read() == GangSettings(world_size=2)
    monkeypatch.setenv("WEATHER_ASSETS_TRAINING_WORLD_SIZE", " 3 ")
    assert GANG.read() == GangSettings(world_size=3)
    assert GANG.read({"world_size": 4, "seed": 1, "max_relaunches": None}).world_size == 4
    monkeypatch.setenv("WEATHER_ASSETS_TRAINING_WORLD_SIZE", "")
    assert GANG.read() == GangSettings(world_size=2)


def test_what_belongs_to_the_data_stands_between_environment_and_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = Limits(reject_ratio=0.05, minimum_rows=500)
    monkeypatch.setenv("WEATHER_ASSETS_LIMIT_REJECT_RATIO", "0.5")
    assert ROW_LIMITS.read(base=own) == Limits(reject_ratio=0.5, minimum_rows=500)


def test_a_rollout_on_local_azure_has_its_own_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rollout_settings(local=False) == RolloutSettings()
    monkeypatch.setenv("ROLLOUT_WARM_SECONDS", " ")
    assert rollout_settings(local=True) == RolloutSettings.local()
    monkeypatch.setenv("ROLLOUT_WARM_SECONDS", "1.5")
    monkeypatch.setenv("ROLLOUT_CANARY_PERCENT", "5")
    monkeypatch.setenv("ROLLOUT_MAXIMUM_ERROR_SHARE", "0.02")
    found = rollout_settings({"canary_percent": 7}, local=True)
    assert (found.canary_percent, found.warm_seconds) == (7, 1.5)
    assert found.limits.maximum_error_share == 0.02
    assert found.mirror_percent == RolloutSettings.local().mirror_percent


@pytest.mark.parametrize("variable", MISUSE)
def test_what_cannot_work_is_named_with_what_is_allowed(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, allowed = MISUSE[variable]
    monkeypatch.setenv(variable, value)
    (sentence,) = mistakes()
    assert sentence.startswith(f"{variable} is {value!r}; set it to {allowed}")


def test_what_is_given_and_cannot_work_is_named_as_it_was_given() -> None:
    with pytest.raises(SettingError, match=r"^world_size is 9; set it to a whole number from 1"):
        GANG.read({"world_size": 9})


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDPOINT_INSTANCE_COUNT", "0")
    monkeypatch.setenv("ENDPOINT_AUTH_MODE", "none")
    with pytest.raises(SettingError, match=r"AUTH_MODE is 'none'; .*; ENDPOINT_INSTANCE_COUNT is"):
        ENDPOINT.read()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("ROLLOUT_CANARY_PERCENTAGE", "ROLLOUT_CANARY_PERCENT"),
        ("WEATHER_ASSETS_TRAINING_WORLDSIZE", "WEATHER_ASSETS_TRAINING_WORLD_SIZE"),
        ("WEATHER_ASSETS_LIMIT_REJECTS", "WEATHER_ASSETS_LIMIT_REJECT_RATIO"),
        ("WEATHER_ASSETS_RANK_CPU", "WEATHER_ASSETS_RANK_CPUS"),
    ],
)
def test_a_variable_that_is_no_setting_is_named(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "5")
    (sentence,) = mistakes()
    assert sentence.startswith(f"{variable} is no setting; did you mean {meant}?")


def test_no_sentence_tells_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_ASSETS_SPARK_MASTER", "http://me:planted@host")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "planted")
    assert "planted" not in "".join(mistakes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:planted@host")
    assert PLACES.read().tracking_uri == "https://me:planted@host"


def test_ranks_are_told_how_to_train_without_pydantic() -> None:
    """Their image has none."""
    code = "import sys, weather_assets.forecasting.settings; print('pydantic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_run_workers_of_the_stack_get_what_its_environment_says() -> None:
    compose = yaml.safe_load(COMPOSE.read_text("utf-8"))
    context = json.loads(compose["services"]["code"]["environment"]["DAGSTER_CONTAINER_CONTEXT"])
    passed = dict(entry.split("=", 1) for entry in context["docker"]["env_vars"])
    concerns = (ROW_LIMITS, TRAINING, GANG, ENDPOINT, ROLLOUT, ROLLOUT_LIMITS)
    for name in (name for concern in concerns for name in concern.variables.values()):
        assert passed.get(name) == f"${{{name}:-}}"


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
BYTES = st.binary(max_size=12).map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
NUMBERS = st.one_of(st.integers(), st.floats()).map(str)


@given(st.dictionaries(st.sampled_from(NAMES), st.one_of(TEXTS, BYTES, NUMBERS), max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_environment_is_read_or_refused_in_words(variables: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        for sentence in mistakes():
            assert any(name in sentence for name in NAMES)
            assert "pydantic" not in sentence
