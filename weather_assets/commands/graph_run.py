"""`weather-assets run`: the whole graph once, with progress, a summary and one readable reason.

Belongs here: running the job in this process and saying how it went. Does not belong here: what
the graph does (`defs`), or how progress looks (`progress`).
"""

import gzip
import json
import re
import shlex
import shutil
import time
import zlib
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import click
import dagster as dg
from filelock import FileLock, Timeout
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from weather_assets.adapters.azure import simulator
from weather_assets.adapters.files.data_root import DataRoot
from weather_assets.adapters.files.processed_versions import ProcessedVersions, read_manifest
from weather_assets.adapters.files.raw_snapshot import list_raw_files
from weather_assets.commands.hang_up import ending_with_the_terminal
from weather_assets.commands.instance import open_instance
from weather_assets.commands.invocation import this_command
from weather_assets.commands.progress import (
    ProgressHandler,
    progress_logger,
    skipped_steps_unmentioned,
)
from weather_assets.commands.recovery import working_run
from weather_assets.commands.storage_errors import storage_advice
from weather_assets.definitions import build_defs
from weather_assets.defs.resources import DataRootResource
from weather_assets.defs.training_metadata import VERDICT_CHECK
from weather_assets.foundation.scratch import scratch
from weather_assets.rollout.service import ServiceError
from weather_assets.workflows.published import (
    PackageRefusedError,
    published_package,
    published_version,
)

JOB = "continuous_training"
_FAILURE_FILE = "last_failure.txt"


class GraphRunError(click.ClickException):
    """The graph was not materialized as a whole; the message is the one reason to show."""


class GraphInterruptedError(GraphRunError):
    """Somebody ended the run: Ctrl-C, or a signal."""


def run_graph(
    root: DataRoot,
    console: Console,
    *,
    sample: Path | None = None,
    serve: bool = False,
    until: str | None = None,
    seed: int | None = None,
) -> bool:
    """Materializes every asset once and prints a summary.

    Args:
        root: the data root.
        console: where progress goes.
        sample: a file to start from where `raw/` is empty.
        serve: leave Local Azure running, if that is what serves; else one that was started here
            ends with the run, and its state stays.
        until: the last asset to be made, with all that it is made from; None for all assets.
        seed: of training, in place of what the settings say.

    Returns:
        Whether the champion is up to date; False where a candidate was judged and refused, which
        leaves the champion as it was.

    Raises:
        GraphRunError: if an asset failed or a blocking check did not pass.
        click.UsageError: if there is no such asset, or the sample cannot be used.
    """
    definitions = build_defs(
        resource_overrides={"data_root": DataRootResource(path=str(root.path))}
    )
    assets = _up_to(until, definitions)
    root.create()
    if sample is not None and not list_raw_files(root.raw):
        _take_sample(root, sample, console)
    lock = FileLock(root.path / ".run.lock", timeout=0)
    try:
        with lock, ending_with_the_terminal(), scratch(), _serving(root, stay=serve) as stays:
            refusal = _run(root, console, definitions, assets, seed)
            if until is None:
                _print_summary(root, console, promoted=refusal is None, stays=stays)
    except Timeout:
        raise GraphRunError(
            f"another run is working on {root.path}; wait for it, or use another data root"
        ) from None
    if refusal is not None:
        console.print(refusal, markup=False)
    return refusal is None


def _serving(root: DataRoot, *, stay: bool) -> AbstractContextManager[bool]:
    """Yields whether Local Azure stays; else one that is started in between ends with the block."""
    if stay:
        return nullcontext(enter_result=True)
    return simulator.ending_with_its_users(root.local_azure, root.simulator_users)


def _run(
    root: DataRoot,
    console: Console,
    definitions: dg.Definitions,
    assets: list[dg.AssetKey] | None,
    seed: int | None,
) -> str | None:
    """Runs the graph; returns why the candidate was refused, or None."""
    began = time.monotonic()
    handler = ProgressHandler(console)
    followed = dg.Definitions.merge(
        definitions, dg.Definitions(loggers={"progress": progress_logger(handler)})
    )
    with (
        open_instance(root) as instance,
        working_run(instance, root) as run_id,
        skipped_steps_unmentioned(),
    ):
        result = followed.resolve_job_def(JOB).execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={
                "loggers": {"progress": {"config": {}}},
                **({} if seed is None else {"resources": {"training": {"config": {"seed": seed}}}}),
            },
            asset_selection=assets,
            run_id=run_id,
        )
        if not result.success:
            raise _failure(result, root)
    _print_times(console, handler.step_seconds, time.monotonic() - began)
    checks = result.get_asset_check_evaluations()
    if all(check.passed for check in checks if check.check_name == VERDICT_CHECK):
        return None
    # The run has loaded MLflow by now; a run that fails before the verdict does without it.
    from weather_assets.adapters.tracking.model_registry import ModelRegistry
    from weather_assets.workflows.judgement import present_promotion

    return present_promotion(root, ModelRegistry(root.tracking_uri)).sentence


