"""The champion as it will be served: exported, packaged, and held against PyTorch over HTTP.

Belongs here: bringing network, verdict and rows together into a package, and serving that very
package to see that it answers what the network answers. Does not belong here: what a package has
in it (`scoring`), the graph (`forecasting`), or which package may serve (`published`).
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions
from weather_assets.adapters.scoring.environment import scoring_environment
from weather_assets.adapters.scoring.server import ScoringServer, scoring_server
from weather_assets.adapters.tracking.model_registry import (
    MODEL,
    ModelRegistry,
    ModelVersion,
)
from weather_assets.contract.columns import Kind
from weather_assets.contract.schema import Contract
from weather_assets.forecasting.data import feature_matrix
from weather_assets.forecasting.network import RainNetwork
from weather_assets.forecasting.onnx_export import export_onnx
from weather_assets.foundation.documents import read_json
from weather_assets.processing.doubts.gates import Gate
from weather_assets.scoring.package import CONDA_FILE, PackageContents, build_package
from weather_assets.scoring.request_rows import request_row
from weather_assets.workflows.bound_weights import load_bound_network
from weather_assets.workflows.candidates import SERVED_WEIGHTS, candidate_folder, served_folder_of
from weather_assets.workflows.judgement import VERDICT, VerdictError, read_verdict
from weather_assets.workflows.published import publish_if_passed

PROBE_ROWS = 200
"""Rows that the served package must answer like the network."""
SAMPLE_ROWS = 3
TOLERANCE = 1e-6


DRAFT_FOLDER = "package_draft"
"""In `registry/<version>`: a package that is being checked, or that failed."""


@dataclass(frozen=True, slots=True)
class Package:
    """A scoring package that was served once.

    Attributes:
        version: model version in it.
        folder: `registry/<version>/package`, or where it was checked, if it did not pass.
        digest: identity of its content.
        gates: what the checks said, by their names.
    """

    version: ModelVersion
    folder: Path
    digest: str
    gates: Mapping[str, Gate]


def package_champion(
    root: DataRoot, registry: ModelRegistry, report_progress: Callable[[str], None]
) -> Package:
    """Builds the champion's package, serves it in its own environment and questions it over HTTP.

    Only a package that passes is published: it goes to `registry/<version>/package`, and the
    pointer names it. One that fails leaves what is published as it is.

    Args:
        root: the data root.
        registry: knows the champion.
        report_progress: called with one sentence per step.

    Returns:
        The package with its gates.

    Raises:
        VerdictError: if nothing is champion.
        WeightsChangedError: if the weights to be served are not those that were trained for it.
        ScoringEnvironmentError: if the environment cannot be built; has pip's last lines.
        ScoringServerError: if the package does not start; has the server's last lines.
    """
    champion = registry.champion()
    if champion is None:
        raise VerdictError("nothing is champion: materialize champion_model first")
    folder = candidate_folder(root, registry, champion)
    contract = Contract.from_dict(read_json(folder / "contract.json"))
    network = load_bound_network(served_folder_of(folder), champion.tags.get(SERVED_WEIGHTS))
    rows = ds.dataset(str(ProcessedVersions(root.processed).current() / "weather.parquet"))
    probes = _spread(rows.to_table(filter=pc.field("split") == "test"), PROBE_ROWS)
    draft = folder / DRAFT_FOLDER
    report_progress("exporting the network to ONNX")
    digest = _build(
        draft, folder, contract, network, probes, champion, _training_period(rows, contract)
    )
    python = scoring_environment(draft / CONDA_FILE, on_progress=report_progress)
    report_progress("serving the package with azureml-inference-server-http")
    with scoring_server(python, draft) as server:
        gates = {
            "served_package_agrees_with_network": _evaluate_agreement(
                server, contract, network, probes
            ),
            "served_package_refuses_bad_requests": _evaluate_refusal(server, contract, probes),
        }
    place = publish_if_passed(root, champion.version, draft, digest, gates)
    return Package(champion, place, digest, gates)


def _build(
    package: Path,
    folder: Path,
    contract: Contract,
    network: RainNetwork,
    probes: pa.Table,
    champion: ModelVersion,
    training_period: tuple[str, str] | None,
) -> str:
    verdict = read_verdict(folder)
    samples = probes.slice(0, SAMPLE_ROWS)
    with tempfile.TemporaryDirectory(prefix="onnx-") as scratch:
        graph = Path(scratch) / "model.onnx"
        export_onnx(network, graph)
        return build_package(
            package,
            PackageContents(
                graph=graph,
                contract=contract,
                threshold=verdict.scores["candidate"].threshold,
                model_name=MODEL,
                model_version=champion.version,
                sample_rows=[request_row(contract, row) for row in samples.to_pylist()],
                sample_probabilities=_probabilities(network, samples, contract).tolist(),
                verdict=read_json(folder / VERDICT),
                training_period=training_period,
            ),
        )


def _evaluate_agreement(
    server: ScoringServer, contract: Contract, network: RainNetwork, probes: pa.Table
) -> Gate:
    """The served package answers held-out raw rows as PyTorch does."""
    request = {"rows": [request_row(contract, row) for row in probes.to_pylist()]}
    status, answer = server.score(request)
    if status != 200:
        return Gate(
            passed=False, sentence=f"answered {status} to {len(probes)} valid rows: {answer}"
        )
    served = np.asarray(answer["probability"], dtype=np.float64)
    difference = float(np.abs(served - _probabilities(network, probes, contract)).max())
    passed = bool(difference <= TOLERANCE)
    return Gate(
        passed=passed,
        sentence=(
            f"{len(probes)} raw rows over HTTP differ from PyTorch by at most {difference:.1e}; "
            f"{TOLERANCE:.0e} is allowed"
        ),
        numbers={"rows": len(probes), "largest_difference": difference, "tolerance": TOLERANCE},
    )


def _evaluate_refusal(server: ScoringServer, contract: Contract, probes: pa.Table) -> Gate:
    """The served package refuses malformed requests with a client error and a reason."""
    good = request_row(contract, probes.slice(0, 1).to_pylist()[0])
    name = next(feature.name for feature in contract.features if feature.kind is not Kind.CATEGORY)
    if name not in good:
        name = next(iter(good))
    requests: Sequence[tuple[str, object]] = [
        ("no JSON", b"not json"),
        ("no rows", {"rows": []}),
        ("a text for a number", {"rows": [{**good, name: "warm"}]}),
        ("a value beyond physics", {"rows": [{**good, name: 1e9}]}),
        ("an unknown column", {"rows": [{**good, "no_such_column": 1}]}),
    ]
    accepted: list[str] = []
    for what, request in requests:
        status, answer = server.score(request)
        explained = isinstance(answer, dict) and bool(answer.get("error", {}).get("message"))
        if not (400 <= status < 500 and explained):
            accepted.append(f"{what}: {status}")
    return Gate(
        passed=not accepted,
        sentence="; ".join(accepted)
        or f"{len(requests)} malformed requests were refused, with reasons",
        numbers={"requests": len(requests), "accepted": len(accepted)},
    )


def _probabilities(
    network: RainNetwork, rows: pa.Table, contract: Contract
) -> npt.NDArray[np.float64]:
    return network.probabilities(feature_matrix(rows, contract))


def _spread(table: pa.Table, count: int) -> pa.Table:
    """Returns `count` rows spread evenly over a table, or all of them."""
    chosen = np.unique(np.linspace(0, len(table) - 1, num=min(count, len(table))).astype(np.int64))
    return table.take(pa.array(chosen))


def _training_period(rows: ds.Dataset, contract: Contract) -> tuple[str, str] | None:
    if contract.timestamp is None:
        return None
    column = contract.timestamp.column
    table = rows.to_table(columns=[column], filter=pc.field("split") == "train")
    extremes = pc.call_function("min_max", [table[column]]).as_py()
    return (f"{extremes['min']:%Y-%m-%dT%H:%M:%SZ}", f"{extremes['max']:%Y-%m-%dT%H:%M:%SZ}")
