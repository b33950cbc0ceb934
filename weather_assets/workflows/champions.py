"""The champion of a data root, ready to answer.

Belongs here: which model version that is, and whether its scoring package or its network answers.
Does not belong here: rows (`prediction`), or how a model becomes champion (`judgement`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import numpy as np
import numpy.typing as npt
from mlflow.exceptions import MlflowException

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.tracking.model_registry import ModelRegistry
from weather_assets.contract.schema import Contract
from weather_assets.foundation.documents import DocumentError, read_json
from weather_assets.scoring.offline import graph_probabilities
from weather_assets.scoring.package import SIGNATURE_FILE
from weather_assets.scoring.score import Scorer
from weather_assets.scoring.signature import SIGNATURE
from weather_assets.workflows.candidates import RESULT, candidate_folder, served_folder_of
from weather_assets.workflows.published import (
    PackageChangedError,
    PackageRefusedError,
    published_package,
    published_version,
)

_Floats = npt.NDArray[np.float64]
_CONTRACT = "contract.json"


class NoChampionError(ValueError):
    """There is no model that could answer. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Champion:
    """The model that answers.

    Attributes:
        version: in the model registry.
        contract: what its rows must be.
        probabilities: answers rows, float64 [N] for [N, F] as `forecasting.data.feature_matrix`
            gives them; several threads may ask at once.
        way: how it answers, in words.
    """

    version: str
    contract: Contract
    probabilities: Callable[[_Floats], _Floats]
    way: str


def find_champion(root: DataRoot) -> Champion:
    """Finds the model that the registry's alias `champion` names, and loads it.

    Its scoring package answers, if it has one that passed its checks: that is what is served. Else
    its network answers, which differs from it by rounding alone.

    Raises:
        NoChampionError: if there is none, MLflow does not answer, or its files are gone, damaged or
            changed.
        DocumentError: if a newer version of weather_assets made its package.
    """
    version, folder = _from_registry(root) if _has_registry(root) else _from_pointer(root)
    contract = Contract.from_dict(read_json(folder / _CONTRACT))
    package = _published_folder(root, version)
    if package is None:
        return Champion(version, contract, _network(folder), "its network")
    SIGNATURE.read(package / SIGNATURE_FILE)
    scorer = Scorer.load(package)
    return Champion(
        version,
        contract,
        lambda features_NF: graph_probabilities(scorer, features_NF),
        "its scoring package",
    )


def _has_registry(root: DataRoot) -> bool:
    """Tells whether there is an MLflow to ask, without making one."""
    return not root.tracking_uri.startswith("sqlite:") or (root.mlflow / "mlflow.db").is_file()


def _from_registry(root: DataRoot) -> tuple[str, Path]:
    """Returns the champion's version, and the folder of its weights."""
    try:
        registry = ModelRegistry(root.tracking_uri)
        champion = registry.champion()
        if champion is None:
            raise _no_champion(root)
        folder = root.registry / champion.version
        if not (folder / _CONTRACT).is_file():
            folder = candidate_folder(root, registry, champion)
    except (MlflowException, OSError) as error:
        raise NoChampionError(
            f"MLflow at {root.tracking_uri} does not give the champion ({error}); bring it back, "
            "or the files of the data root that are gone"
        ) from None
    return champion.version, folder


def _from_pointer(root: DataRoot) -> tuple[str, Path]:
    """Returns the version that was last packaged, and the folder of its weights."""
    version = published_version(root)
    if version is None:
        raise _no_champion(root)
    folder = root.registry / version
    if not (folder / _CONTRACT).is_file():
        raise NoChampionError(
            f"champion {version} has no {folder / _CONTRACT}: bring the folder back, or run "
            f"`weather-assets run --data {quote(str(root.path))}`"
        )
    return version, folder


def _no_champion(root: DataRoot) -> NoChampionError:
    return NoChampionError(
        f"{root.path} has no champion yet: run "
        f"`weather-assets run --data {quote(str(root.path))}` first"
    )


def _network(folder: Path) -> Callable[[_Floats], _Floats]:
    # Torch takes a second to load, and a package does without it.
    from weather_assets.forecasting.network import NetworkFileError  # noqa: PLC0415
    from weather_assets.workflows.bound_weights import load_bound_network  # noqa: PLC0415

    try:
        digest = read_json(folder / RESULT).get("served_weights")
        return load_bound_network(served_folder_of(folder), digest).probabilities
    except (NetworkFileError, DocumentError, OSError) as error:
        raise NoChampionError(str(error)) from None


def _published_folder(root: DataRoot, version: str) -> Path | None:
    """Returns the published package, if it is of a model version and has passed its checks.

    Raises:
        NoChampionError: if it was changed since it passed.
    """
    if published_version(root) != version:
        return None
    try:
        return published_package(root).folder
    except PackageChangedError as error:
        raise NoChampionError(str(error)) from None
    except PackageRefusedError:
        return None
