"""What assets need from the outside: data root, Spark, MLflow, a place for training ranks.

Belongs here: resources that are swapped between embedded, containers and Azure; each returns a pure
object. Does not belong here: what an asset does with it.
"""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.settings.concerns import CONTAINERS, PLACEMENT
from weather_assets.defs.settings import SettingsResource, with_fields

if TYPE_CHECKING:
    from weather_assets.adapters.ranks.protocol import RankBackend
    from weather_assets.adapters.tracking.model_registry import ModelRegistry


class DataRootResource(dg.ConfigurableResource["DataRoot"]):
    """The folder that holds raw/, processed/, registry/ and the stores of Dagster and MLflow."""

    path: str = Field(
        default="",
        description="The folder; where empty, WEATHER_ASSETS_DATA, and where that is unset, data/.",
    )

    def get(self) -> DataRoot:
        """Returns the data root, with its folders made."""
        found = DataRoot.at(Path(self.path)) if self.path else DataRoot.from_environment()
        return found.create()


class ModelRegistryResource(dg.ConfigurableResource["ModelRegistry"]):
    """MLflow: SQLite inside the data root, or the server that MLFLOW_TRACKING_URI names."""

    data_root: dg.ResourceDependency[DataRootResource]

    def get(self) -> "ModelRegistry":
        """Returns the registry (importing MLflow takes 2 s)."""
        from weather_assets.adapters.tracking.model_registry import ModelRegistry

        return ModelRegistry(self.data_root.get().tracking_uri)


class RankBackendResource(with_fields(SettingsResource, PLACEMENT, CONTAINERS)):
    """Where training ranks run: as processes on this machine, or as containers of a Docker engine.

    All but the placement is about containers.
    """

    data_root: dg.ResourceDependency[DataRootResource]

    @property
    def in_containers(self) -> bool:
        """Whether ranks are containers.

        Raises:
            SettingError: the placement is neither process nor docker.
        """
        return PLACEMENT.read(self.given()).placement == "docker"

    def get(self, context: dg.AssetExecutionContext) -> "RankBackend":
        """Returns the backend that starts, watches and ends single ranks of this run."""
        if not self.in_containers:
            from weather_assets.adapters.ranks.processes import ProcessBackend

            return ProcessBackend()
        from weather_assets.adapters.containers.backend import ContainerBackend

        return ContainerBackend(
            CONTAINERS.read(self.given()),
            data_root=self.data_root.get().path,
            run_id=context.run.run_id,
            run_is_over=lambda run_id: run_is_over(context.instance, run_id),
        )


def run_is_over(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tells whether nothing works for a run any more; so for one that the instance never had."""
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished


def run_has_ended(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tells whether a run has ended; not so of one that is another instance's."""
    run = instance.get_run_by_id(run_id)
    return run is not None and run.is_finished


class TrackedRun:
    """Opens the MLflow run of a Dagster run, through dagster-mlflow, when it is first asked for.

    dagster-mlflow opens a run as soon as an op needs the resource; an asset that finds nothing to
    do would leave an empty run behind.
    """

    def __init__(self, context: dg.InitResourceContext) -> None:
        self._context = context
        self._opened = ExitStack()

    def open(self) -> str:
        """Returns the id of the MLflow run that carries this Dagster run's id as a tag."""
        import mlflow

        from weather_assets.adapters.tracking.process_store import process_store

        self._opened.enter_context(process_store())
        self._opened.callback(mlflow.end_run)
        with warnings.catch_warnings():
            # dagster-mlflow is beta as a whole, and says so at every use.
            warnings.simplefilter("ignore", dg.BetaWarning)
            from dagster_mlflow.resources import MlFlow

            MlFlow(self._context)
        run = mlflow.active_run()
        if run is None:
            raise RuntimeError("dagster-mlflow opened no MLflow run")
        return run.info.run_id

    def detach(self) -> None:
        """Makes the run no longer the active one of this process, leaving its state alone."""
        self._opened.close()


@dg.resource(
    config_schema={
        "experiment_name": dg.Field(str, default_value="weather_assets"),
        "mlflow_tracking_uri": dg.Field(dg.Noneable(str), default_value=None, is_required=False),
        "extra_tags": dg.Field(dg.Permissive(), default_value={}),
    },
    required_resource_keys={"data_root"},
    description="Ties Dagster runs to MLflow runs (dagster-mlflow), opened on demand.",
)
def mlflow_tracking(context: dg.InitResourceContext) -> Iterator[TrackedRun]:
    """Yields what opens the MLflow run of this Dagster run."""
    uri = (
        context.resource_config["mlflow_tracking_uri"]
        or context.resources.data_root.get().tracking_uri
    )
    config = {**context.resource_config, "mlflow_tracking_uri": uri}
    tracked = TrackedRun(context.replace_config(config))
    yield tracked
    tracked.detach()
