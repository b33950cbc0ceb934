"""`weather-assets predict`: the champion of a data root on raw rows, offline.

Belongs here: finding the champion's package, files in and out. Does not belong here: how a row is
read (`processing.records`) or scored (`scoring.offline`).
"""

import csv
import json
import os
from pathlib import Path

import click

from weather_assets.adapters.data_root import DataRoot
from weather_assets.processing.raw_files import RawFile, RawFileError, opened
from weather_assets.processing.records import read_records
from weather_assets.scoring.offline import InputError, predict_rows


def predict_file(root: DataRoot, input_path: Path, output_path: Path) -> None:
    """Writes one line per input row, in order: `probability`, and `problem` where it has none.

    Args:
        root: the data root whose champion forecasts.
        input_path: raw rows as CSV, or CSV compressed with gzip.
        output_path: replaced when it is complete.

    Raises:
        click.ClickException: if there is no champion, or the file cannot be scored as a whole.
    """
    package = champion_package(root)
    staged = output_path.with_name(f".{output_path.name}.{os.getpid()}")
    rows = problems = 0
    try:
        with (
            opened(RawFile(path=str(input_path), name=input_path.name)) as stream,
            staged.open("w", encoding="utf-8", newline="") as target,
        ):
            writer = csv.writer(target, lineterminator="\n")
            writer.writerow(("probability", "problem"))
            for prediction in predict_rows(package, read_records(stream)):
                probability = prediction.probability
                writer.writerow(
                    ("" if probability is None else repr(probability), prediction.problem)
                )
                rows += 1
                problems += probability is None
        staged.replace(output_path)
    except (InputError, RawFileError) as error:
        raise click.ClickException(f"{input_path}: {error}") from None
    finally:
        staged.unlink(missing_ok=True)
    click.echo(f"{rows} rows, {rows - problems} scored, {problems} with a problem: {output_path}")


def champion_package(root: DataRoot) -> Path:
    """Returns the folder of the champion's scoring package.

    Raises:
        click.ClickException: if nothing was packaged yet.
    """
    try:
        pointer = json.loads((root.registry / "champion.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise click.ClickException(
            f"{root.path} has no champion yet: run `weather-assets run --data {root.path}` first"
        ) from None
    return root.registry / pointer["version"] / "package"
