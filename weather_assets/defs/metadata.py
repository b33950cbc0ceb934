"""How results are shown in the UI.

Belongs here: typed Dagster metadata made from domain results. Does not belong here: any decision.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.dataset as ds

from weather_assets.adapters.files.raw_snapshot import RawSnapshot
from weather_assets.contract.columns import Kind
from weather_assets.contract.schema import Contract
from weather_assets.processing.doubts.gates import Gate
from weather_assets.processing.parts.accounting import ProcessingReport

_PREVIEW_ROWS = 5
_CELL_CHARACTERS, _WARNING_CHARACTERS = 200, 2_000
OWNERS = ["team:weather"]
ROW_COUNT, LEARNED_ROWS = "dagster/row_count", "served_rows"
TRAINED_NOW, WANTS_TRAINING = "trained_now", "wants_training"
"""Names of metadata that are read again, by `retraining`."""


def check_result(name: str, asset: str, gate: Gate) -> dg.AssetCheckResult:
    """Returns a gate as the result of a blocking asset check."""
    return dg.AssetCheckResult(
        passed=gate.passed,
        check_name=name,
        asset_key=asset,
        description=gate.sentence,
        metadata=dict(gate.numbers),
    )


def snapshot_metadata(snapshot: RawSnapshot, raw: Path) -> dict[str, Any]:
    """Returns what `raw_weather` shows."""
    lines = ["| file | bytes | SHA-256 |", "| --- | ---: | --- |"]
    lines += [
        f"| {markdown(file.name)} | {file.size_bytes:,} | `{file.sha256[:16]}` |"
        for file in snapshot.files
    ]
    return {
        "folder": dg.MetadataValue.path(str(raw)),
        "files": len(snapshot.files),
        "size_bytes": snapshot.size_bytes,
        "content": dg.MetadataValue.md("\n".join(lines)),
    }


def processing_metadata(
    report: ProcessingReport, folder: Path, contract: Contract
) -> dict[str, Any]:
    """Returns what `processed_weather` shows: counts, schema, preview, missing shares, timing."""
    counts = report.counts
    balance = {
        f"{split}_event_share": counts.positives_by_split[split] / rows
        for split, rows in counts.rows_by_split.items()
        if rows
    }
    return {
        ROW_COUNT: counts.kept,
        "dagster/column_schema": column_schema(folder / "weather.parquet", contract),
        "path": dg.MetadataValue.path(str(folder / "weather.parquet")),
        "contract": contract.name,
        "rows_in": report.rows_in,
        "rows_rejected": counts.rejected,
        "rejected_share": counts.rejected / max(1, report.rows_in),
        **{f"{split}_rows": rows for split, rows in counts.rows_by_split.items()},
        **balance,
        "missing_share": dg.MetadataValue.md(_share_table(report.missing_share)),
        "preview": dg.MetadataValue.md(preview(folder / "weather.parquet")),
        "warnings": dg.MetadataValue.md(
            "\n".join(f"- {markdown(line, _WARNING_CHARACTERS)}" for line in report.warnings)
            or "none"
        ),
        **{f"{stage}_seconds": round(seconds, 2) for stage, seconds in report.seconds.items()},
    }


def rejection_metadata(report: ProcessingReport, folder: Path) -> dict[str, Any]:
    """Returns what `rejected_weather` shows: counts by reason and column, and a preview."""
    counts = report.counts
    return {
        "dagster/row_count": counts.rejected,
        "path": dg.MetadataValue.path(str(folder / "rejected.parquet")),
        "rejected_share": counts.rejected / max(1, report.rows_in),
        "by_reason": dg.MetadataValue.json(dict(counts.rejected_by_reason)),
        "by_column": dg.MetadataValue.json(dict(counts.rejected_by_column)),
        "preview": dg.MetadataValue.md(preview(folder / "rejected.parquet")),
    }


def column_schema(weather: Path, contract: Contract) -> dg.TableSchema:
    """Returns the columns of `weather.parquet`, with quantity and unit where known."""
    described = {
        column.name: (
            f"{column.quantity}, one of {', '.join(column.categories)}"
            if column.kind is Kind.CATEGORY
            else f"{column.quantity} in {column.unit}, {column.minimum:g} to {column.maximum:g}"
        )
        for column in contract.columns
    }
    described |= {
        "label_encoded": f"1 where the event happened: {contract.label.event}",
        "split": "train, validation or test",
        "row_hash": "hash of the row's content",
        "persistence": "1 where the event is observed when the forecast is made",
    }
    schema = ds.dataset(str(weather), format="parquet").schema
    return dg.TableSchema(
        columns=[
            dg.TableColumn(field.name, str(field.type), description=described.get(field.name))
            for field in schema
        ]
    )


def preview(folder: Path) -> str:
    """Returns the first rows of a Parquet folder as a Markdown table."""
    table = ds.dataset(str(folder), format="parquet").head(_PREVIEW_ROWS)
    lines = [
        "| " + " | ".join(table.column_names) + " |",
        "| " + " | ".join("---" for _ in table.column_names) + " |",
    ]
    for row in table.to_pylist():
        cells = ("" if value is None else markdown(str(value)) for value in row.values())
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def markdown(text: str, limit: int = _CELL_CHARACTERS) -> str:
    """Returns text from a raw file so that the UI shows it as it is, whatever is in it.

    Control characters become U+FFFD, markup is escaped, and what is longer than `limit` is cut off.
    """
    shown = text if len(text) <= limit else f"{text[:limit]}..."
    printable = "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in shown)
    return re.sub(r"([\\`*_\[\]|~<>&])", r"\\\1", printable)


def _share_table(shares: Mapping[str, float]) -> str:
    lines = ["| column | missing |", "| --- | ---: |"]
    lines += [f"| {name} | {share:.1%} |" for name, share in shares.items()]
    return "\n".join(lines)
