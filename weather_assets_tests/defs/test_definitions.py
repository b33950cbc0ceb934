"""Pins the asset graph: keys, dependencies, groups, checks, conditions, jobs and sensors."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from weather_assets.definitions import build_defs

FOLLOWS = "follows_its_inputs"
GRAPH = {
    "raw_weather": ("observations", set(), {"header_fits_contract"}, None),
    "processed_weather": (
        "observations",
        {"raw_weather"},
        {
            "rows_accounted_for",
            "columns_in_their_units",
            "features_within_physical_bounds",
            "no_feature_is_the_label",
            "both_classes_in_every_split",
        },
        FOLLOWS,
    ),
    "rejected_weather": ("observations", {"raw_weather"}, {"reject_ratio_within_limit"}, FOLLOWS),
    "live_skill": ("monitoring", {"processed_weather"}, {"champion_keeps_its_skill"}, FOLLOWS),
    "weather_checkpoint": ("training", {"processed_weather"}, set(), FOLLOWS),
    "model_verdict": (
        "training",
        {"weather_checkpoint", "processed_weather"},
        {"candidate_is_no_worse"},
        FOLLOWS,
    ),
    "champion_model": ("training", {"model_verdict"}, set(), FOLLOWS),
    "scoring_package": (
        "serving",
        {"champion_model"},
        {"served_package_agrees_with_network", "served_package_refuses_bad_requests"},
        FOLLOWS,
    ),
    "candidate_deployment": ("serving", {"scoring_package"}, {"candidate_answers"}, FOLLOWS),
    "shadow_traffic": ("serving", {"candidate_deployment"}, {"shadow_is_no_worse"}, FOLLOWS),
    "canary_traffic": ("serving", {"shadow_traffic"}, {"canary_is_no_worse"}, FOLLOWS),
    "live_deployment": ("serving", {"canary_traffic"}, {"live_is_no_worse"}, FOLLOWS),
}
JOBS = {
    "spark_preprocessing_pipeline": {"raw_weather", "processed_weather", "rejected_weather"},
    "distributed_training_pipeline": {"weather_checkpoint", "model_verdict", "champion_model"},
    "azure_manual_deploy": {"candidate_deployment", "live_deployment"},
    "azure_automated_rollout": {
        "candidate_deployment",
        "shadow_traffic",
        "canary_traffic",
        "live_deployment",
    },
    "continuous_training": set(GRAPH),
}
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_defs()


def test_the_graph_is_the_designed_one(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    found = {
        spec.key.to_user_string(): (
            spec.group_name,
            {dep.asset_key.to_user_string() for dep in spec.deps},
            {key.name for key in checks if key.asset_key == spec.key},
            spec.automation_condition.get_label() if spec.automation_condition else None,
        )
        for spec in definitions.resolve_all_asset_specs()
    }
    assert found == GRAPH


def test_every_check_but_those_of_skill_blocks(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    open_gates = {key.name for key in graph.asset_check_keys if not graph.get(key).blocking}
    assert open_gates == {"candidate_is_no_worse", "champion_keeps_its_skill"}


def test_every_asset_explains_itself(definitions: dg.Definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        assert len(spec.description or "") > 80, spec.key
        assert "Fails" in (spec.description or ""), spec.key
        assert spec.owners, spec.key
        assert spec.code_version, spec.key
        assert spec.kinds, spec.key


def test_every_asset_is_tried_again_and_waits_for_its_pool(definitions: dg.Definitions) -> None:
    pools = {
        "rows": {"raw_weather", "processed_weather", "rejected_weather"},
        "training": {"weather_checkpoint"},
        "registry": {"live_skill", "model_verdict", "champion_model", "scoring_package"},
        "endpoint": JOBS["azure_automated_rollout"],
    }
    for pool, keys in pools.items():
        for key in keys:
            step = definitions.resolve_assets_def(key)
            assert step.op.pool == pool
            assert {hook.name for hook in step.hook_defs} == {"keep_ending"}
            assert step.op.tags["weather_assets/code"]
    assert set().union(*pools.values()) == set(GRAPH)


def test_jobs_keep_their_names(definitions: dg.Definitions) -> None:
    for name, assets in JOBS.items():
        job = definitions.resolve_job_def(name)
        selected = {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
        assert selected == assets


def test_sensors_are_on(definitions: dg.Definitions) -> None:
    for name in ("raw_weather_sensor", "continuous_training_sensor", "rollout_sensor"):
        sensor = definitions.resolve_sensor_def(name)
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
        assert sensor.description


def settings_in(path: str) -> dict[str, Any]:
    return yaml.safe_load((REPOSITORY / path).read_text(encoding="utf-8"))


def test_the_instance_for_containers_differs_in_places_alone() -> None:
    containers, embedded = settings_in("docker/dagster.yaml"), settings_in("dagster.yaml")
    for place in ("storage", "local_artifact_storage", "compute_logs", "run_launcher"):
        del containers[place]
        embedded.pop(place, None)
    assert containers.pop("run_monitoring").items() >= {("enabled", True)}
    assert embedded.pop("run_monitoring")["enabled"]
    assert containers == embedded
