"""`python -m weather_assets.commands.web_server`: Dagster's web server behind its guard.

Belongs here: from an instance and a workspace file to a served application, as `dagster-webserver`
does it (whose own command serves it unguarded). Does not belong here: who may ask (`web_guard`),
what else runs beside it (`development`, docker/compose.yaml).
"""

from contextlib import ExitStack
from pathlib import Path

import click
import uvicorn
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__

from weather_assets.adapters.settings.concerns import PLACES
from weather_assets.commands.web_guard import WebGuard, allowed_hosts

STATEMENT_TIMEOUT_MILLISECONDS = 15_000
POOL_RECYCLE_SECONDS = 3_600
POOL_OVERFLOW = 20
"""Of the database: what dagster-webserver takes where nobody says otherwise."""


@click.command()
@click.option("-h", "--host", default="127.0.0.1", help="where it listens")
@click.option("-p", "--port", default=3000, help="where it listens")
@click.option(
    "-w", "--workspace", required=True, type=click.Path(path_type=Path), help="workspace.yaml"
)
def serve(host: str, port: int, workspace: Path) -> None:
    """Serve Dagster's UI and GraphQL until SIGINT or SIGTERM; DAGSTER_HOME says of what."""
    with ExitStack() as stack:
        instance = stack.enter_context(DagsterInstance.get())
        instance.optimize_for_webserver(
            STATEMENT_TIMEOUT_MILLISECONDS, POOL_RECYCLE_SECONDS, POOL_OVERFLOW
        )
        target = WorkspaceFileTarget([str(workspace)])
        context = stack.enter_context(
            WorkspaceProcessContext(
                instance, version=__version__, read_only=False, workspace_load_target=target
            )
        )
        hosts = allowed_hosts(port, PLACES.read().ui_hosts)
        guarded = WebGuard(create_app_from_workspace_process_context(context), hosts)
        uvicorn.run(guarded, host=host, port=port, log_level="warning")


if __name__ == "__main__":
    serve()
