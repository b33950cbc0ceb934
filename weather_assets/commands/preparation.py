"""`weather-assets prepare-environment`: what can be made once, so that every run starts faster.

Belongs here: making it, and saying so. Does not belong here: what is made (`adapters`), or anything
that a run could not do without.
"""

from collections.abc import Callable

import click

from weather_assets.adapters.java_archive import JavaArchiveError, build_archive
from weather_assets.adapters.tracking.empty_tables import build_template


def prepare(say: Callable[[str], None]) -> None:
    """Makes Spark's class-data archive and MLflow's empty tables, in this virtual environment.

    Args:
        say: shows one line.

    Raises:
        click.ClickException: if the archive could not be made; the tables are there then.
    """
    say(f"MLflow's empty tables: {build_template()}")
    say("archiving the Java classes that Spark loads; takes about a minute")
    try:
        path = build_archive()
    except JavaArchiveError as error:
        raise click.ClickException(str(error)) from None
    say(f"class-data archive: {path} ({path.stat().st_size / 1e6:.0f} MB)")
