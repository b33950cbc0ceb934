"""The file of variables under which any program reaches the simulator instead of Azure.

Belongs here: which variables, and why each. Does not belong here: where their values come from
(`settings`).
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from weather_assets.foundation.atomic_files import PRIVATE, write_text
from weather_assets.local_azure.azure.settings import Settings
from weather_assets.local_azure.identity.certificates import AUTHORITY_FILE

ENVIRONMENT_FILE = "environment"
_DIRECT = "localhost,127.0.0.1,::1"


def variables(state: Path, settings: Settings) -> dict[str, str]:
    """Returns the variables."""
    proxy = f"http://{settings.reached_as}:{settings.proxy_port}"
    bundle = str(state / AUTHORITY_FILE)
    return {
        # Both cases: where a user's shell sets the lower-case ones, most clients prefer them.
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        # A NO_PROXY that covers Azure would lead past the simulator to the real one.
        "NO_PROXY": _DIRECT,
        "no_proxy": _DIRECT,
        "REQUESTS_CA_BUNDLE": bundle,  # requests, and so azure-core
        "CURL_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,  # httpx, urllib, OpenSSL
        "AZURE_TENANT_ID": settings.tenant_id,
        "AZURE_CLIENT_ID": settings.client_id,
        "AZURE_CLIENT_SECRET": settings.client_secret,
        "AZURE_SUBSCRIPTION_ID": settings.subscription_id,
        "AZURE_RESOURCE_GROUP": settings.resource_group,
        "AZURE_WORKSPACE": settings.workspace,
        # An inherited other cloud or authority would lead to hosts that do not exist here.
        "AZUREML_CURRENT_CLOUD": "AzureCloud",
        "AZURE_AUTHORITY_HOST": "login.microsoftonline.com",
        "LOCAL_AZURE_STATE": str(state),
        "LOCAL_AZURE_URL": f"http://{settings.reached_as}:{settings.control_port}",
        "LOCAL_AZURE_METRICS_GRAIN_SECONDS": str(settings.metrics_grain_seconds),
    }


def write_environment(state: Path, settings: Settings) -> None:
    """Writes the file, which holds a secret, for its owner alone; a shell can read it as it is."""
    found = variables(state, settings)
    lines = [f"{key}={shlex.quote(value)}" for key, value in found.items()]
    write_text(state / ENVIRONMENT_FILE, "\n".join(lines) + "\n", PRIVATE)


def read_environment(state: Path) -> dict[str, str]:
    """Returns the variables of the file; empty where there is none."""
    try:
        text = (state / ENVIRONMENT_FILE).read_text("utf-8")
    except FileNotFoundError:
        return {}
    pairs = (word.partition("=") for word in shlex.split(text))
    return {key: value for key, _, value in pairs}


def without(state: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Returns an environment without the variables of the file.

    The simulator itself must not run under them: it would install packages through its own proxy.
    """
    own = read_environment(state)
    return {key: value for key, value in environment.items() if own.get(key) != value}
