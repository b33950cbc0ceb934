"""Only a package that passed its checks is published, and nothing deploys another one."""

import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.tracking.model_registry import CANDIDATE_ARTIFACTS, ModelRegistry
from weather_assets.contract.loading import builtin_contracts
from weather_assets.definitions import build_defs
from weather_assets.defs.resources import DataRootResource
from weather_assets.forecasting.network import save_network
from weather_assets.workflows import packaging
from weather_assets.workflows.packaging import Package, package_champion
from weather_assets.workflows.published import (
    PackageRefusedError,
    passed_package,
    published_package,
)
from weather_assets_tests.integration.arbitrary_network import (
    arbitrary_network,
    plausible_statistics,
)
from weather_assets_tests.integration.prepared_root import PreparedRoot
from weather_assets_tests.verification.test_verdict import VERDICT
from weather_assets_tests.workflows.published_packages import FAILED, publish_for_a_test

JOBS = ("azure_manual_deploy", "azure_automated_rollout")
STAGES = ("candidate_deployment", "shadow_traffic", "canary_traffic", "live_deployment")


def registry_with_champion(root: DataRoot) -> ModelRegistry:
    """Returns a registry whose version 1 is champion, with a network for the prepared rows."""
    folder = root.registry / "1"
    folder.mkdir()
    contract = next(each for each in builtin_contracts() if each.name == "five_column")
    save_network(arbitrary_network(contract, plausible_statistics(contract)), folder)
    (folder / "contract.json").write_text(json.dumps(contract.to_dict()))
    (folder / "result.json").write_text("{}")
    (folder / "verdict.json").write_text(VERDICT.to_json())
    registry = ModelRegistry(root.tracking_uri)
    run = MlflowClient(root.tracking_uri).create_run(registry.ensure_experiment())
    registry.log_folder(run.info.run_id, folder, CANDIDATE_ARTIFACTS)
    registry.promote(registry.register(run.info.run_id, {}).version)
    return registry


def test_a_package_is_published_behind_its_gates_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = PreparedRoot.made(tmp_path / "data").root
    registry = registry_with_champion(root)

    def package() -> Package:
        return package_champion(root, registry, lambda _step: None)

    first = package()
    assert all(gate.passed for gate in first.gates.values())
    assert published_package(root).digest == first.digest

    # Another threshold makes another package; that no difference is small enough makes it fail.
    verdict = (root.registry / "1" / "verdict.json").read_text()
    assert '"threshold": 0.4' in verdict
    (root.registry / "1" / "verdict.json").write_text(
        verdict.replace('"threshold": 0.4', '"threshold": 0.45')
    )
    with monkeypatch.context() as patch:
        patch.setattr(packaging, "TOLERANCE", -1.0)
        second = package()
    assert not second.gates["served_package_agrees_with_network"].passed
    assert second.digest != first.digest
    assert published_package(root).digest == first.digest
    assert second.folder != root.package("1")
    with pytest.raises(PackageRefusedError, match="failed served_package_agrees_with_network"):
        passed_package(root, "1", second.digest)

    assert package().digest == second.digest
    assert published_package(root).digest == second.digest


def run(root: DataRoot, job: str, *stages: str) -> str:
    """Runs a job, or some of its stages, which must fail; returns why the first asset did."""
    definitions = build_defs(
        resource_overrides={"data_root": DataRootResource(path=str(root.path))}
    )
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=instance,
            raise_on_error=False,
            asset_selection=[dg.AssetKey(stage) for stage in stages] or None,
        )
    failures = [event for event in result.all_events if event.is_step_failure]
    assert failures
    assert not result.get_asset_materialization_events()
    error = failures[0].step_failure_data.error
    assert error is not None
    while error.cause is not None:
        error = error.cause
    return error.message


def failed(prepared: PreparedRoot) -> str:
    publish_for_a_test(prepared.root, "1", FAILED)
    return "failed made_for_a_test (the test says so) and must not serve"


def changed(prepared: PreparedRoot) -> str:
    prepared.offer("1")
    with (prepared.root.package("1") / "score.py").open("a") as script:
        script.write("# changed\n")
    return "is not the package that passed its checks"


@pytest.mark.parametrize("harm", [failed, changed])
@pytest.mark.parametrize(
    ("job", "stages"),
    [*((job, ()) for job in JOBS), *(("azure_automated_rollout", (stage,)) for stage in STAGES)],
    ids=[*JOBS, *STAGES],
)
def test_no_job_and_no_stage_deploys_what_must_not_serve(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    job: str,
    stages: tuple[str, ...],
    harm: Callable[[PreparedRoot], str],
) -> None:
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    prepared = PreparedRoot.made(tmp_path / "data")
    prepared.add("1")
    message = harm(prepared)
    assert message in run(prepared.root, job, *stages)
    assert not prepared.root.local_azure.exists()
