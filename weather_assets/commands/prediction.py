"""`weather-assets predict`: the champion of a data root on raw rows, offline.

Belongs here: what the command says. Does not belong here: doing it (`workflows.prediction`).
"""

from pathlib import Path

import click

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.processing.files.raw_file import RawFile, RawFileError
from weather_assets.workflows.champions import NoChampionError, find_champion
from weather_assets.workflows.prediction import predict_file


def predict(root: DataRoot, source: Path, target: Path) -> None:
    """Forecasts raw rows, and says how it went.

    Args:
        root: the data root whose champion forecasts.
        source: raw rows: CSV in any dialect that a raw file may have, or Parquet.
        target: gets one line per row; replaced when it is complete.

    Raises:
        click.ClickException: if there is no champion, the source cannot be read as a whole, or the
            target cannot be written.
    """
    place = target.resolve()
    if place.exists() and not place.is_file():  # a pipe or a device
        raise click.ClickException(f"{target} is no regular file; give another --output")
    try:
        champion = find_champion(root)
    except NoChampionError as error:
        raise click.ClickException(str(error)) from None
    try:
        found = predict_file(champion, RawFile(str(source), source.name), place)
    except RawFileError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(
            f"{target} cannot be written ({error.strerror}); give another --output"
        ) from None
    for warning in found.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(
        f"{found.rows} rows, {found.scored} scored by champion {champion.version} "
        f"({champion.way}), {found.rows - found.scored} with a problem: {target}"
    )
