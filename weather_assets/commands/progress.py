"""How a run is shown in a terminal: one line per step, checks and messages below it.

Belongs here: turning Dagster's log records into lines. Does not belong here: starting runs, or what
the lines mean.
"""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from rich.console import Console
from rich.markup import escape


class ProgressHandler(logging.Handler):
    """Prints what a person wants to follow of a run's log records.

    Args:
        console: where to print.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.DEBUG)  # Dagster logs its events at this level
        self._console = console
        self._started: dict[str, float] = {}
        self.step_seconds: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Prints one record, if it says something new."""
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        step = meta.get("step_key")
        if event is None:
            if step is not None and record.levelno >= logging.INFO:
                self._console.print(f"    [dim]{escape(str(meta.get('orig_message', '')))}[/dim]")
            return
        shown = {
            "STEP_START": self._step_started,
            "STEP_SUCCESS": self._step_succeeded,
            "STEP_FAILURE": self._step_failed,
            "ASSET_CHECK_EVALUATION": self._check_evaluated,
        }.get(event.event_type_value)
        if shown is not None:
            shown(event)

    def _step_started(self, event: dg.DagsterEvent) -> None:
        self._started[str(event.step_key)] = time.monotonic()
        self._console.print(f"[bold]{event.step_key}[/bold]")

    def _step_succeeded(self, event: dg.DagsterEvent) -> None:
        seconds = self._finish(event)
        self._console.print(f"    [green]done[/green] in {seconds:.1f} s")

    def _step_failed(self, event: dg.DagsterEvent) -> None:
        seconds = self._finish(event)
        self._console.print(f"    [red]failed[/red] after {seconds:.1f} s")

    def _check_evaluated(self, event: dg.DagsterEvent) -> None:
        evaluation = event.asset_check_evaluation_data
        warning = evaluation.severity is dg.AssetCheckSeverity.WARN
        failed = "[yellow]warning[/yellow]" if warning else "[red]FAIL[/red]"
        mark = "[green]pass[/green]" if evaluation.passed else failed
        sentence = escape((evaluation.description or "").split("\n")[0])
        self._console.print(f"    {mark} {evaluation.check_name}: {sentence}")

    def _finish(self, event: dg.DagsterEvent) -> float:
        step = str(event.step_key)
        self.step_seconds[step] = time.monotonic() - self._started.get(step, time.monotonic())
        return self.step_seconds[step]


@contextmanager
def skipped_steps_unmentioned() -> Generator[None]:
    """Keeps Dagster from warning that what is below a skipped step proceeds without its checks.

    Nothing proceeds there: those steps are skipped as well (Dagster 1.13).
    """
    logger = logging.getLogger("dagster._core.execution.plan.active")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def progress_logger(handler: ProgressHandler) -> dg.LoggerDefinition:
    """Returns a Dagster logger that passes everything to `handler`."""

    def attach(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("weather_assets.progress", logging.DEBUG)  # noqa: LOG001  not shared
        logger.addHandler(handler)
        return logger

    make: Callable[[dg.InitLoggerContext], logging.Logger] = attach
    return dg.LoggerDefinition(make, config_schema={}, description="Progress in a terminal")
