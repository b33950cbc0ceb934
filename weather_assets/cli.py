"""The `weather-assets` command: arguments in, one call, exit code out.

Belongs here: options, their defaults and help. Does not belong here: what the commands do
(`weather_assets.commands`), which is imported when it is needed.
"""

from pathlib import Path

import click
from dotenv import load_dotenv

from weather_assets.adapters.files.data_root import DATA_ROOT_VARIABLE, DataRoot
from weather_assets.adapters.files.plain_names import AwkwardNameError
from weather_assets.adapters.own_settings import tell_libraries
from weather_assets.commands.storage_errors import storage_problem
from weather_assets.foundation.documents import DocumentError

REFUSED = 3
"""Exit code of a run whose candidate was judged and refused: a normal day, the champion stays."""

data_option = click.option(
    "--data",
    "data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=DATA_ROOT_VARIABLE,
    default="data",
    show_default=True,
    show_envvar=True,
    help="The data root, with raw/ in it.",
)


class _Command(click.Group):
    """The command: what a data root is refused for, and what cannot be written, is a sentence."""

    def invoke(self, ctx: click.Context) -> object:
        """Calls the subcommand."""
        try:
            return super().invoke(ctx)
        except (AwkwardNameError, DocumentError) as error:
            raise click.ClickException(str(error)) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            problem = storage_problem(error)
            if problem is None:
                raise
            raise click.ClickException(problem) from None


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="weather_assets")
def main() -> None:
    """Continuous training of rain forecasts, from a raw weather.csv to a served model.

    A file `.env` in the current folder sets environment variables that are not set yet.
    """
    load_dotenv(Path(".env"))
    tell_libraries()


@main.command()
@data_option
@click.option(
    "--sample",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A .csv.gz to start from where raw/ is empty.",
)
@click.option(
    "--serve", is_flag=True, help="Leave Local Azure running, so that the model can be asked."
)
@click.option("--until", metavar="ASSET", help="Only up to this asset, such as model_verdict.")
def run(data: Path, sample: Path | None, until: str | None, *, serve: bool) -> None:
    """Materialize the whole graph once.

    Exit codes: 0 where the champion is up to date; 3 where a candidate was judged and refused, so
    that the champion stays; 1 where something failed; 2 where the command itself is wrong.
    """
    from weather_assets.commands.short_life import short_life

    root = _root(data)
    _refuse_misleading_environment()
    with short_life():
        from rich.console import Console

        from weather_assets.commands.graph_run import run_graph

        console = Console(highlight=False, soft_wrap=True)
        up_to_date = run_graph(root, console, sample=sample, serve=serve, until=until)
    if not up_to_date:
        raise SystemExit(REFUSED)


def _root(data: Path) -> DataRoot:
    """Returns the data root, without what killed commands have left there."""
    from weather_assets.commands.leftovers import end_leftovers

    root = DataRoot.at(data)
    end_leftovers(root)
    return root


def _refuse_misleading_environment() -> None:
    """Ends a command before any work where the environment would end it in the middle."""
    from weather_assets.commands.doctor import misleading

    found = [f"{each.name}: {each.sentence}; {each.remedy}" for each in misleading()]
    if found:
        raise click.UsageError("\n".join(found))


@main.command()
@data_option
@click.option(
    "--input",
    "input_path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Raw rows as CSV (also .csv.gz) or .parquet; label columns may be absent.",
)
@click.option(
    "--output",
    "output_path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write one line per row: probability, problem.",
)
def predict(data: Path, input_path: Path, output_path: Path) -> None:
    """Forecast raw rows with the champion, offline."""
    from weather_assets.commands import prediction

    prediction.predict(_root(data), input_path, output_path)


