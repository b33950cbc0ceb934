"""`weather-assets prepare-environment`: what can be made once, so that new data roots start faster.

Belongs here: making it, and saying so. Does not belong here: what is made (`adapters.tracking`), or
anything that a run could not do without.
"""

from collections.abc import Callable

from weather_assets.adapters.tracking.empty_tables import build_template


def prepare(say: Callable[[str], None]) -> None:
    """Makes MLflow's empty tables, in this virtual environment.

    Args:
        say: shows one line.
    """
    say(f"MLflow's empty tables: {build_template()}")
