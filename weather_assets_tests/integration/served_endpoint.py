"""One endpoint on Local Azure, and the product's own jobs that roll packages out on it.

Belongs here: starting both, running stages as assets, asking as users do. Does not belong here:
what is rolled out (`prepared_root`), or what is expected of it (the tests).
"""

import os
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from weather_assets.adapters.azure.local import LocalAzure
from weather_assets.adapters.settings.concerns import ENDPOINT
from weather_assets.definitions import build_defs
from weather_assets.defs.resources import DataRootResource
from weather_assets.local_azure import daemon
from weather_assets.local_azure.control import Control
from weather_assets.rollout.states import Endpoint
from weather_assets.workflows.rollouts import endpoint_key, observe_endpoint
from weather_assets_tests.integration.live_clients import PAUSE_SECONDS, Record, asking
from weather_assets_tests.integration.prepared_root import PreparedRoot

STAGES = ("candidate_deployment", "shadow_traffic", "canary_traffic", "live_deployment")
QUICK: Mapping[str, str] = {
    "ROLLOUT_SHADOW_SECONDS": "0.2",
    "ROLLOUT_CANARY_SECONDS": "0.2",
    "ROLLOUT_WARM_SECONDS": "0.2",
    "ROLLOUT_LOOK_SECONDS": "0.2",
    "ROLLOUT_POLL_SECONDS": "0.1",
    "ROLLOUT_RETRY_SECONDS": "0.1",
    "ROLLOUT_PROBE_REQUESTS_PER_SECOND": "50",
    "ROLLOUT_SMOKE_REQUESTS": "2",
    "ROLLOUT_ANSWER_SECONDS": "2",
    # Room for the pauses of a machine that other tests share; a slow candidate takes 0.35 s.
    "ROLLOUT_LATENCY_SLACK_SECONDS": "0.15",
}
"""As Local Azure's settings, with stages that end as soon as there is evidence."""


@dataclass(frozen=True)
class StageResult:
    """What one asset came to."""

    metadata: Mapping[str, Any]
    passed: bool
    sentence: str


@dataclass
class ServedEndpoint:
    """An endpoint of a data root."""

    prepared: PreparedRoot
    name: str
    local: LocalAzure
    instance: dg.DagsterInstance
    variables: dict[str, str] = field(default_factory=dict[str, str])

    @cached_property
    def definitions(self) -> dg.Definitions:
        """The product's, on this data root."""
        data_root = DataRootResource(path=str(self.prepared.root.path))
        return build_defs(resource_overrides={"data_root": data_root})

    @property
    def control(self) -> Control:
        """Of its Local Azure."""
        return daemon.control(self.local.state)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that its rollouts are run under, on top of those of the process."""
        return {**QUICK, "ENDPOINT_NAME": self.name, **self.variables}

    def run(
        self,
        *stages: str,
        job: str = "azure_automated_rollout",
    ) -> dict[str, StageResult]:
        """Runs a job, or some of its stages; returns what each asset came to that ran."""
        with self.in_force():
            result = self.definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                raise_on_error=False,
                asset_selection=[dg.AssetKey(stage) for stage in stages] or None,
            )
        checks = {each.asset_key: each for each in result.get_asset_check_evaluations()}
        found: dict[str, StageResult] = {}
        for event in result.all_events:
            if event.is_step_failure and event.step_key not in {
                key.to_user_string() for key in checks
            }:
                raise AssertionError(str(event.event_specific_data))
            if event.event_type is not dg.DagsterEventType.ASSET_MATERIALIZATION:
                continue
            materialization = event.step_materialization_data.materialization
            check = checks[materialization.asset_key]
            found[materialization.asset_key.to_user_string()] = StageResult(
                {name: value.value for name, value in materialization.metadata.items()},
                check.passed,
                str(check.description),
            )
        return found

    def observe(self) -> Endpoint:
        """Returns what the service reports."""
        with self.in_force():
            found, _ = observe_endpoint(self.prepared.root, ENDPOINT.read())
        assert found is not None, "there is no endpoint"
        return found

    def standing(self) -> tuple[dict[str, int], dict[str, str]]:
        """Returns live traffic, and the model version in each slot; nothing is mirrored."""
        found = self.observe()
        assert not found.shares.mirror
        versions = {each.slot: each.release.version for each in found.deployments if each.release}
        assert len(versions) == len(found.deployments)
        return dict(found.shares.live), versions

    def users(self, pause_seconds: float = PAUSE_SECONDS) -> AbstractContextManager[Record]:
        """Asks it all the time while entered."""
        with self.in_force():
            _, uri = observe_endpoint(self.prepared.root, ENDPOINT.read())
            key = endpoint_key(self.prepared.root, ENDPOINT.read())
        return asking(uri, key, self.local.variables, self.control, self.name, pause_seconds)

    @contextmanager
    def in_force(self) -> Generator[None]:
        """Sets its variables in this process for as long as it is entered."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(("AZURE_", "ENDPOINT_"))]:
                patch.delenv(name)
            for name, value in self.environment.items():
                patch.setenv(name, value)
            yield


@contextmanager
def served(folder: Path, name: str, **options: Any) -> Generator[ServedEndpoint]:
    """Runs Local Azure on a new data root until the block is left.

    Args:
        folder: where the data root is made.
        name: of the endpoint, which is not made.
        options: settings of Local Azure.
    """
    prepared = PreparedRoot.made(folder / "data")
    state = prepared.root.local_azure
    chosen = {"operation_seconds": 0.05, "polling_seconds": 0.05, "timeout": 60.0, **options}
    try:
        local = LocalAzure.started(state, **chosen)
        with dg.DagsterInstance.ephemeral() as instance:
            yield ServedEndpoint(prepared, name, local, instance)
    finally:
        daemon.stop(state)