@main.command()
@data_option
@click.option("--from", "begin", metavar="TIME", help="When the clock starts: else half-way.")
@click.option("--to", "end", metavar="TIME", help="When it ends: else with the last row.")
@click.option("--step", default="1w", show_default=True, help="From tick to tick: h, d or w.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    default=("every", "once"),
    show_default=True,
    help="every: at each tick; once: never again; a period such as 4w: that often; lost_skill: "
    "where live skill is lost; oracle: at each tick, and every candidate serves. May be given "
    "several times.",
)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    type=click.IntRange(0),
    help="Of training, else the one of the settings. May be given several times: each policy is "
    "lived through with each.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write every step of every policy.",
)
@click.option(
    "--html",
    "html_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write a page with table and picture.",
)
def replay(
    data: Path,
    begin: str | None,
    end: str | None,
    step: str,
    policies: tuple[str, ...],
    seeds: tuple[int, ...],
    json_path: Path | None,
    html_path: Path | None,
) -> None:
    """Live through the rows of raw/ once more: what would each way of retraining have been worth?

    Every tick is a run of the real graph, up to the champion, on the rows that were known then;
    the rows up to the next tick are then forecast and scored. All of it in temporary data roots.
    """
    from rich.console import Console

    from weather_assets.commands.replay import ReplayOrder, compare_policies

    _refuse_misleading_environment()
    compare_policies(
        _root(data),
        Console(highlight=False),
        ReplayOrder(begin, end, step, policies, seeds),
        json_path=json_path,
        html_path=html_path,
    )


@main.group()
def endpoint() -> None:
    """Show the online endpoint that serves the model."""


@endpoint.command()
@data_option
def status(data: Path) -> None:
    """Show what serves, where, and a line that asks it."""
    from rich.console import Console

    from weather_assets.commands.serving import show_endpoint

    show_endpoint(_root(data), Console(highlight=False, soft_wrap=True))


@endpoint.command()
@data_option
def key(data: Path) -> None:
    """Print the endpoint's key (a secret), for an Authorization header."""
    from weather_assets.commands.serving import show_key

    click.echo(show_key(_root(data)))


@main.group()
def contract() -> None:
    """Describe files whose header no built-in contract recognises."""


@contract.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it, such as contract.toml; shown where absent.",
)
def suggest(file: Path, output: Path | None) -> None:
    """Propose a contract.toml from a sample of FILE, and say what it is unsure of."""
    from functools import partial

    from weather_assets.commands.suggestion import suggest_contract

    # Without an output the proposal alone goes to standard output, so that it can be redirected.
    suggest_contract(file, output, partial(click.echo, err=output is None), click.echo)


@main.command()
@data_option
def doctor(data: Path) -> None:
    """Say what is missing on this machine, and the command that mends it."""
    from weather_assets.commands.doctor import examine

    missing = False
    for finding in examine(_root(data)):
        mark = "ok     " if finding.healthy else "MISSING" if finding.needed else "note   "
        click.echo(f"{mark} {finding.name}: {finding.sentence}")
        if not finding.healthy:
            click.echo(f"        {finding.remedy}")
        missing |= finding.needed and not finding.healthy
    if missing:
        raise SystemExit(1)


@main.command()
@data_option
@click.option("--json", "as_json", is_flag=True, help="As one JSON document, for programs.")
def settings(data: Path, *, as_json: bool) -> None:
    """Show every setting: its value, where that comes from, what it may be and what it does."""
    from weather_assets.commands.settings import show

    if not show(DataRoot.at(data), click.echo, as_json=as_json):
        raise SystemExit(2)


@main.command()
@data_option
@click.option("--port", default=3000, show_default=True, help="Port of Dagster's UI.")
@click.option("--mlflow-port", default=5000, show_default=True, help="Port of MLflow's UI.")
def dev(data: Path, port: int, mlflow_port: int) -> None:
    """Serve Dagster's and MLflow's UIs on this machine, sensors on; Ctrl-C ends all of it."""
    _refuse_misleading_environment()
    from rich.console import Console

    from weather_assets.commands.development import serve_uis

    console = Console(highlight=False, soft_wrap=True)
    serve_uis(_root(data), console, port=port, mlflow_port=mlflow_port)


@main.command("prepare-environment")
def prepare_environment() -> None:
    """Make MLflow's empty tables, which new data roots start from (once per environment)."""
    from weather_assets.adapters.tracking.empty_tables import build_template

    click.echo(f"MLflow's empty tables: {build_template()}")


@main.command(
    "local-azure",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def local_azure(words: tuple[str, ...]) -> None:
    """Simulate Azure ML online endpoints: the command `local-azure`, with this one's cache."""
    import os

    from weather_assets.adapters.azure import simulator

    command = [*simulator.COMMAND, *words]
    os.execve(command[0], command, simulator.environment())  # noqa: S606 - a list, and no shell