def _print_summary(root: DataRoot, console: Console, *, promoted: bool, stays: bool) -> None:
    """Prints rows, verdict and what serves; after a refusal, what serves only if it is running."""
    _print_rows(root, console)
    if promoted:
        _print_verdict(root, console)
    elif not stays or published_version(root) is None:
        return
    # Talking to the endpoint needs Azure's SDK, which nothing needs before the rollout.
    from weather_assets.commands.serving import print_serving

    try:
        print_serving(root, console, stays=stays)
    except (PackageRefusedError, ServiceError, OSError) as error:
        raise GraphRunError(f"all was made, but the endpoint cannot be seen: {error}") from None


def _up_to(until: str | None, definitions: dg.Definitions) -> list[dg.AssetKey] | None:
    """Returns an asset and all that it is made from; None stands for all assets."""
    if until is None:
        return None
    graph = definitions.resolve_asset_graph()
    names = {key.to_user_string() for key in graph.get_all_asset_keys()}
    if until not in names:
        raise click.UsageError(f"there is no asset {until!r}; there are {', '.join(sorted(names))}")
    found = dg.AssetSelection.assets(until).upstream().resolve(graph)
    # What was set aside is made together with what was kept, and says why there is too little.
    together = {dg.AssetKey("processed_weather"), dg.AssetKey("rejected_weather")}
    return list(found | together if found & together else found)


def _take_sample(root: DataRoot, sample: Path, console: Console) -> None:
    """Copies the sample into `raw/`, complete or not at all."""
    console.print(f"{root.raw} is empty: starting from the sample {sample.name}", markup=False)
    staged = root.raw / ".weather.csv.staged"
    try:
        with gzip.open(sample, "rb") as source, staged.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        staged.unlink()
        raise click.UsageError(f"the sample {sample} is no sound .csv.gz: {error}") from None
    staged.rename(root.raw / "weather.csv")


def _failure(result: dg.ExecuteInProcessResult, root: DataRoot) -> GraphRunError:
    """Returns the first failure in words; the traceback goes into a file."""
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed and evaluation.blocking:
            asset = evaluation.asset_key.to_user_string()
            return GraphRunError(
                f"{asset}, check {evaluation.check_name}: {evaluation.description}"
            )
    for event in result.all_events:
        data = event.event_specific_data
        error = getattr(data, "error", None)
        if error is None:
            continue
        path = root.dagster_home / _FAILURE_FILE
        with suppress(OSError):  # the disk may be full
            path.write_text(error.to_string(), encoding="utf-8")
        while error.cause is not None:
            error = error.cause
        # Dagster's message begins with the (dotted) class name of what was raised.
        message = re.sub(rf"^[\w.]*{re.escape(str(error.cls_name))}: ", "", error.message.strip())
        message = storage_advice(message) or message
        was_ended = error.cls_name == dg.DagsterExecutionInterruptedError.__name__
        kind = GraphInterruptedError if was_ended else GraphRunError
        return kind(f"{event.step_key or 'the run'}: {message}\n(traceback: {path})")
    return GraphRunError("the run failed; `weather-assets dev` shows its events")


def _print_times(console: Console, step_seconds: dict[str, float], seconds: float) -> None:
    stages = Table("stage", "seconds", "share", title="Where the time went", title_justify="left")
    for step, taken in step_seconds.items():
        stages.add_row(step, f"{taken:.1f}", f"{taken / seconds:.0%}")
    rest = seconds - sum(step_seconds.values())
    stages.add_row("orchestration", f"{rest:.1f}", f"{rest / seconds:.0%}")
    stages.add_row("all", f"{seconds:.1f}", "100%")
    console.print(stages)


def _print_rows(root: DataRoot, console: Console) -> None:
    manifest = read_manifest(ProcessedVersions(root.processed).current())
    counts = manifest["counts"]
    console.print(
        f"rows      {manifest['rows_in']:,} read = {counts['kept']:,} kept + "
        f"{counts['rejected']:,} set aside"
    )


def _print_verdict(root: DataRoot, console: Console) -> None:
    package = published_package(root)
    verdict = _read(root.registry / package.version / "verdict.json")
    for name in (
        "candidate",
        "champion",
        "gradient_boosting",
        "logistic_regression",
        "climatology",
    ):
        scores = verdict["scores"].get(name)
        if scores is not None:
            console.print(
                f"skill     {name:20} Brier skill {scores['brier_skill_score']:+.3f}   "
                f"ROC AUC {scores['roc_auc']:.3f}"
            )
    console.print(f"verdict   [bold]{verdict['outcome']}[/bold]")
    for claim in verdict["claims"]:
        console.print(f"          {claim['outcome']}: {escape(claim['sentence'])}")
    console.print(f"champion  version {package.version}, package {package.folder}", markup=False)
    console.print(
        f"offline   {this_command()} predict --data {shlex.quote(str(root.path))} "
        "--input rows.csv --output predictions.csv",
        markup=False,
    )


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
