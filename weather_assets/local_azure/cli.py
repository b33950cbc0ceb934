"""The command `local-azure`.

Belongs here: options, and what is printed. Does not belong here: what a command does (`daemon`,
`control`).
"""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from weather_assets.local_azure.azure.errors import LocalAzureError
from weather_assets.local_azure.azure.faults import Fault, FaultKind


def _state(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="LOCAL_AZURE_STATE",
        show_envvar=True,
        required=True,
        help="Folder that holds everything: settings, certificates, uploads, logs.",
    )(command)


_SETTINGS = (
    click.option("--subscription", "subscription_id", help="Id of the subscription that exists."),
    click.option("--resource-group", help="Name of the resource group that exists."),
    click.option("--workspace", "workspaces", multiple=True, help="A workspace; can be repeated."),
    click.option("--region", help="Azure region, part of scoring URIs."),
    click.option("--quota-cores", type=int, help="Cores of each VM family that may be in use."),
    click.option("--operation-seconds", type=float, help="Least duration of a long operation."),
    click.option("--polling-seconds", type=float, help="How long clients wait between two looks."),
    click.option(
        "--start-seconds", type=float, help="How long a scoring process may take to start."
    ),
    click.option(
        "--substitute-python/--exact-python",
        default=None,
        help="Build environments with this Python where theirs is not here.",
    ),
    click.option(
        "--metrics-grain-seconds", type=int, help="Interval of request counts; Azure's is 60."
    ),
)


def _settings(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


def _daemon() -> ModuleType:
    """Returns the module, imported late: it brings the whole server, and help needs none of it."""
    from weather_assets.local_azure import daemon  # noqa: PLC0415 - see above

    return daemon


class _Command(click.Command):
    """A command whose user's mistakes end in one readable line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except LocalAzureError as error:
            raise click.ClickException(str(error)) from None


@click.group("local-azure", context_settings={"help_option_names": ["-h", "--help"]})
def local_azure() -> None:
    """Simulate Azure ML online endpoints on this machine."""


@local_azure.command(cls=_Command)
@_state
@_settings
@click.option("--timeout", type=float, default=180.0, show_default=True, help="Seconds to wait.")
def start(state: Path, timeout: float, **options: Any) -> None:
    """Start it in the background, wait until it serves, and write STATE/environment."""
    daemon = _daemon()
    options["workspaces"] = options["workspaces"] or None
    variables = daemon.start(state, timeout=timeout, **options)
    file = state.resolve() / "environment"
    click.echo(f"Local Azure serves {variables['AZURE_WORKSPACE']}, with its state in {state}.")
    click.echo(f"Programs reach it under the variables of {file}:")
    click.echo(f"  set -a; . {file}; set +a")
    click.echo(
        f"Endpoints answer curl at {variables['LOCAL_AZURE_URL']}/endpoints/NAME/score, too."
    )


@local_azure.command(cls=_Command)
@_state
@_settings
@click.option("--proxy-port", type=int, help="Port of the proxy; any by default.")
@click.option("--control-port", type=int, help="Port for curl and control; any by default.")
@click.option("--listen", "listen_address", help="Address of both; loopback by default.")
@click.option("--reached-as", help="Host name under which programs reach them.")
def serve(state: Path, **options: Any) -> None:
    """Serve in the foreground, as in a container of its own, until it is interrupted."""
    from weather_assets.local_azure import server  # noqa: PLC0415 - help needs none of it

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    options["workspaces"] = options["workspaces"] or None
    server.serve(state, **options)


@local_azure.command(cls=_Command)
@_state
def stop(state: Path) -> None:
    """Stop it with all its processes. Its state stays."""
    daemon = _daemon()
    ran = daemon.stop(state)
    click.echo("Local Azure has stopped." if ran else "Local Azure did not run.")


@local_azure.command(cls=_Command)
@_state
@click.option("--json", "as_json", is_flag=True, help="Print everything, with all counters.")
def status(state: Path, *, as_json: bool) -> None:
    """Show endpoints, deployments, traffic and counters. Exit 3 where it does not run."""
    daemon = _daemon()
    if daemon.running(state.resolve()) is None:
        click.echo(json.dumps({"running": False}) if as_json else "Local Azure does not run.")
        raise click.exceptions.Exit(3)
    document = daemon.control(state).status()
    if as_json:
        click.echo(json.dumps({"running": True, **document}, indent=1))
        return
    click.echo(f"Local Azure runs; counters since {document['metrics_since']}.")
    for endpoint, facts in document["endpoints"].items():
        click.echo(f"{endpoint}: {facts['state']}")
        for name, deployment in facts["deployments"].items():
            click.echo(f"  {name}: {_line(deployment)}")
    for fault in document["faults"]:
        click.echo(f"fault {fault['id']}: {fault['kind']} on {fault['target']}")


def _line(deployment: dict[str, Any]) -> str:
    counted = ", ".join(
        f"{counter['requests']} {route}"
        f" ({', '.join(f'{n} x {status}' for status, n in counter['statuses'].items())})"
        for route, counter in deployment["metrics"].items()
        if counter["requests"]
    )
    ready = sum(instance["state"] == "ready" for instance in deployment["instances"])
    restarts = sum(instance["restarts"] for instance in deployment["instances"])
    return (
        f"{deployment['state']}, traffic {deployment['traffic_percent']} %, mirror "
        f"{deployment['mirror_percent']} %, {ready} of {len(deployment['instances'])} instances "
        f"ready, {restarts} restarts; requests: {counted or 'none'}"
    )


@local_azure.group()
def fault() -> None:
    """Make it fail on purpose."""


@fault.command("add", cls=_Command)
@_state
@click.argument("kind", type=click.Choice([str(kind) for kind in FaultKind]))
@click.option(
    "--target",
    default="*",
    show_default=True,
    help="ENDPOINT, ENDPOINT/DEPLOYMENT, or a path for http-error; * stands for anything.",
)
@click.option("--times", type=int, default=1, show_default=True, help="How often it strikes.")
@click.option("--always", is_flag=True, help="Strike until it is cleared.")
@click.option("--seconds", type=float, default=0.0, help="How much longer slow things take.")
@click.option("--status", type=int, default=0, help="HTTP status of http-error and scorer-error.")
@click.option("--retry-after", type=float, help="Seconds in the Retry-After of http-error.")
@click.option("--method", default="*", help="HTTP method that http-error strikes.")
@click.option("--percent", type=float, default=100.0, help="Share of requests that it strikes.")
def add(state: Path, kind: str, times: int, *, always: bool, **fields: Any) -> None:
    """Inject a fault of KIND."""
    daemon = _daemon()
    wanted = Fault(kind=FaultKind(kind), times=None if always else times, **fields)
    added = daemon.control(state).add_fault(wanted)
    click.echo(f"fault {added.id}: {added.kind} on {added.target}")


@fault.command("list", cls=_Command)
@_state
def list_(state: Path) -> None:
    """List the faults that wait to strike."""
    daemon = _daemon()
    for waiting in daemon.control(state).faults():
        times = "until cleared" if waiting.times is None else f"{waiting.times} times"
        click.echo(f"{waiting.id}: {waiting.kind} on {waiting.target}, {times}")


@fault.command("clear", cls=_Command)
@_state
@click.argument("identity", required=False)
def clear(state: Path, identity: str | None) -> None:
    """Remove the fault IDENTITY, or all."""
    daemon = _daemon()
    click.echo(f"{daemon.control(state).clear_faults(identity)} faults cleared")


def main() -> None:
    """Runs the command, under the one name that its messages use."""
    local_azure(prog_name="local-azure")
