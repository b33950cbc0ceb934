"""A candidate is trained once; ranks are there for a training alone, and never after it."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from dagster import DagsterExecutionInterruptedError
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions
from weather_assets.adapters.ranks.processes import ProcessBackend, RankProcess
from weather_assets.adapters.ranks.protocol import RankEvent, RankSpec
from weather_assets.adapters.ranks.settings import GangSettings
from weather_assets.adapters.tracking.model_registry import EXPERIMENT, ModelRegistry
from weather_assets.forecasting.settings import Architecture, TrainingSettings
from weather_assets.workflows.candidates import Candidate, TrainingOrder, obtain_candidate
from weather_assets_tests.integration.small_training import write_processed

pytestmark = pytest.mark.timeout(120)
ORDER = TrainingOrder(
    settings=TrainingSettings(
        architectures=(Architecture("small", hidden_units=(4,)),), maximum_steps=20
    ),
    gang=GangSettings(world_size=1, max_relaunches=0, stop_grace_seconds=1.0),
    code_version="1",
    dagster_run_id="run",
)


class CountingBackend(ProcessBackend):
    """Ranks on this machine, counted."""

    def __init__(self) -> None:
        super().__init__()
        self.launched: list[RankSpec] = []

    def launch(self, spec: RankSpec) -> RankProcess:
        self.launched.append(spec)
        return super().launch(spec)


class Workshop:
    """A data root with processed rows, and trainings in it."""

    def __init__(self, folder: Path) -> None:
        def write(processed: Path) -> None:
            write_processed(processed)
            (processed / "manifest.json").write_text(json.dumps({"content_version": "rows"}))

        self.root = DataRoot.at(folder).create()
        versions = ProcessedVersions(self.root.processed)
        versions.build("version", write)
        versions.publish("version")
        self.registry = ModelRegistry(self.root.tracking_uri)
        self.backend = CountingBackend()

    def open_run(self) -> str:
        # What dagster-mlflow does, without Dagster.
        client = MlflowClient(self.root.tracking_uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None
        return client.create_run(experiment.experiment_id).info.run_id

    def obtain(
        self,
        order: TrainingOrder = ORDER,
        open_run: Callable[[], str] | None = None,
        on_event: Callable[[RankEvent], None] = lambda _event: None,
    ) -> Candidate:
        return obtain_candidate(
            self.root,
            self.registry,
            self.backend,
            order,
            open_run=open_run or self.open_run,
            on_event=on_event,
            has_ended=lambda run_id: run_id == "killed",
        )

    def leave_a_training(self, dagster_run_id: str) -> None:
        """Has a training be killed before it could end its MLflow run."""
        experiment = self.registry.ensure_experiment()
        tags = {"dagster_run_id": dagster_run_id}
        MlflowClient(self.root.tracking_uri).create_run(experiment, tags=tags)

    def status_of_runs(self) -> list[str]:
        client = MlflowClient(self.root.tracking_uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        found = client.search_runs([experiment.experiment_id]) if experiment else []
        return [run.info.status for run in found]


def ranks() -> list[psutil.Process]:
    """Returns the ranks below this process; what is dead or a zombie is none."""
    found: list[psutil.Process] = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie is one of these, too
            if "weather_assets.forecasting" in each.cmdline():
                found.append(each)
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, Candidate]:
    """Returns a workshop in which one candidate was trained, and the candidate."""
    shop = Workshop(tmp_path_factory.mktemp("root"))
    shop.leave_a_training("killed")
    shop.leave_a_training("of another place")
    return shop, shop.obtain()


def test_a_new_candidate_is_trained_by_the_gang_that_is_ordered(
    trained: tuple[Workshop, Candidate],
) -> None:
    shop, candidate = trained
    assert [spec.world_size for spec in shop.backend.launched] == [1]
    assert candidate.gang is not None
    assert candidate.gang.failures == ()
    assert (candidate.folder / "model.safetensors").is_file()
    assert candidate.folder == shop.root.registry / candidate.version.version
    assert not list((shop.root.registry / ".training").iterdir())
    assert sorted(shop.status_of_runs()) == ["FINISHED", "KILLED", "RUNNING"]
    assert ranks() == []


@pytest.mark.parametrize(
    "gang",
    [ORDER.gang, replace(ORDER.gang, world_size=2, start_timeout_seconds=7.0)],
    ids=["the same gang", "another gang"],
)
def test_no_rank_is_started_for_a_candidate_that_is_known(
    trained: tuple[Workshop, Candidate], gang: GangSettings
) -> None:
    shop, candidate = trained
    before = len(shop.backend.launched)
    again = shop.obtain(replace(ORDER, gang=gang))
    assert (again.version.version, again.gang) == (candidate.version.version, None)
    assert len(shop.backend.launched) == before
    assert ranks() == []


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, RuntimeError])
def test_ranks_end_when_no_run_can_be_opened(
    tmp_path: Path, interrupt: type[BaseException]
) -> None:
    def no_run() -> str:
        assert ranks()
        raise interrupt("MLflow is away")

    shop = Workshop(tmp_path)
    with pytest.raises(interrupt, match="MLflow is away"):
        shop.obtain(open_run=no_run)
    assert ranks() == []
    assert shop.registry.candidate() is None


@pytest.mark.parametrize(
    ("interrupt", "status"),
    [
        (KeyboardInterrupt, "KILLED"),
        (DagsterExecutionInterruptedError, "KILLED"),
        (RuntimeError, "FAILED"),
    ],
)
def test_ranks_end_when_nobody_listens_any_more(
    tmp_path: Path, interrupt: type[BaseException], status: str
) -> None:
    def deaf(event: RankEvent) -> None:
        if event.name == "started":
            raise interrupt("no more")

    shop = Workshop(tmp_path)
    with pytest.raises(interrupt, match="no more"):
        shop.obtain(on_event=deaf)
    assert ranks() == []
    assert shop.status_of_runs() == [status]
