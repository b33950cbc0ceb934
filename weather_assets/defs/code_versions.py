"""What of our own code an asset's result depends on, as Dagster code versions.

Belongs here: a hash of the source of the packages that an asset runs. Edits anywhere else do not
make an asset out of date. Does not belong here: versions of data or of configuration.
"""

import hashlib
from functools import cache
from importlib import resources


@cache
def code_version(*packages: str) -> str:
    """Returns a hash over the source files of some packages.

    Args:
        packages: dotted names, for instance `weather_assets.processing`.

    Returns:
        Twelve hex digits, the same on every machine for the same source.
    """
    digest = hashlib.sha256()
    for package in sorted(packages):
        for item in sorted(resources.files(package).iterdir(), key=lambda entry: entry.name):
            if item.name.endswith(".py"):
                digest.update(f"{package}/{item.name}\0".encode())
                digest.update(item.read_bytes())
    return digest.hexdigest()[:12]


def processing_code() -> str:
    """Returns the code version of everything that decides which rows come out."""
    return code_version("weather_assets.contract", "weather_assets.processing")


def training_code() -> str:
    """Returns the code version of everything that decides which weights come out."""
    return code_version("weather_assets.contract", "weather_assets.forecasting")


def verification_code() -> str:
    """Returns the code version of everything that decides a verdict."""
    return code_version("weather_assets.verification")


def scoring_code() -> str:
    """Returns the code version of everything that goes into a scoring package."""
    return code_version("weather_assets.scoring", "weather_assets.forecasting")


def rollout_code() -> str:
    """Returns the code version of everything that decides what serves."""
    return code_version("weather_assets.rollout")
