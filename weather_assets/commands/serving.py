"""`weather-assets endpoint`: where the model answers, what serves there, and the key to ask it.

Belongs here: showing the endpoint. Does not belong here: changing anything on it (`defs.rollout`).
"""

import json
import shlex

import click
from rich.console import Console

from weather_assets.adapters.azure import simulator
from weather_assets.adapters.azure.settings import AzureSettings
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.settings.concerns import ENDPOINT
from weather_assets.commands.invocation import this_command
from weather_assets.foundation.settings import SettingError
from weather_assets.rollout.service import ServiceError, ServiceUnavailable
from weather_assets.rollout.states import Endpoint
from weather_assets.workflows.published import PackageRefusedError
from weather_assets.workflows.rollouts import endpoint_key, observe_endpoint, sample_row


def print_serving(root: DataRoot, console: Console, *, stays: bool) -> None:
    """Prints what serves, where, and how to ask it.

    Args:
        root: the data root.
        console: where it is printed.
        stays: whether Local Azure goes on serving; otherwise only how to start it again is shown.
    """
    settings = ENDPOINT.read()
    endpoint, uri = observe_endpoint(root, settings)
    if endpoint is None:
        console.print(f"endpoint  {settings.endpoint}: there is none")
        return
    where = "on Local Azure, this machine's simulator" if settings.is_local else "on Azure ML"
    console.print(f"endpoint  {endpoint.name}, {where}: {endpoint.shares} at {uri}")
    for line in _slots(endpoint):
        console.print(f"          {line}")
    if settings.is_local and not stays:
        state = shlex.quote(str(root.local_azure))
        console.print(
            f"          start it again: {this_command()} local-azure start --state {state}",
            markup=False,
        )
        return
    console.print(f"ask it    {curl_line(root, settings, uri)}", markup=False)
    if settings.is_local:
        state = shlex.quote(str(root.local_azure))
        console.print(f"stop it   {this_command()} local-azure stop --state {state}", markup=False)


def curl_line(root: DataRoot, settings: AzureSettings, uri: str) -> str:
    """Returns the line that asks the endpoint about a raw reading; the key is fetched by the line.

    Args:
        root: the data root.
        settings: of the endpoint.
        uri: its scoring URI.
    """
    if settings.is_local:
        url = simulator.variables(root.local_azure)["LOCAL_AZURE_URL"]
        uri = f"{url}/endpoints/{settings.endpoint}/score"
    data = shlex.quote(str(root.path))
    body = shlex.quote(json.dumps({"rows": [sample_row(root)]}))
    key = f"$({this_command()} endpoint key --data {data})"
    return (
        f'curl -s -H "Authorization: Bearer {key}" -H "Content-Type: application/json" '
        f"-d {body} {uri}"
    )


def show_endpoint(root: DataRoot, console: Console) -> None:
    """Prints what serves.

    Raises:
        click.ClickException: if the endpoint cannot be seen; says why.
    """
    try:
        _require_running(root)
        print_serving(root, console, stays=True)
    except (SettingError, ServiceError, PackageRefusedError) as error:
        raise click.ClickException(str(error)) from None


def show_key(root: DataRoot) -> str:
    """Returns the endpoint's key, or a token where it asks for those.

    Raises:
        click.ClickException: if it cannot be had; says why.
    """
    try:
        _require_running(root)
        return endpoint_key(root, ENDPOINT.read())
    except (SettingError, ServiceError) as error:
        raise click.ClickException(str(error)) from None


def _require_running(root: DataRoot) -> None:
    """Looking must not start a simulator."""
    local = ENDPOINT.read().is_local
    if local and simulator.running(root.local_azure) is None:
        raise ServiceUnavailable(
            f"Local Azure does not run on {root.local_azure}; start it with `{this_command()} "
            f"local-azure start --state {shlex.quote(str(root.local_azure))}`, or run the graph "
            "with --serve"
        )


def _slots(endpoint: Endpoint) -> list[str]:
    return [
        f"{each.slot}: {each.provisioning}"
        + ("" if each.release is None else f", model version {each.release.version}")
        for each in endpoint.deployments
    ]
