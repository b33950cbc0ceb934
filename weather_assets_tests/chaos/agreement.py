"""What must agree when all is quiet: from the raw files to what the endpoint answers.

Belongs here: looking at each place by itself, and comparing. Does not belong here: waiting
(`platform`).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import httpx
from mlflow import MlflowClient

from weather_assets.adapters.azure import simulator
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions, read_manifest
from weather_assets.adapters.files.raw_snapshot import take_snapshot
from weather_assets.adapters.settings.concerns import ENDPOINT
from weather_assets.adapters.tracking.model_registry import ModelRegistry, ModelVersion
from weather_assets.scoring.package import SAMPLE_REQUEST_FILE
from weather_assets.workflows.candidates import DATA_VERSION
from weather_assets.workflows.published import published_package, published_version
from weather_assets.workflows.rollouts import endpoint_key, observe_endpoint
from weather_assets_tests.chaos.platform import Platform

_AGREE = 1e-6
"""How far the endpoint's answer may be from the package's own, in probability."""


@dataclass(frozen=True)
class Newest:
    """Whether the newest raw files have gone all the way, as far as can be told cheaply."""

    recorded: bool
    processed: bool
    judged: bool
    served: bool


def newest(platform: Platform) -> Newest:
    """Returns how far the newest raw files have come."""
    root = platform.root
    content = take_snapshot(root.raw, root.contract_file).version
    with platform.instance() as instance:
        recorded = _version(instance, "raw_weather")
        consumed = _tags(instance, "processed_weather").get(
            "dagster/input_data_version/raw_weather"
        )
    return Newest(recorded == content, consumed == content, _is_judged(root), _is_served(root))


def disagreements(platform: Platform) -> Iterator[str]:
    """Yields in words what does not agree; nothing where all does."""
    root = platform.root
    state = newest(platform)
    if not state.recorded:
        yield "the raw files are not those that raw_weather has recorded"
    if not state.processed:
        yield "processed_weather is not made of the recorded raw files"
    registry = ModelRegistry(root.tracking_uri)
    candidate, champion = registry.candidate(), registry.champion()
    if candidate is None or champion is None:
        yield f"candidate {candidate} and champion {champion}: there must be both"
        return
    yield from _models(root, candidate, champion)
    yield from _endpoint(root, champion)
    yield from _unfinished(platform)


def _models(root: DataRoot, candidate: ModelVersion, champion: ModelVersion) -> Iterator[str]:
    content = read_manifest(ProcessedVersions(root.processed).current())["content_version"]
    if candidate.tags[DATA_VERSION] != content:
        yield f"candidate {candidate.version} is not trained on the processed rows"
    verdict = json.loads((root.registry / candidate.version / "verdict.json").read_text())
    if (verdict["outcome"] == "pass") != (champion.version == candidate.version):
        yield (
            f"candidate {candidate.version}'s verdict is {verdict['outcome']}, and the champion is "
            f"{champion.version}"
        )
    if published_version(root) != champion.version:
        yield f"package {published_version(root)} is published, the champion is {champion.version}"


def _endpoint(root: DataRoot, champion: ModelVersion) -> Iterator[str]:
    settings = ENDPOINT.read()
    endpoint, _ = observe_endpoint(root, settings)
    if endpoint is None:
        yield "there is no endpoint"
        return
    serving = {
        str(each.release.version if each.release else None)
        for each in endpoint.deployments
        if endpoint.live_share(each.slot)
    }
    if serving != {champion.version}:
        yield f"versions {serving} serve ({endpoint.shares}), the champion is {champion.version}"
    package = published_package(root)
    request = json.loads((package.folder / SAMPLE_REQUEST_FILE).read_text())
    url = simulator.variables(root.local_azure)["LOCAL_AZURE_URL"]
    answer = httpx.post(
        f"{url}/endpoints/{settings.endpoint}/score",
        json=request,
        headers={"Authorization": f"Bearer {endpoint_key(root, settings)}"},
        timeout=60,
        trust_env=False,
    )
    expected = forecast_offline(root, request["rows"])
    if not answer.is_success:
        yield f"the endpoint answers {answer.status_code}: {answer.text[:300]}"
        return
    answered = answer.json()["probability"]
    if any(abs(a - b) > _AGREE for a, b in zip(answered, expected, strict=True)):
        yield f"the endpoint answers {answered}, the champion {expected}"


def forecast_offline(root: DataRoot, rows: list[dict[str, object]]) -> list[float]:
    """Returns what `predict`, the champion without a server, says of raw rows."""
    asked, answered = root.path / "asked.csv", root.path / "answered.csv"
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    asked.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "weather_assets", "predict", "--data", str(root.path)]
    command += ["--input", str(asked), "--output", str(answered)]
    subprocess.run(command, check=True, timeout=300, env=dict(os.environ), capture_output=True)
    return [float(line.split(",")[0]) for line in answered.read_text().splitlines()[1:]]


def _unfinished(platform: Platform) -> Iterator[str]:
    client = MlflowClient(platform.root.tracking_uri)
    experiments = [each.experiment_id for each in client.search_experiments()]
    for run in client.search_runs(experiments, "attributes.status = 'RUNNING'"):
        yield f"MLflow run {run.info.run_id} is RUNNING, and nobody trains"


def _is_judged(root: DataRoot) -> bool:
    """Tells whether the candidate is of the processed rows, and champion if it passed."""
    registry = ModelRegistry(root.tracking_uri)
    candidate, champion = registry.candidate(), registry.champion()
    if candidate is None or champion is None:
        return False
    verdict = root.registry / candidate.version / "verdict.json"
    return verdict.is_file() and not list(_models(root, candidate, champion))


def _is_served(root: DataRoot) -> bool:
    """Tells whether the champion is what has the traffic, and nothing is on its way."""
    if simulator.running(root.local_azure) is None:
        return False
    champion = ModelRegistry(root.tracking_uri).champion()
    return champion is not None and not list(_endpoint_versions(root, champion))


def _endpoint_versions(root: DataRoot, champion: ModelVersion) -> Iterator[str]:
    endpoint, _ = observe_endpoint(root, ENDPOINT.read())
    versions = [
        str(each.release.version if each.release else None)
        for each in (endpoint.deployments if endpoint else ())
    ]
    if versions != [champion.version]:
        yield f"{versions}"


def _tags(instance: dg.DagsterInstance, asset: str) -> dict[str, str]:
    event = instance.get_latest_materialization_event(dg.AssetKey(asset))
    made = event.asset_materialization if event is not None else None
    return dict(made.tags or {}) if made is not None else {}


def _version(instance: dg.DagsterInstance, asset: str) -> str | None:
    return _tags(instance, asset).get("dagster/data_version")
