"""`weather-assets dev`: Dagster's and MLflow's UIs on this machine, with the sensors on.

Belongs here: which programs that takes, showing where they are, and refusing a second `dev` on the
same data root. Does not belong here: keeping them running (`services`), or anything that runs in
them.

What `dagster dev` would start is started here, part by part, so that each part that dies is started
again by itself; under `dagster dev` a killed code server stays dead, and a killed web server takes
everything else with it.
"""

import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import yaml
from rich.console import Console

from weather_assets.adapters.azure import simulator
from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.adapters.tracking.empty_tables import place_tables
from weather_assets.adapters.tracking.leftovers import forget_leftovers
from weather_assets.adapters.tracking.local_store import (
    artifacts_of,
    database_of,
    settle_artifacts,
)
from weather_assets.commands.hang_up import ending_with_the_terminal, uninterrupted
from weather_assets.commands.instance import open_instance, written_home
from weather_assets.commands.leftovers import DEV_MARK, address_of_dev
from weather_assets.commands.recovery import recover_runs
from weather_assets.commands.services import Service, end_all, keep_running
from weather_assets.foundation.child_environment import product_environment
from weather_assets.foundation.held_files import HeldElsewhereError, HeldFile, hold, left_behind
from weather_assets.foundation.scratch import scratch
from weather_assets.reconciliation.facts import Ending
from weather_assets.rollout.service import ServiceUnavailable

_HOST = "127.0.0.1"
_LOOK_SECONDS = 5.0
_MLFLOW = "MLflow's server"


def serve_uis(root: DataRoot, console: Console, *, port: int, mlflow_port: int) -> None:
    """Runs both UIs until Ctrl-C, SIGTERM, a closed terminal, or until one cannot be started.

    Args:
        root: the data root that they show.
        console: where addresses are printed.
        port: port of Dagster's UI.
        mlflow_port: port of MLflow's UI.

    Raises:
        click.ClickException: another `dev` works on the data root, a port is taken, or a server
            does not start.
    """
    root.create()
    mark = uuid.uuid4().hex
    was_killed = left_behind(root.held_by_dev)
    held = _hold(root, f"http://{_HOST}:{port} {mark}")
    try:
        for number in (port, mlflow_port):
            _refuse_taken_port(number)
        with (
            ending_with_the_terminal(),
            scratch() as folder,
            simulator.ending_with_its_users(root.local_azure, root.simulator_users),
        ):
            _recover(root, nobody_launches=was_killed)
            environment = _environment(root, mark)
            services = [
                *_dagster(folder, environment, port),
                *_mlflow(root, environment, mlflow_port),
            ]
            _serve(root, console, services, port=port, mlflow_port=mlflow_port)
    finally:
        held.release()


def _hold(root: DataRoot, text: str) -> HeldFile:
    try:
        return hold(root.held_by_dev, text)
    except HeldElsewhereError:
        raise click.ClickException(
            f"`weather-assets dev` runs on {root.path} already, at {address_of_dev(root)}; use "
            "that one, end it, or give another data root with --data"
        ) from None


def _serve(
    root: DataRoot, console: Console, services: list[Service], *, port: int, mlflow_port: int
) -> None:
    def ended(service: Service, code: int) -> None:
        console.print(f"{service.name} has ended with exit code {code}; it is started again")
        _recover(root, nobody_launches=False)

    try:
        own_mlflow = any(service.name == _MLFLOW for service in services)
        mlflow = f"http://{_HOST}:{mlflow_port}" if own_mlflow else root.tracking_uri
        console.print(f"Dagster  http://{_HOST}:{port}\nMLflow   {mlflow}")
        console.print(
            f"data     {root.path}   (put a weather.csv into raw/; Ctrl-C ends everything)",
            markup=False,
        )
        keep_running(services, ended, _LocalAzure(root, console).look)
    except KeyboardInterrupt:
        console.print("ending")
    finally:
        with uninterrupted():
            end_all(services)
            _recover(root, nobody_launches=True, ending=Ending.TRANSIENT)


