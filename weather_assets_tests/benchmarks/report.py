"""How benchmarks are written down: the machine, a table for people, JSON for programs.

Belongs here: rendering of results. Does not belong here: measuring.
"""

import importlib.metadata
import json
import math
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from weather_assets_tests.benchmarks.measurements import (
    Benchmark,
    BenchmarkResult,
    Measurement,
    Requirement,
)

_LIBRARIES = (
    "dagster",
    "duckdb",
    "lightning",
    "mlflow",
    "onnxruntime",
    "pyarrow",
    "pyspark",
    "torch",
)
_JAVA_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Entry:
    """One benchmark of a report.

    Attributes:
        benchmark: which.
        seconds: how long it took in all.
        load_average: processes that wanted a core in the minute before it began; on an idle machine
            it is near 0, and above that the numbers say less.
        result: what it found; None if it could not be carried out.
        problem: why it could not, empty if it could.
    """

    benchmark: Benchmark
    seconds: float
    load_average: float
    result: BenchmarkResult | None
    problem: str = ""

    @property
    def met(self) -> bool:
        """Whether it was carried out and everything required was reached."""
        return self.result is not None and all(each.met for each in self.result.requirements)


def describe_machine() -> dict[str, Any]:
    """Returns what numbers depend on: cores, memory (bytes), platform, Python, Java, libraries."""
    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "platform": platform.platform(),
        "processor": _processor(),
        "python": platform.python_version(),
        "java": _java_version(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _java_version() -> str:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None:
        return "none"
    try:
        done = subprocess.run(
            [java, "-version"],
            capture_output=True,
            text=True,
            timeout=_JAVA_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown ({error})"
    return (done.stderr or done.stdout).strip().split("\n")[0]


def write_json(path: Path, machine: dict[str, Any], entries: Sequence[Entry]) -> None:
    """Writes everything: `machine`, `met`, and per benchmark every measurement and requirement."""
    document = {
        "machine": machine,
        "met": all(entry.met for entry in entries),
        "benchmarks": [_describe(entry) for entry in entries],
    }
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _describe(entry: Entry) -> dict[str, Any]:
    result = entry.result or BenchmarkResult(())
    return {
        "name": entry.benchmark.name,
        "title": entry.benchmark.title,
        "seconds": entry.seconds,
        "load_average_before": entry.load_average,
        "met": entry.met,
        "problem": entry.problem,
        "measurements": [_finite(asdict(each)) for each in result.measurements],
        "requirements": [
            {**_finite(asdict(each)), "met": each.met} for each in result.requirements
        ],
        "notes": list(result.notes),
    }


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields with null for what JSON has no number for."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in fields.items()
    }


def print_entry(console: Console, entry: Entry) -> None:
    """Prints one benchmark: its numbers, what was required, and what to know about them."""
    console.print()
    if entry.result is None:
        console.print(f"[red]{entry.benchmark.name} failed[/red]: {escape(entry.problem)}")
        return
    console.print(_table(entry.benchmark.title, entry.result.measurements))
    for note in entry.result.notes:
        console.print(f"  [dim]{escape(note)}[/dim]")
    for requirement in entry.result.requirements:
        console.print(f"  {_sentence(requirement)}")
    console.print(
        f"  [dim]{entry.seconds:.0f} s in all; load average before: {entry.load_average:.1f}[/dim]"
    )


def _sentence(requirement: Requirement) -> str:
    mark = "[green]met   [/green]" if requirement.met else "[red]MISSED[/red]"
    needed = f"{requirement.side} {requirement.bound:g}"
    return f"{mark} {number(requirement.value)} {escape(requirement.claim)} (needed: {needed})"


def _table(title: str, measurements: Sequence[Measurement]) -> Table:
    """Returns quantities as rows where there are more of them than subjects, or else as columns."""
    subjects = list(dict.fromkeys(each.subject for each in measurements))
    quantities = list(dict.fromkeys(each.quantity for each in measurements))
    cells = {(each.subject, each.quantity): _cell(each) for each in measurements}
    upright = len(quantities) > len(subjects)
    rows, columns = (quantities, subjects) if upright else (subjects, quantities)
    table = Table("", title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        places = [(column, row) if upright else (row, column) for column in columns]
        table.add_row(row, *(cells.get(place, "") for place in places))
    return table


def _cell(measurement: Measurement) -> str:
    return f"{number(measurement.value)} {measurement.unit}".rstrip()


def number(value: float) -> str:
    """Returns a number as a person wants to read it: thousands marked, four digits of the rest."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
