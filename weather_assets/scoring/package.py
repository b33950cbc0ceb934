"""The scoring package: one directory with all that an endpoint needs.

Nothing in it can run but `score.py`: graph and weights are data, and there are no pickles.

Belongs here: what files the package has, their bytes, and how the directory comes into being. Does
not belong here: the ONNX export (`weather_assets.forecasting`), or serving it (`adapters`).
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from weather_assets.contract.schema import Contract
from weather_assets.scoring.model_card import write_model_card
from weather_assets.scoring.score import Signature, compose_answer
from weather_assets.scoring.signature import build_signature

GRAPH_FILE = "model.onnx"
SIGNATURE_FILE = "signature.json"
SCRIPT_FILE = "score.py"
REQUIREMENTS_FILE = "requirements.txt"
CONDA_FILE = "conda.yaml"
SAMPLE_REQUEST_FILE = "sample_request.json"
SAMPLE_RESPONSE_FILE = "sample_response.json"
MODEL_CARD_FILE = "MODEL_CARD.md"

PYTHON_VERSION = "3.11"
"""Python of the served environment: the oldest that the platform runs on, which CI proves."""


class PackageError(ValueError):
    """A package cannot be put together. The message says what to do."""


@dataclass(frozen=True, slots=True)
class PackageContents:
    """What goes into a package; the same contents give the same bytes.

    Attributes:
        graph: ONNX file with one input per feature of the contract and the output `probability`.
        contract: what the raw rows are.
        threshold: the event is forecast where the probability reaches this.
        model_name: name of the registered model.
        model_version: its version.
        sample_rows: raw rows, by column name, for the sample request; at least one.
        sample_probabilities: what the network in PyTorch forecasts for them, so that a served
            package can be held against an answer that it did not compute itself.
        verdict: the parsed `verdict.json`, for the model card.
        training_period: first and last observation of the training rows (ISO 8601, UTC), or None
            where rows carry no time.
    """

    graph: Path
    contract: Contract
    threshold: float
    model_name: str
    model_version: str
    sample_rows: Sequence[Mapping[str, object]]
    sample_probabilities: Sequence[float]
    verdict: Mapping[str, Any]
    training_period: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        """Refuse contents without a graph, or without an answer for each sample row.

        Raises:
            PackageError: naming what is missing.
        """
        if not self.graph.is_file():
            raise PackageError(f"{self.graph}: no such ONNX graph; export the network first")
        rows, answers = len(self.sample_rows), len(self.sample_probabilities)
        if rows == 0 or rows != answers:
            raise PackageError(
                f"{rows} sample rows and {answers} sample probabilities; give at least one row, "
                "and one probability for each"
            )


def build_package(target: Path, contents: PackageContents) -> str:
    """Assembles the package directory; it appears complete, or not at all.

    A complete package that is already there with the same content is left alone; one with other
    content is replaced.

    Args:
        target: directory to make.
        contents: what goes into it.

    Returns:
        The package's digest, as `package_digest`.

    Raises:
        PackageError: if a sample row cannot be scored.
        ValueError: if the threshold is no probability.
    """
    texts = _texts(contents)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        draft.chmod(0o755)  # mkdtemp makes it private; the server may run as another user
        shutil.copyfile(contents.graph, draft / GRAPH_FILE)
        for name, text in texts.items():
            (draft / name).write_text(text, encoding="utf-8", newline="\n")
        digest = package_digest(draft)
        if not target.is_dir() or package_digest(target) != digest:
            replace_package(target, draft)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return digest


def package_digest(package: Path) -> str:
    """Returns the SHA-256 of names and contents of all files below `package`, as hex."""
    digest = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(package).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def requirements_file() -> Path:
    """Returns the pinned requirements of the served environment."""
    return Path(str(resources.files("weather_assets.scoring").joinpath(REQUIREMENTS_FILE)))


def conda_environment(requirements: str) -> str:
    """Returns the conda definition of the served environment, as Azure ML builds it.

    Azure ML uploads this file alone, so the pins are in it rather than behind `-r`. Its name is a
    hash of them: equal pins never cost a second image build.

    Args:
        requirements: pinned requirements, one per line.
    """
    pins = [line.strip() for line in requirements.splitlines() if line.strip()]
    name = hashlib.sha256(f"{PYTHON_VERSION}\n{requirements}".encode()).hexdigest()[:12]
    lines = [
        f"name: weather-scoring-{name}",
        "channels:",
        "  - conda-forge",
        "dependencies:",
        f"  - python={PYTHON_VERSION}",
        "  - pip",
        "  - pip:",
        *(f"      - {json.dumps(pin)}" for pin in pins),
    ]
    return "\n".join(lines) + "\n"


def _texts(contents: PackageContents) -> dict[str, str]:
    """Returns the text files of the package by name."""
    signature = build_signature(
        contents.contract,
        threshold=contents.threshold,
        model_name=contents.model_name,
        model_version=contents.model_version,
    )
    checker = Signature.from_dict(signature)
    for number, row in enumerate(contents.sample_rows):
        _, problems = checker.check_row(row, number)
        if problems:
            raise PackageError(
                f"sample row {number} cannot be scored: {problems[0]}; choose another"
            )
    request = {"rows": [dict(row) for row in contents.sample_rows]}
    response = compose_answer(checker, [float(value) for value in contents.sample_probabilities])
    requirements = requirements_file().read_text("utf-8")
    script = resources.files("weather_assets.scoring").joinpath(SCRIPT_FILE)
    card = write_model_card(
        contents.contract, signature, contents.verdict, contents.training_period
    )
    return {
        SCRIPT_FILE: script.read_text("utf-8"),
        SIGNATURE_FILE: _json(signature),
        REQUIREMENTS_FILE: requirements,
        CONDA_FILE: conda_environment(requirements),
        SAMPLE_REQUEST_FILE: _json(request),
        SAMPLE_RESPONSE_FILE: _json(response),
        MODEL_CARD_FILE: card,
    }


def replace_package(target: Path, draft: Path) -> None:
    """Moves `draft` to `target`; what was there is moved aside first, as directories must be.

    Args:
        target: where the package is going to lie.
        draft: a complete package in the same folder.
    """
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    try:
        if target.is_dir():
            target.rename(aside / target.name)
        draft.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _json(value: object) -> str:
    return json.dumps(value, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
