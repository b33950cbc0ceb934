"""`weather-assets dev`: Dagster's and MLflow's UIs on this machine, with the sensors on.

Belongs here: starting both, showing where they are, and ending all of it together. Does not belong
here: anything that runs in them.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import psutil
from rich.console import Console

from weather_assets.adapters.azure import simulator
from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.adapters.tracking.leftovers import forget_leftovers
from weather_assets.adapters.tracking.local_store import (
    artifacts_of,
    database_of,
    settle_artifacts,
)
from weather_assets.commands.instance import WORKSPACE_FILE, written_home
from weather_assets.foundation.child_environment import product_environment

_HOST = "127.0.0.1"
_MLFLOW = "mlflow server"
_STOP_GRACE_SECONDS = 10


def serve_uis(root: DataRoot, console: Console, *, port: int, mlflow_port: int) -> None:
    """Runs both UIs until Ctrl-C, SIGTERM, or until one of them ends.

    Args:
        root: the data root that they show.
        console: where addresses are printed.
        port: port of Dagster's UI.
        mlflow_port: port of MLflow's UI.

    Raises:
        click.ClickException: if a port is taken, or a server ended by itself.
    """
    for number in (port, mlflow_port):
        _refuse_taken_port(number)
    home = written_home(root.create())
    environment = _environment(root, home)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores SIGINT
        signal.signal(number, signal.default_int_handler)
    servers: dict[str, subprocess.Popen[bytes]] = {}
    served_before = simulator.running(root.local_azure) is not None
    try:
        for name, command in _commands(root, home, port, mlflow_port).items():
            servers[name] = subprocess.Popen(command, env=environment, start_new_session=True)
        mlflow = f"http://{_HOST}:{mlflow_port}" if _MLFLOW in servers else root.tracking_uri
        console.print(f"Dagster  http://{_HOST}:{port}\nMLflow   {mlflow}")
        console.print(
            f"data     {root.path}   (put a weather.csv into raw/; Ctrl-C ends everything)",
            markup=False,
        )
        _wait_for_first(servers)
    except KeyboardInterrupt:
        console.print("ending")
    finally:
        _end(list(servers.values()))
        if not served_before:
            simulator.stop(root.local_azure)  # a rollout has started it


def _environment(root: DataRoot, home: Path) -> dict[str, str]:
    """Returns the variables of the servers, which run all of the product: all but leftovers."""
    kept = product_environment(os.environ)
    forget_leftovers(kept)
    # Dagster takes the first folder off the path before it imports the code location.
    path = [str(home), *filter(None, [kept.get("PYTHONPATH")])]
    own = {
        "PYTHONPATH": os.pathsep.join(path),
        DATA_ROOT_VARIABLE: str(root.path),
        "DAGSTER_HOME": str(home),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # three processes that nothing here uses
    }
    return {**kept, **own}


def _commands(root: DataRoot, home: Path, port: int, mlflow_port: int) -> dict[str, list[str]]:
    """Returns what is started; MLflow's UI only where no server of its own has one."""
    dagster = [sys.executable, "-m", "dagster", "dev", "-h", _HOST, "-p", str(port)]
    commands = {"dagster dev": [*dagster, "-w", str(home / WORKSPACE_FILE)]}
    database = database_of(root.tracking_uri)
    if database is not None:
        if database.exists():
            settle_artifacts(database)
        mlflow = [sys.executable, "-m", "mlflow", "server", "--host", _HOST]
        mlflow += ["--port", str(mlflow_port), "--workers", "1"]
        mlflow += ["--backend-store-uri", root.tracking_uri]
        # Both ways of keeping artifacts that the server has, so that none is the current folder.
        mlflow += ["--default-artifact-root", artifacts_of(database).as_uri()]
        mlflow += ["--artifacts-destination", artifacts_of(database).as_uri()]
        commands[_MLFLOW] = mlflow
    return commands


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        if probe.connect_ex((_HOST, port)) == 0:
            raise click.ClickException(
                f"port {port} is taken; end what listens there, or give --port / --mlflow-port"
            )


def _wait_for_first(servers: Mapping[str, subprocess.Popen[bytes]]) -> None:
    while True:
        for name, server in servers.items():
            code = server.poll()
            if code is not None:
                raise click.ClickException(f"{name} ended with exit code {code}")
        time.sleep(0.5)


def _end(servers: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ends the servers and everything that they started."""
    family: list[psutil.Process] = []
    for server in servers:
        try:
            parent = psutil.Process(server.pid)
            family += [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    for server in servers:
        if server.poll() is None:
            server.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(family, timeout=_STOP_GRACE_SECONDS)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    for server in servers:
        server.wait(timeout=_STOP_GRACE_SECONDS)