@dataclass
class _LocalAzure:
    """Local Azure, which a rollout starts: what serves there serves on when it was killed."""

    root: DataRoot
    console: Console
    _has_run: bool = False
    _looked: float = 0.0

    def look(self) -> None:
        """Starts it again where it ran at an earlier look and does no more."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        runs = simulator.running(self.root.local_azure) is not None
        if self._has_run and not runs:
            self.console.print("Local Azure has ended; it is started again")
            try:
                simulator.start(self.root.local_azure)
            except ServiceUnavailable as error:
                self.console.print(str(error), markup=False)
        self._has_run, self._looked = self._has_run or runs, time.monotonic()


def _recover(root: DataRoot, *, nobody_launches: bool, ending: Ending = Ending.KILLED) -> None:
    """Ends the runs of processes that are gone; what waits in the queue waits on."""
    with open_instance(root) as instance:
        recover_runs(
            instance, root, nobody_launches=nobody_launches, queue_goes_on=True, ending=ending
        )


def _environment(root: DataRoot, mark: str) -> dict[str, str]:
    """Returns the variables of the servers, which run all of the product: all but leftovers."""
    home = written_home(root)
    kept = product_environment(os.environ)
    forget_leftovers(kept)
    # Dagster takes the first folder off the path before it imports the code location.
    path = [str(home), *filter(None, [kept.get("PYTHONPATH")])]
    own = {
        "PYTHONPATH": os.pathsep.join(path),
        DATA_ROOT_VARIABLE: str(root.path),
        DEV_MARK: mark,
        "DAGSTER_HOME": str(home),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # three processes that nothing here uses
    }
    return {**kept, **own}


def _dagster(
    folder: Path, environment: Mapping[str, str], port: int
) -> tuple[Service, Service, Service]:
    """Returns the code server, and the daemon and the web server, which ask it.

    Args:
        folder: where they meet.
        environment: their variables.
        port: of the web server.
    """
    code, workspace = folder / "code", folder / "workspace.yaml"
    asked = {"grpc_server": {"socket": str(code), "location_name": "weather_assets"}}
    workspace.write_text(yaml.safe_dump({"load_from": [asked]}), encoding="utf-8")
    python = (sys.executable, "-m")
    serve = ("dagster", "api", "grpc", "--socket", str(code), "-m", "weather_assets.definitions")
    quiet = ("--location-name", "weather_assets", "--log-level", "warning")
    web = ("weather_assets.commands.web_server", "-h", _HOST, "-p", str(port), "-w", str(workspace))
    return (
        # There is nothing to put in order: a run that it works for is started again.
        Service("the code server", (*python, *serve, *quiet), environment, signal.SIGKILL),
        Service(
            "the daemon",
            (*python, "dagster._daemon", "run", "-w", str(workspace)),
            environment,
            after=code,
        ),
        Service("the web server", (*python, *web), environment, after=code),
    )


def _mlflow(root: DataRoot, environment: Mapping[str, str], port: int) -> tuple[Service, ...]:
    """Returns MLflow's UI; none where a server of its own has one."""
    database = database_of(root.tracking_uri)
    if database is None:
        return ()
    place_tables(database)
    if database.exists():
        settle_artifacts(database)
    # It shows what is in the folder of artifacts, and lets nobody write there: runs do that
    # themselves. It checks Host and Origin; another page of this machine passes (MLflow 3).
    artifacts = artifacts_of(database).as_uri()
    names = f"{_HOST}:{port},localhost:{port}"
    command = (
        *(sys.executable, "-m", "mlflow", "server", "--host", _HOST, "--port", str(port)),
        *("--workers", "1", "--backend-store-uri", root.tracking_uri),
        *("--default-artifact-root", artifacts, "--no-serve-artifacts", "--allowed-hosts", names),
    )
    return (Service(_MLFLOW, command, environment),)


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((_HOST, port)) == 0:
            raise click.ClickException(
                f"port {port} is taken; end what listens there, or give --port / --mlflow-port"
            )
