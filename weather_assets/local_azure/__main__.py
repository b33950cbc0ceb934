"""Serves Local Azure in the foreground: `python -m weather_assets.local_azure --state DIR`."""

import logging
import sys
from pathlib import Path

import click

from weather_assets.local_azure.azure.errors import LocalAzureError
from weather_assets.local_azure.server import serve


@click.command()
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder that holds everything: settings, certificates, uploads, logs.",
)
def main(state: Path) -> None:
    """Serve Local Azure until it is interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        serve(state)
    except LocalAzureError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
