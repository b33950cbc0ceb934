"""`weather-assets settings` shows every setting; what cannot work is said by each command alike."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weather_assets.adapters.settings.concerns import CONCERNS
from weather_assets.cli import main
from weather_assets_tests.adapters.settings.misuse import MISUSE

NAMES = sorted(variable for concern in CONCERNS for variable in concern.variables.values())


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def shown(root: Path) -> dict[str, dict[str, Any]]:
    rows = json.loads(call("settings", "--data", root, "--json").stdout)
    return {row["name"]: row for row in rows}


def test_every_setting_is_shown_with_what_it_does(tmp_path: Path) -> None:
    rows = shown(tmp_path)
    assert sorted(rows) == NAMES
    for row in rows.values():
        assert row["about"], row["name"]
        assert row["allowed"], row["name"]
        assert row["problem"] == ""
        assert row["origin"] == ("--data" if row["name"] == "WEATHER_ASSETS_DATA" else "default")
    text = call("settings", "--data", tmp_path)
    assert text.exit_code == 0
    assert "WEATHER_ASSETS_TRAINING_WORLD_SIZE = 2   (default)" in text.output


def test_the_origin_of_each_value_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_ASSETS_TRAINING_WORLD_SIZE", "3")
    monkeypatch.setenv("WEATHER_ASSETS_LIMIT_REJECT_RATIO", "0.5")
    monkeypatch.setenv("WEATHER_ASSETS_RANK_GPUS", "0, 1")
    limits = "[limits]\nreject_ratio = 0.1\nminimum_rows = 500\n"
    (tmp_path / "contract.toml").write_text(limits, encoding="utf-8")
    rows = shown(tmp_path)
    found = {name: (row["value"], row["origin"]) for name, row in rows.items()}
    assert found["WEATHER_ASSETS_TRAINING_WORLD_SIZE"] == (3, "environment")
    assert found["WEATHER_ASSETS_LIMIT_REJECT_RATIO"] == (0.5, "environment")
    assert found["WEATHER_ASSETS_LIMIT_MINIMUM_ROWS"] == (500, "contract.toml")
    assert found["WEATHER_ASSETS_RANK_GPUS"] == (["0", "1"], "environment")
    assert found["ROLLOUT_SHADOW_SECONDS"] == (3.0, "default")
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "s")
    assert shown(tmp_path)["ROLLOUT_SHADOW_SECONDS"]["value"] == 600.0


def test_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_CLIENT_SECRET", "_SPARK_AUTH_SECRET"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:planted@mlflow:5000")
    monkeypatch.setenv("WEATHER_ASSETS_SPARK_MASTER", "http://me:planted@host")
    for words in (("settings",), ("settings", "--json"), ("run",)):
        assert "planted" not in call(*words, "--data", tmp_path / "data").output
    assert shown(tmp_path)["AZURE_CLIENT_SECRET"]["value"] == "set, and not shown"
    assert shown(tmp_path)["MLFLOW_TRACKING_URI"]["value"] == "https://...@mlflow:5000"


@pytest.mark.parametrize("variable", MISUSE)
def test_a_value_that_cannot_work_is_refused_alike(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, allowed = MISUSE[variable]
    monkeypatch.setenv(variable, value)
    sentence = f"{variable} is {value!r}; set it to {allowed}"
    row = shown(tmp_path)[variable]
    assert row["problem"].startswith(sentence)
    assert (row["value"], row["origin"]) == (value, "environment")
    assert call("settings", "--data", tmp_path).exit_code == 2
    for command in ("run", "dev"):
        result = call(command, "--data", tmp_path / "data")
        assert result.exit_code == 2
        assert sentence in result.output
    assert not (tmp_path / "data").exists(), "refused before any work"


@pytest.mark.parametrize("variable", ["WEATHER_ASSETS_TRAINING_WORLD_SIZE", "ENDPOINT_NAME"])
def test_the_doctor_says_so_too(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, allowed = MISUSE[variable]
    monkeypatch.setenv(variable, value)
    (tmp_path / "contract.toml").write_text("[limits]\nreject_ratio = 20\n", encoding="utf-8")
    result = call("doctor", "--data", tmp_path)
    assert result.exit_code == 1
    assert f"{variable} is {value!r}; set it to {allowed}" in result.output
    assert "[limits] reject_ratio is 20; set it to" in result.output


def test_a_contract_that_does_not_load_is_told(tmp_path: Path) -> None:
    (tmp_path / "contract.toml").write_text("[limits]\nminimum_rows = 1\n", encoding="utf-8")
    assert (
        "minimum_rows is 1; set" in shown(tmp_path)["WEATHER_ASSETS_LIMIT_MINIMUM_ROWS"]["problem"]
    )


def test_a_variable_that_is_no_setting_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLOUT_CANARY_PERCENTAGE", "5")
    row = shown(tmp_path)["ROLLOUT_CANARY_PERCENTAGE"]
    assert "did you mean ROLLOUT_CANARY_PERCENT?" in row["problem"]
    assert call("run", "--data", tmp_path / "data").exit_code == 2


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
        max_size=5,
    )
)
@example({"WEATHER_ASSETS_CACHE": "~0"})
@settings(max_examples=60, deadline=None)
def test_any_environment_is_shown(variables: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        for words in (["settings"], ["settings", "--json"]):
            result = CliRunner().invoke(main, words)
            assert result.exit_code in (0, 2), result.output
            assert result.exception is None or isinstance(result.exception, SystemExit)
            assert "Traceback" not in result.output
