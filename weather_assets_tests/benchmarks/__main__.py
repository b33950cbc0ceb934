"""`python -m weather_assets_tests.benchmarks`: runs benchmarks, prints tables, writes JSON.

Belongs here: the list of benchmarks, and running them one after the other. Does not belong here:
what they do. A new one is a module with `measure` and a line in `BENCHMARKS`.
"""

import os
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from weather_assets_tests.benchmarks.measurements import (
    Benchmark,
    BenchmarkError,
    BenchmarkResult,
    Workplace,
)
from weather_assets_tests.benchmarks.report import Entry, describe_machine, print_entry, write_json


def _of_module(name: str, title: str) -> Benchmark:
    """Returns the benchmark of a module of this package, which is imported when it is run."""

    def measure(workplace: Workplace) -> BenchmarkResult:
        return import_module(f"weather_assets_tests.benchmarks.{name}").measure(workplace)

    return Benchmark(name, title, measure)


BENCHMARKS = (
    _of_module("end_to_end", "2,500 five-column rows from raw file to verdict, processes included"),
    _of_module("skill", "Skill on held-out test rows with default settings"),
    _of_module("served_skill", "Rows that come after all that is known: skill of what is served"),
    _of_module("gate", "Simulated challengers that are no better: this gate and a naive one"),
    _of_module("live_skill", "Simulated service: false alarms, and weeks until a loss is found"),
    _of_module("latency", "A changed 2,500-row file to its verdict: new and running process"),
    _of_module("training_throughput", "Two training ranks against a bare DDP loop in memory"),
    _of_module("whole_run", "Five-column rows from raw file to verdict: time and peak memory"),
    _of_module("preparation", "Five-column rows from raw file to published Parquet"),
    _of_module("scorers", "Requests of raw readings to the packaged scorer and to one in PyTorch"),
)


@click.command()
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write all numbers.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([benchmark.name for benchmark in BENCHMARKS]),
    help="Run this one; may be given several times. All where it is not given.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with kaggle-weather-forecast.csv; without it an equivalent file is generated.",
)
@click.option(
    "--rows",
    type=click.IntRange(1_000_000, 1_000_000_000),
    default=10_000_000,
    show_default=True,
    help="Rows of the largest file; 100,000,000 take 30 GB of disk and half an hour.",
)
def main(json_path: Path | None, only: tuple[str, ...], data: Path | None, rows: int) -> None:
    """Run benchmarks; exit 0 only if every requirement is met."""
    # So that what a benchmark started is ended with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if data is not None and not (data / "kaggle-weather-forecast.csv").is_file():
        raise click.BadParameter(f"{data} has no kaggle-weather-forecast.csv", param_hint="--data")
    console = Console(highlight=False)
    machine = describe_machine()
    console.print(
        f"{machine['cores']} cores ({machine['processor']}), "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, Python {machine['python']}, {machine['java']}"
    )
    entries: list[Entry] = []
    for benchmark in BENCHMARKS:
        if not only or benchmark.name in only:
            entries.append(_run(benchmark, data, rows, console))
            print_entry(console, entries[-1])
            if json_path is not None:
                write_json(json_path, machine, entries)
    sys.exit(0 if all(entry.met for entry in entries) else 1)


def _run(benchmark: Benchmark, data: Path | None, rows: int, console: Console) -> Entry:
    began = time.monotonic()
    load_average = os.getloadavg()[0]

    def say(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.0f} s  {escape(line)}[/dim]")

    console.print(f"[bold]{benchmark.name}[/bold]: {benchmark.title}")
    with tempfile.TemporaryDirectory(prefix="weather_assets-bench-") as folder:
        workplace = Workplace(Path(folder), None if data is None else data.resolve(), say, rows)
        try:
            result = benchmark.measure(workplace)
        except BenchmarkError as error:
            return Entry(benchmark, time.monotonic() - began, load_average, None, str(error))
    return Entry(benchmark, time.monotonic() - began, load_average, result)


if __name__ == "__main__":
    main()
