"""One value for whoever starts a run: the environment, a resource or an asset of the launchpad."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from click.testing import CliRunner

from weather_assets.cli import main
from weather_assets.definitions import build_defs
from weather_assets.defs.resources import DataRootResource
from weather_assets.defs.settings import RolloutResource, TrainingConfig, TrainingResource
from weather_assets.workflows.candidates import TrainingOrder
from weather_assets_tests.synthetic import write_five_column

ROWS = 300
OBSERVATIONS = [
    dg.AssetKey(name) for name in ("raw_weather", "processed_weather", "rejected_weather")
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    write_five_column(tmp_path / "raw" / "weather.csv", ROWS)
    return tmp_path


def refusal(root: Path, run_config: dict[str, Any] | None = None) -> str:
    """Runs two assets as a sensor's run does, or as the launchpad's; says what a check refused."""
    overrides = {"data_root": DataRootResource(path=str(root))}
    with dg.DagsterInstance.ephemeral() as instance:
        result = (
            build_defs(resource_overrides=overrides)
            .resolve_job_def("spark_preprocessing_pipeline")
            .execute_in_process(
                instance=instance,
                run_config=run_config,
                asset_selection=OBSERVATIONS,
                raise_on_error=False,
            )
        )
    failed = [each for each in result.get_asset_check_evaluations() if not each.passed]
    assert result.success is not bool(failed)
    return " ".join(each.description or "" for each in failed)


def test_a_limit_is_the_same_for_a_sensor_for_run_and_for_the_launchpad(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEATHER_ASSETS_LIMIT_MINIMUM_ROWS", "301")
    sentence = "300 rows are too few to train on and to judge by, at least 301 are needed"
    assert sentence in refusal(root)
    by_command = CliRunner().invoke(
        main, ["run", "--data", str(root), "--until", "processed_weather"]
    )
    assert by_command.exit_code == 1
    assert sentence in by_command.output
    resource = {"limits": {"config": {"minimum_rows": 300}}}
    assert refusal(root, {"resources": resource}) == ""
    (root / "contract.toml").write_text("[limits]\nminimum_rows = 299\n", encoding="utf-8")
    assert sentence in refusal(root), "the environment wins over contract.toml"
    monkeypatch.delenv("WEATHER_ASSETS_LIMIT_MINIMUM_ROWS")
    assert refusal(root) == ""
    (root / "contract.toml").write_text("[limits]\nminimum_rows = 302\n", encoding="utf-8")
    assert "at least 302 are needed" in refusal(root)


def test_a_limit_of_the_launchpad_wins_over_that_of_a_resource(root: Path) -> None:
    with (root / "raw" / "weather.csv").open("a", encoding="utf-8") as file:
        file.write("20,50,3,10,1000,hail\n")
    resource = {"limits": {"config": {"reject_ratio": 0.0}}}
    asset = {"processed_weather": {"config": {"reject_ratio_limit": 0.5}}}
    assert "1 of 301 rows (0.3%) are faulty, at most 0%" in refusal(root, {"resources": resource})
    assert refusal(root, {"resources": resource, "ops": asset}) == ""


def ordered(run_config: dict[str, Any] | None = None) -> TrainingOrder:
    found: list[TrainingOrder] = []

    @dg.asset
    def trained(config: TrainingConfig, training: TrainingResource) -> None:
        found.append(training.order(config, "run"))

    resources = build_defs().resources
    assert resources is not None
    assert dg.materialize(
        [trained], resources={"training": resources["training"]}, run_config=run_config
    ).success
    return found[0]


def test_a_training_is_told_by_environment_resource_and_asset(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WEATHER_ASSETS_TRAINING_WORLD_SIZE", "3")
    monkeypatch.setenv("WEATHER_ASSETS_TRAINING_MAXIMUM_STEPS", "40")
    assert (ordered().gang.world_size, ordered().settings.maximum_steps) == (3, 40)
    resource = {"training": {"config": {"world_size": 4}}}
    assert ordered({"resources": resource}).gang.world_size == 4
    asset = {"trained": {"config": {"world_size": 5, "seed": 7}}}
    order = ordered({"resources": resource, "ops": asset})
    assert (order.gang.world_size, order.settings.seed) == (5, 7)
    assert order.settings.maximum_steps == 40


def test_the_ui_shows_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLOUT_CANARY_PERCENT", "5")
    monkeypatch.setenv("ENDPOINT_INSTANCE_COUNT", "none")
    resources = build_defs().resources
    assert resources is not None
    rollout = resources["rollout"]
    assert isinstance(rollout, RolloutResource)
    assert rollout.given()["canary_percent"] == 5
    assert "instance_count" not in rollout.given(), "the code location loads all the same"
    fields = RolloutResource.model_fields
    assert "Where nothing is given, ROLLOUT_CANARY_PERCENT" in str(
        fields["canary_percent"].description
    )
