"""`python -m weather_assets_tests.chaos --seconds N --seed S`: harms `dev`, then asks for order.

Belongs here: the course of it, and its numbers. Does not belong here: what is done (`harm`), and
what must hold (`agreement`).
"""

import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import click
import psutil
from mlflow import MlflowClient

from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.adapters.tracking.model_registry import MODEL
from weather_assets.foundation.waiting import WaitedTooLongError, wait_until
from weather_assets_tests.chaos.agreement import Newest, disagreements, newest
from weather_assets_tests.chaos.harm import Harm
from weather_assets_tests.chaos.platform import LONGEST_SECONDS, Platform

_PAUSE_SECONDS, _REST_SECONDS = (1.0, 12.0), (30.0, 120.0)
_RESTS = 0.1
"""Between two harms: most strike what the one before has begun; before one in ten there is time for
a training or a rollout to come to be, and to be struck."""
_ALL_THE_WAY = Newest(recorded=True, processed=True, judged=True, served=True)


@click.command()
@click.option("--seconds", default=180.0, show_default=True, help="How long harm is done.")
@click.option("--seed", default=1, show_default=True, help="Decides what is done.")
def chaos(seconds: float, seed: int) -> None:
    """Harm `weather-assets dev` at random, then wait until all agrees; exit 0 only if it does."""
    for name in [each for each in os.environ if each.startswith(("AZURE_", "ENDPOINT_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        root, temporary = DataRoot.at(Path(folder, "root")).create(), Path(folder, "t")
        temporary.mkdir()
        os.environ[DATA_ROOT_VARIABLE] = str(root.path)
        platform = Platform(root, temporary)
        harm = Harm(platform, random.Random(seed))
        try:
            wrong = _course(platform, harm, seconds)
        except Exception:
            click.echo(f"What dev has said:\n{platform.said()}")
            raise
        finally:
            platform.close()
    if wrong:
        click.echo("\n".join(f"WRONG     {each}" for each in wrong))
        sys.exit(1)
    click.echo("all agrees, from the raw files to the endpoint, and nothing is left running")


def _course(platform: Platform, harm: Harm, seconds: float) -> list[str]:
    harm.add()
    platform.start()
    _strike(harm, seconds)
    platform.keep()
    began = time.monotonic()
    harm.add(2500)  # what was killed too often waits for new content, as it should
    wrong = [f"dev gave up {platform.gave_up} times"] if platform.gave_up else []
    try:
        platform.wait_quiet(lambda: newest(platform) == _ALL_THE_WAY)
        click.echo(f"quiet     {time.monotonic() - began:.0f} s after the last harm")
        wrong += disagreements(platform)
        if not wrong:
            _time_a_killed_family(platform, harm)
    except WaitedTooLongError as error:
        wrong += [str(error), *disagreements(platform)]
    _print_numbers(platform, harm)
    return [*wrong, *_end(platform)]


def _strike(harm: Harm, seconds: float) -> None:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        pause = _REST_SECONDS if harm.random.random() < _RESTS else _PAUSE_SECONDS
        time.sleep(harm.random.uniform(*pause))
        done = harm.strike()
        click.echo(f"{time.monotonic() - began:8.1f} s  {done}")


def _time_a_killed_family(platform: Platform, harm: Harm) -> None:
    """Kills a run with all its ranks, and the code server above it, as they train something new."""
    harm.add(2500)
    wait_until(platform.ranks, LONGEST_SECONDS, "ranks", pause_seconds=0.1)
    family = {each.pid: each for each in platform.workers()}
    for worker in list(family.values()):
        with suppress(psutil.NoSuchProcess):
            above = worker.parent()
            family |= {each.pid: each for each in worker.children(recursive=True)}
            family |= {above.pid: above} if above is not None else {}
    killed = time.monotonic()
    for process in family.values():
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    wait_until(
        lambda: newest(platform) == _ALL_THE_WAY,
        LONGEST_SECONDS,
        "the newest model to be served",
        pause_seconds=1.0,
    )
    click.echo(
        f"family    {len(family)} processes killed in a training; the newest model is served "
        f"{time.monotonic() - killed:.0f} s later, without a hand"
    )


def _print_numbers(platform: Platform, harm: Harm) -> None:
    client = MlflowClient(platform.root.tracking_uri)
    versions = len(client.search_model_versions(f"name = '{MODEL}'"))
    done = ", ".join(f"{count} x {kind}" for kind, count in sorted(harm.done.items()))
    kills = ", ".join(f"{count} x {kind}" for kind, count in sorted(harm.kills.items()))
    runs = ", ".join(f"{count} {status}" for status, count in sorted(platform.runs().items()))
    click.echo(f"harm      {done}")
    click.echo(f"kills     {harm.kills.total()}: {kills}")
    click.echo(f"arrivals  {harm.arrivals}; trainings {versions}; starts of dev {platform.starts}")
    click.echo(f"runs      {runs}")


def _end(platform: Platform) -> list[str]:
    """Ends `dev` in order; returns what is left of it."""
    platform.end()
    left = [
        *(f"{each.name} is left" for each in platform.temporary.iterdir()),
        *(f"process {each.pid} is left" for each in platform.simulator() + platform.scorers()),
    ]
    with platform.instance() as instance:
        unfinished = [run for run in instance.get_runs() if not run.is_finished]
    return [*left, *(f"run {each.run_id} is {each.status.value}" for each in unfinished)]


if __name__ == "__main__":
    chaos()
