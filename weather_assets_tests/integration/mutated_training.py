"""A place where training may go wrong: rows, ranks in this process, a registry and the judge.

Belongs here: training and judging as the product does, on rows, statistics and weights that a test
may have spoilt. Does not belong here: the mistakes (`test_mutations`).
"""

import io
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions
from weather_assets.adapters.tracking.model_registry import CANDIDATE_ARTIFACTS, ModelRegistry
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.forecasting.events import RankEvents
from weather_assets.forecasting.network import (
    RainNetwork,
    load_network,
    network_digest,
    save_network,
)
from weather_assets.forecasting.rank_environment import RankEnvironment
from weather_assets.forecasting.settings import (
    SERVED_FOLDER,
    Architecture,
    TrainingJob,
    TrainingSettings,
)
from weather_assets.forecasting.training import run_rank
from weather_assets.verification.claims import Criteria, Outcome
from weather_assets.verification.verdict import Verdict
from weather_assets.workflows.candidates import DATA_VERSION, JUDGED_WEIGHTS, SERVED_WEIGHTS
from weather_assets.workflows.judgement import judge_candidate
from weather_assets_tests.integration.small_training import (
    five_column_contract,
    prepared_rows,
    statistics_of,
)

CONTENT = "rows"
SETTINGS = TrainingSettings(
    architectures=(Architecture("small", hidden_units=(8,)),), maximum_steps=120, batch_rows=256
)


class Workshop:
    """A data root with processed rows, and a registry for what is trained on them.

    Attributes:
        contract: of the rows.
        rows: as they are published, and judged on.
        root: the data root.
        registry: its registry.
    """

    def __init__(self, folder: Path) -> None:
        self.contract = five_column_contract()
        self.rows = prepared_rows(seed=7)
        self.root = DataRoot.at(folder / "root").create()
        self.registry = ModelRegistry(self.root.tracking_uri)
        self._trainings = folder / "trainings"
        self.publish(self.rows, self.contract)

    def publish(self, rows: pa.Table, contract: Contract) -> None:
        """Makes these the current rows, under a content version that never changes."""

        def write(folder: Path) -> None:
            pq.write_table(rows, folder / "weather.parquet")
            (folder / "contract.json").write_text(json.dumps(contract.to_dict()), encoding="utf-8")
            (folder / "manifest.json").write_text(json.dumps({"content_version": CONTENT}))

        versions = ProcessedVersions(self.root.processed)
        name = f"version-{len(list(self.root.processed.iterdir()))}"
        versions.build(name, write)
        versions.publish(name)

    def train(
        self,
        rows: pa.Table | None = None,
        statistics: TrainingStatistics | None = None,
        settings: TrainingSettings = SETTINGS,
    ) -> Path:
        """Trains on rows, by default the right ones, and returns the candidate's folder."""
        rows = self.rows if rows is None else rows
        folder = self._trainings / str(len(list(self._trainings.glob("*"))))
        folder.mkdir(parents=True)
        pq.write_table(rows, folder / "weather.parquet")
        (folder / "contract.json").write_text(json.dumps(self.contract.to_dict()), "utf-8")
        fitted = statistics_of(self.rows, self.contract) if statistics is None else statistics
        (folder / "statistics.json").write_text(fitted.to_json(), encoding="utf-8")
        job = TrainingJob(
            folder / "weather.parquet",
            folder / "contract.json",
            folder / "statistics.json",
            folder / "candidate",
            settings,
        )
        run_rank(job, RankEnvironment(), RankEvents(0, io.StringIO()))
        return job.output

    def register(
        self,
        trained: Path,
        contract: Contract | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Path:
        """Registers what was trained as the candidate, and returns its folder."""
        bound = {
            DATA_VERSION: CONTENT,
            JUDGED_WEIGHTS: network_digest(trained),
            SERVED_WEIGHTS: network_digest(trained / SERVED_FOLDER),
        }
        run = MlflowClient(self.root.tracking_uri).create_run(self.registry.ensure_experiment())
        (trained / "contract.json").write_text(
            json.dumps((contract or self.contract).to_dict()), encoding="utf-8"
        )
        self.registry.log_folder(run.info.run_id, trained, CANDIDATE_ARTIFACTS)
        version = self.registry.register(run.info.run_id, {**bound, **(tags or {})})
        self.registry.name_candidate(version.version)
        return shutil.copytree(trained, self.root.registry / version.version)

    def judge(self) -> Verdict:
        """Returns the verdict on the candidate."""
        return judge_candidate(self.root, self.registry, Criteria()).verdict


def caught_by(act: Callable[[], object]) -> set[str]:
    """Returns what keeps something from being done: an error, or claims that do not pass."""
    try:
        found = act()
    except ValueError as error:
        return {type(error).__name__}
    assert isinstance(found, Verdict)
    return {claim.name for claim in found.claims if claim.outcome is not Outcome.PASS}


def with_column(rows: pa.Table, name: str, values: object) -> pa.Table:
    """Returns rows of which one column has other values."""
    return rows.set_column(rows.column_names.index(name), name, pa.array(values))


def held_out_rows_train(rows: pa.Table) -> pa.Table:
    """Returns rows of which the held-out ones are in training, too."""
    split_N = rows["split"].to_numpy()
    return with_column(rows, "split", np.where(split_N == "test", "train", split_N))


def spoil(folder: Path, change: Callable[[RainNetwork], None]) -> None:
    """Changes the weights of a saved network."""
    network = load_network(folder)
    with torch.no_grad():
        change(network)
    save_network(network, folder)


def reshare(contract: Contract) -> Contract:
    """Returns a contract by which more of the rows train."""
    return replace(contract, split=replace(contract.split, train=0.9, validation=0.05))
