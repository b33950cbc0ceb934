"""A data root with something to roll out, made in milliseconds: neither Spark nor training ran.

Belongs here: held-out rows, scoring packages good and bad, and offering one to the rollout. Does
not belong here: the endpoint (`served_endpoint`).

A bad package is a good one whose `score.py` turns bad when a file appears, so that a test chooses
the stage in which it happens; one with other columns is bad from the start.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions, write_manifest
from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Contract
from weather_assets.contract.statistics import TrainingStatistics
from weather_assets.scoring.package import (
    SCRIPT_FILE,
    PackageContents,
    build_package,
)
from weather_assets_tests.integration.linear_graph import linear_forecast, write_linear_graph
from weather_assets_tests.synthetic import COLUMNS, RANGES, rains
from weather_assets_tests.workflows.published_packages import publish_for_a_test

TEST_ROWS = 200
TRAINING_ROWS, TRAINING_EVENTS = 1000, 129
SAMPLE: Mapping[str, float] = {
    "Temperature": 16.5, "Humidity": 93.0, "Wind_Speed": 11.0, "Cloud_Cover": 88.0,
    "Pressure": 1003.5,
}  # fmt: skip
"""A raw reading: degrees Celsius, percent, km/h, percent, hectopascals."""
SAMPLE_FORECAST = float(linear_forecast(np.array([list(SAMPLE.values())]))[0])


class Defect(StrEnum):
    """What is wrong with a package."""

    ANSWERS_503 = "return 503, {'error': {'code': 'broken', 'message': 'as told'}}"
    SLOW = "import time; time.sleep(0.35)"
    FLIPPED = "answer['probability'] = [1 - value for value in answer['probability']]"
    NAN = "answer['probability'] = [float('nan') for _ in answer['probability']]"
    CRASHES = "import signal; os.killpg(0, signal.SIGKILL)"
    OTHER_COLUMNS = ""
    """It takes columns of other names, and so refuses every row."""


_DEFECTIVE = """

_sound_respond = respond


def respond(scorer, body):
    status, answer = _sound_respond(scorer, body)
    if os.path.exists({trigger!r}):
        print("this scorer has gone bad: {name}", flush=True)
        {statement}
    return status, answer
"""


@dataclass(frozen=True)
class PreparedRoot:
    """A data root whose registry has packages, of which one is offered to the rollout."""

    root: DataRoot

    @classmethod
    def made(cls, folder: Path) -> "PreparedRoot":
        """Returns a new one, with processed rows and no package."""
        root = DataRoot.at(folder).create()
        versions = ProcessedVersions(root.processed)
        versions.build("prepared", _write_processed)
        versions.publish("prepared")
        return cls(root)

    @property
    def trigger(self) -> Path:
        """The file at whose sight packages with a defect turn bad."""
        return self.root.path / "turn-bad"

    def add(self, version: str, defect: Defect | None = None) -> None:
        """Adds a package; packages of different versions differ in content."""
        folder = self.root.registry / version
        folder.mkdir()
        prefix = "Other_" if defect is Defect.OTHER_COLUMNS else ""
        write_linear_graph(folder / "model.onnx", prefix=prefix)
        build_package(
            self.root.package(version),
            PackageContents(
                graph=folder / "model.onnx",
                contract=_contract(prefix),
                threshold=0.5,
                model_name="weather_assets",
                model_version=version,
                sample_rows=[{f"{prefix}{name}": value for name, value in SAMPLE.items()}],
                sample_probabilities=[SAMPLE_FORECAST],
                verdict={},
            ),
        )
        if defect is not None and defect.value:
            text = _DEFECTIVE.format(
                trigger=str(self.trigger), name=defect.name, statement=defect.value
            )
            with (self.root.package(version) / SCRIPT_FILE).open("a", encoding="utf-8") as script:
                script.write(text)

    def offer(self, version: str) -> None:
        """Makes a package the one that the next rollout is about."""
        publish_for_a_test(self.root, version)


def _contract(prefix: str = "") -> Contract:
    contract = next(each for each in builtin_contracts() if each.name == "five_column")
    columns = tuple(replace(each, name=f"{prefix}{each.name}") for each in contract.columns)
    return replace(contract, columns=columns)


def _write_processed(folder: Path) -> None:
    lowest_5, highest_5 = np.array(RANGES).T
    random = np.random.default_rng(3)
    quantities_N5 = random.uniform(lowest_5, highest_5, size=(TEST_ROWS, len(RANGES)))
    table: dict[str, object] = dict(zip(COLUMNS[:-1], quantities_N5.T, strict=True))
    table["label_encoded"] = rains(quantities_N5).astype(np.int32)
    table["split"] = ["test"] * TEST_ROWS
    pq.write_table(pa.table(table), folder / "weather.parquet")
    (folder / "contract.json").write_text(json.dumps(_contract().to_dict()), encoding="utf-8")
    statistics = TrainingStatistics(TRAINING_ROWS, TRAINING_EVENTS, ())
    (folder / "statistics.json").write_text(statistics.to_json(), encoding="utf-8")
    manifest = {"rows_in": TEST_ROWS, "counts": {"kept": TEST_ROWS, "rejected": 0}}
    write_manifest(folder, manifest)
