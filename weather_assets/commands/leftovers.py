"""What killed processes have left running or lying about, ended before a command does its work.

Belongs here: children of a killed `dev`, a Local Azure that nobody uses any more, temporary files.
Does not belong here: runs that a killed process had begun (`recovery`). It is part of every
command with a data root, so that it loads next to nothing.
"""

import click

from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.foundation.held_files import files_in, left_behind
from weather_assets.foundation.scratch import remove_abandoned, users_temporary_folder

DEV_MARK = "WEATHER_ASSETS_DEV"
"""A variable that all processes of one `dev` carry, each `dev` with another value."""


def end_leftovers(root: DataRoot) -> None:
    """Ends what killed processes of a data root have left; what cannot be ended is said.

    Args:
        root: the data root. What a living `dev` or `run` uses is left alone.
    """
    try:
        remove_abandoned(users_temporary_folder())
        if left_behind(root.held_by_dev):
            _end_family(mark_of_dev(root))
        if any(map(left_behind, files_in(root.simulator_users))):
            _end_simulator(root)
    except (OSError, RuntimeError) as error:
        click.echo(f"Note: what a killed command has left stays for now: {error}", err=True)


def _end_family(mark: str) -> None:
    from weather_assets.foundation.marked_processes import end_marked

    end_marked({DEV_MARK: mark})


def _end_simulator(root: DataRoot) -> None:
    from weather_assets.adapters.azure import simulator

    simulator.end_abandoned(root.local_azure, root.simulator_users)


def address_of_dev(root: DataRoot) -> str:
    """Returns where the `dev` of a data root answers, or answered."""
    return root.held_by_dev.read_text("utf-8").split()[0]


def mark_of_dev(root: DataRoot) -> str:
    """Returns the value of `DEV_MARK` for the `dev` of a data root."""
    return root.held_by_dev.read_text("utf-8").split()[-1]
