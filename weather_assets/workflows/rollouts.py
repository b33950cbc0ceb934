"""Rolling the scoring package out: its release, its probes, its endpoint, and one stage of it.

Belongs here: bringing package, held-out rows, endpoint and journal together for a stage. Does not
belong here: what a stage does (`rollout`), or how Azure is spoken to (`adapters.azure.service`).
"""

import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from filelock import FileLock, Timeout

from weather_assets.adapters.azure.local import endpoint_service
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.foundation.documents import read_json
from weather_assets.rollout.controller import RolloutController
from weather_assets.rollout.convergence import RolloutRefused
from weather_assets.rollout.evidence import ProbeSet
from weather_assets.rollout.journal import FileJournal
from weather_assets.rollout.report import StageReport
from weather_assets.rollout.service import NewerRelease, ServiceBusy
from weather_assets.rollout.settings import RolloutSettings
from weather_assets.rollout.states import Endpoint, Release, Stage
from weather_assets.scoring.package import SAMPLE_REQUEST_FILE
from weather_assets.scoring.request_rows import request_row
from weather_assets.workflows.published import (
    PackageRefusedError,
    passed_package,
    published_digest,
    published_package,
    published_version,
)

JOURNAL = "rollouts.jsonl"
MOST_PROBE_ROWS = 2000
"""Held-out rows that a stage draws its probes from, spread evenly over the test period."""
LOCK_SECONDS = 7200.0
"""Longest time to wait for another stage on the same endpoint: two holds of the longest kind."""


@dataclass(frozen=True, slots=True)
class RolloutOrder:
    """One stage to be taken.

    Attributes:
        stage: the stage.
        immediate: whether the release gets all traffic without shadow and canary.
        run_id: the Dagster run; marks what is made on the endpoint.
        deployed: identity of the release that was deployed before this stage; empty where the stage
            does not ask for one.
    """

    stage: Stage
    immediate: bool
    run_id: str
    deployed: str = ""


def advance_rollout(
    root: DataRoot,
    settings: AzureSettings,
    stages: RolloutSettings,
    order: RolloutOrder,
    report_progress: Callable[[str], None],
) -> StageReport | None:
    """Takes the scoring package through one stage on its endpoint.

    Only one stage runs at a time on an endpoint of a data root; others wait for it. A stage ends
    without a verdict as soon as a newer package is published, whose own rollout goes on from there.

    Args:
        root: the data root, with a scoring package.
        settings: workspace, endpoint and machines.
        stages: percentages and times of the rollout.
        order: the stage.
        report_progress: called with one sentence per step.

    Returns:
        What became of the stage; None where a newer package supersedes it.

    Raises:
        RolloutRefused: there is nothing to roll out, or the stage cannot be reached from here.
        ServiceError: the endpoint fails or refuses for good; running again goes on.
    """
    if settings.is_local:
        report_progress("no AZURE_SUBSCRIPTION_ID: Local Azure serves, on this machine")
    with _only_rollout(root, settings.endpoint, report_progress):
        release = present_release(root, settings)
        if order.deployed not in ("", release.identity):
            report_progress(f"superseded: {release} is to be deployed first")
            return None
        with closing(endpoint_service(settings, root, _packages(root), order.run_id)) as service:
            controller = RolloutController(
                service=service,
                settings=stages,
                probes=probe_set(root),
                clock=lambda: datetime.now(UTC),
                sleep=time.sleep,
                journal=FileJournal(root.registry / JOURNAL),
                report_progress=report_progress,
                newer=partial(_newer_than, root, release),
            )
            try:
                return controller.advance(release, order.stage, immediate=order.immediate)
            except NewerRelease as newer:
                report_progress(str(newer))
                return None


def _newer_than(root: DataRoot, release: Release) -> str:
    """Says which package has been published instead of a release's; empty where none has."""
    if published_digest(root) in (None, release.digest):
        return ""
    version = published_version(root)
    return f"superseded: the newer package of model version {version} is to be rolled out instead"


def observe_endpoint(root: DataRoot, settings: AzureSettings) -> tuple[Endpoint | None, str]:
    """Returns the endpoint as the service reports it (None: there is none), and its scoring URI.

    Raises:
        ServiceError: as `advance_rollout`.
    """
    with closing(endpoint_service(settings, root, _packages(root), "")) as service:
        found = service.observe()
        return found, service.scoring_uri


def endpoint_key(root: DataRoot, settings: AzureSettings) -> str:
    """Returns the key or token that the endpoint asks its clients for: a secret.

    Raises:
        ServiceError: as `advance_rollout`.
    """
    with closing(endpoint_service(settings, root, _packages(root), "")) as service:
        return service.secret()


def present_release(root: DataRoot, settings: AzureSettings) -> Release:
    """Returns the release that the published package and the settings make.

    Raises:
        RolloutRefused: if there is no package, it has not passed its checks, or was changed since.
    """
    try:
        package = published_package(root)
    except PackageRefusedError as error:
        raise RolloutRefused(str(error)) from None
    return Release(package.version, package.digest, settings.configuration)


def sample_row(root: DataRoot) -> dict[str, Any]:
    """Returns one raw row of the published package's sample request.

    Raises:
        PackageRefusedError: as `published_package`.
    """
    return read_json(published_package(root).folder / SAMPLE_REQUEST_FILE)["rows"][0]


def probe_set(root: DataRoot) -> ProbeSet:
    """Returns held-out rows of the current data as requests, with what was observed.

    Raises:
        RolloutRefused: if there are no held-out rows, or the training rows know one class only.
    """
    version = ProcessedVersions(root.processed).current()
    contract = Contract.from_dict(read_json(version / "contract.json"))
    statistics = TrainingStatistics.from_json((version / "statistics.json").read_text("utf-8"))
    rows = ds.dataset(str(version / "weather.parquet")).to_table(filter=pc.field("split") == "test")
    if len(rows) == 0 or not 0 < statistics.training_positive < statistics.training_rows:
        raise RolloutRefused(
            f"{version} has {len(rows)} held-out rows and {statistics.training_positive} events in "
            f"{statistics.training_rows} training rows: nothing can be judged with them"
        )
    chosen = np.linspace(0, len(rows) - 1, num=min(MOST_PROBE_ROWS, len(rows))).astype(np.int64)
    probes = rows.take(pa.array(np.unique(chosen))).to_pylist()
    return ProbeSet(
        rows=tuple(request_row(contract, row) for row in probes),
        outcomes=tuple(int(row["label_encoded"]) for row in probes),
        base_rate=statistics.training_positive / statistics.training_rows,
    )


@contextmanager
def _only_rollout(
    root: DataRoot, endpoint: str, report_progress: Callable[[str], None]
) -> Generator[None]:
    lock = FileLock(root.registry / f".rollout-{endpoint}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report_progress(f"another rollout works on endpoint {endpoint!r}: waiting for it")
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise ServiceBusy(
                f"another rollout has worked on endpoint {endpoint!r} for "
                f"{LOCK_SECONDS / 3600:g} hours; end its run, then run again"
            ) from None
    try:
        yield
    finally:
        lock.release()


def _packages(root: DataRoot) -> Callable[[Release], Path]:
    def package_of(release: Release) -> Path:
        try:
            return passed_package(root, release.version, release.digest)
        except PackageRefusedError as error:
            raise RolloutRefused(str(error)) from None

    return package_of
