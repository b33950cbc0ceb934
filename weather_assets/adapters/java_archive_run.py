"""`python -m weather_assets.adapters.java_archive_run FILE`: a run whose classes are archived.

Belongs here: a session, the rows it works on, and a clean end of Java. Does not belong here: where
the archive lies and how it is used (`java_archive`).
"""

import csv
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from weather_assets.adapters.java_archive import QUIET
from weather_assets.adapters.spark_session import (
    JAVA_OPTIONS,
    set_spark_environment,
    spark_configuration,
)
from weather_assets.contract.loading import builtin_contracts
from weather_assets.contract.schema import Column, Contract
from weather_assets.processing.files.layouts import layout_of
from weather_assets.processing.files.raw_file import RawFile, read_opening
from weather_assets.processing.pipeline import process

_ROWS = 400
_END_SECONDS = 300.0
_FIRST_INSTANT = datetime(2013, 1, 1, tzinfo=UTC)


def main(archive: Path) -> None:
    """Processes a few rows of two built-in contracts, and has Java archive what that loaded."""
    set_spark_environment()
    builder = SparkSession.builder
    for key, value in spark_configuration("*").items():
        builder = builder.config(key, value)
    options = " ".join((*JAVA_OPTIONS, QUIET, f"-XX:ArchiveClassesAtExit={archive}"))
    spark = builder.config("spark.driver.extraJavaOptions", options).getOrCreate()
    # PySpark offers no other way to its Java process.
    gateway: Any = spark.sparkContext._gateway  # pyright: ignore[reportPrivateUsage]
    java: subprocess.Popen[bytes] = gateway.proc
    with tempfile.TemporaryDirectory() as scratch:
        for contract in representative_contracts():
            raw = Path(scratch) / f"{contract.name}.csv"
            write_example(raw, contract)
            layouts = [layout_of(read_opening(RawFile(str(raw), raw.name)), contract)]
            process(lambda: spark, layouts, contract, raw.with_suffix(".out"), small_bytes=0)
    spark.stop()
    # Java ends when its input does, and writes the archive then.
    java.communicate(timeout=_END_SECONDS)


def representative_contracts() -> list[Contract]:
    """Returns two contracts that between them use every stage: no time at all, and a lead."""
    contracts = builtin_contracts()
    timeless = next(contract for contract in contracts if contract.timestamp is None)
    return [timeless, next(contract for contract in contracts if contract.label.lead is not None)]


def write_example(path: Path, contract: Contract) -> None:
    """Writes rows that a contract takes: each value within its bounds, both classes, hourly."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(contract.header)
        for index in range(_ROWS):
            writer.writerow([_cell(name, index, contract) for name in contract.header])


def _cell(name: str, index: int, contract: Contract) -> str:
    if contract.timestamp is not None and contract.timestamp.column == name:
        stations = (
            1 if contract.station is None else len(contract.column(contract.station).categories)
        )
        instant = _FIRST_INSTANT + timedelta(hours=index // stations)
        chosen = contract.timestamp.format
        iso = chosen == "iso8601"
        return instant.strftime("%Y-%m-%d %H:%M:%S" if iso else chosen)
    column = next((column for column in contract.columns if column.name == name), None)
    if name == contract.label.column and contract.label.threshold is None:
        spellings = contract.label.positive if index % 3 == 0 else contract.label.negative
        return spellings[0]
    return _value(column, index) if column is not None else ""


def _value(column: Column, index: int) -> str:
    if column.categories:
        return column.categories[index % len(column.categories)]
    low, high = column.minimum or 0.0, column.maximum or 0.0
    return f"{low + (high - low) * (index * 37 % _ROWS) / _ROWS:.6f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
