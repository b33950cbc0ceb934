"""The programs that the benchmark of preparation times, each in a process of its own.

Belongs here: this project's preparation, from the files in `raw/` to a published version, and the
same work in DuckDB as anybody would write it. Does not belong here: the plain recipe
(`plain_recipe`), or timing (`preparation`).

    python -m weather_assets_tests.benchmarks.preparation_programs ours DATA_ROOT
    python -m weather_assets_tests.benchmarks.preparation_programs duckdb RAW.csv FOLDER
"""

import json
import sys
from pathlib import Path

RESULT_FILE = "result.json"
_QUANTILES = 33
_BOUNDS = {
    "Temperature": (-90, 60),
    "Humidity": (0, 100),
    "Wind_Speed": (0, 408),
    "Cloud_Cover": (0, 100),
    "Pressure": (500, 1090),
}


def prepare_ours(path: Path) -> None:
    """Records the raw files of a data root, prepares and publishes them; counts rows."""
    from pyspark.sql import SparkSession

    from weather_assets.adapters.files.data_root import DataRoot
    from weather_assets.adapters.files.raw_snapshot import take_snapshot
    from weather_assets.adapters.spark_environment import set_spark_environment
    from weather_assets.adapters.spark_session import spark_configuration
    from weather_assets.defs.code_versions import processing_code
    from weather_assets.workflows.preparation import prepare_weather

    def session() -> SparkSession:
        set_spark_environment()
        builder = SparkSession.builder
        for key, value in spark_configuration().items():
            builder = builder.config(key, value)
        return builder.getOrCreate()

    root = DataRoot.at(path)
    take_snapshot(root.raw, root.contract_file, root.hashes_file).save(root.snapshot_file)
    prepared = prepare_weather(root, session, processing_code(), {}, print)
    prepared.publish()
    counts = prepared.report.counts
    result = {
        "kept": counts.kept,
        "rejected": dict(counts.rejected_by_reason),
        "seconds": dict(prepared.report.seconds),
    }
    (path / RESULT_FILE).write_text(json.dumps(result), encoding="utf-8")


def prepare_in_duckdb(raw: Path, folder: Path) -> None:
    """Parses, validates, sets aside, divides, fits and writes Parquet, in one DuckDB process."""
    import duckdb

    database = duckdb.connect()
    database.execute(f"SET temp_directory = '{folder / 'spill'}'")
    cells = ", ".join(f"'{name}': 'VARCHAR'" for name in (*_BOUNDS, "Rain"))
    numbers = ", ".join(f'TRY_CAST("{name}" AS DOUBLE) AS "{name}"' for name in _BOUNDS)
    faults = " ".join(
        f'WHEN "{name}" IS NOT NULL AND TRY_CAST("{name}" AS DOUBLE) IS NULL '
        f"THEN 'not_a_number' "
        f"WHEN TRY_CAST(\"{name}\" AS DOUBLE) NOT BETWEEN {low} AND {high} THEN 'out_of_bounds'"
        for name, (low, high) in _BOUNDS.items()
    )
    texts = ", ".join(f'"{name}"' for name in (*_BOUNDS, "Rain"))
    # One pass over the text: kept and rejected rows go to a folder each.
    database.execute(f"""
        COPY (SELECT * EXCLUDE (raw), reason IS NULL AS is_kept,
            CASE WHEN reason IS NULL THEN NULL ELSE raw END AS raw,
            CASE WHEN row_hash % 1000 < 650 THEN 'train' WHEN row_hash % 1000 < 750
                THEN 'validation' ELSE 'test' END AS split
        FROM (SELECT {numbers}, CAST(Rain = 'rain' AS INTEGER) AS label_encoded,
            CASE {faults} WHEN Rain IS NULL THEN 'missing_label'
                WHEN Rain NOT IN ('rain', 'no rain') THEN 'unknown_label' END AS reason,
            hash({texts}) AS row_hash, concat_ws(',', {texts}) AS raw
            FROM read_csv('{raw}', header = true, columns = {{{cells}}}, store_rejects = true)))
        TO '{folder / "rows"}' (FORMAT parquet, PARTITION_BY (is_kept))
    """)
    weather, rejected_rows = (
        folder / "rows" / f"is_kept={kept}/*.parquet" for kept in ("true", "false")
    )
    ranks = [index / (_QUANTILES - 1) for index in range(_QUANTILES)]
    fitted = ", ".join(
        f'avg("{name}"), stddev_pop("{name}"), min("{name}"), max("{name}"), '
        f'approx_quantile("{name}", {ranks})'
        for name in _BOUNDS
    )
    statistics = database.execute(f"SELECT {fitted} FROM '{weather}' WHERE split = 'train'")
    (folder / "statistics.json").write_text(json.dumps(statistics.fetchone()), encoding="utf-8")
    counted = database.execute(f"SELECT count(*) FROM '{weather}'").fetchone()
    rejected = database.execute(
        f"SELECT reason, count(*) FROM '{rejected_rows}' GROUP BY reason"
    ).fetchall()
    result = {"kept": counted[0] if counted else 0, "rejected": dict(rejected)}
    (folder / RESULT_FILE).write_text(json.dumps(result), encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Runs one of the programs."""
    which, source = arguments[0], Path(arguments[1])
    if which == "ours":
        prepare_ours(source)
    elif which == "duckdb":
        prepare_in_duckdb(source, Path(arguments[2]))
    else:
        raise SystemExit(f"unknown program {which!r}; there are ours and duckdb")


if __name__ == "__main__":
    main(sys.argv[1:])
