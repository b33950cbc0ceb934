"""Weights that are loaded are those that a model version is bound to.

Belongs here: holding a file of weights against the digest that training reported of it. Does not
belong here: what is bound to what (`candidates`), or a network's files (`forecasting`).
"""

from pathlib import Path

from weather_assets.forecasting.network import (
    NetworkFileError,
    RainNetwork,
    load_network,
    network_digest,
)


class WeightsChangedError(NetworkFileError):
    """Weights were changed or swapped since they were trained. The message says which."""


def load_bound_network(folder: Path, digest: str | None) -> RainNetwork:
    """Returns the network of a folder, if its weights are those that training reported.

    Args:
        folder: holds the network.
        digest: SHA-256 of its files (`network_digest`), by the version's tags or its
            `result.json`; None for versions that were made before it was kept.

    Raises:
        WeightsChangedError: if they are others.
        NetworkFileError: if there is no readable network.
    """
    network = load_network(folder)
    if digest is not None and (found := network_digest(folder)) != digest:
        raise WeightsChangedError(
            f"{folder}: the weights are not those that were trained for this model version: their "
            f"SHA-256 is {found[:16]}…, it is bound to {digest[:16]}…. Bring them back, or delete "
            "the version's folder in registry/: it is fetched again from MLflow"
        )
    return network
